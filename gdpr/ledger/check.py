"""Verifies the ledger in the database: the chain, the anchors of the file, and what was never sealed."""

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from gdpr.alarms import Alarm
from gdpr.ledger.seal import EVENT_FIELDS, document
from gdpr.ledger.verifier import Finding, Link, Report, verify
from gdpr.models import AuditAnchor, AuditCheck, AuditEvent, AuditSeal, UnsealedEvent

AT_ONCE = 5_000
A_DAY = datetime.timedelta(days=1)


def anchors_file() -> Path:
    """One JSON line a day. Meant to lie where the database's administrator cannot write."""
    return Path(settings.AUDIT_ANCHOR_FILE)


def anchors() -> list[dict[str, Any]]:
    """The anchors of the file, and of the database where the file lacks a day. Raises ValueError for a broken line."""
    told = [dict(a) for a in AuditAnchor.objects.values("position", "digest")]
    path = anchors_file()
    if path.exists():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            told.append(read_anchor(line, number))
    return told


def read_anchor(line: str, number: int) -> dict[str, Any]:
    """Raises ValueError with the number of the line."""
    try:
        entry = json.loads(line)
        return {"position": int(entry["position"]), "digest": str(entry["digest"])}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"line {number} of the file of anchors cannot be read") from None


def links() -> Iterator[Link]:
    """The chain from its first link, read a page at a time."""
    position = 0
    while seals := list(AuditSeal.objects.filter(position__gt=position).order_by("position")[:AT_ONCE]):
        found = AuditEvent.objects.filter(pk__in=[seal.event_id for seal in seals]).values(*EVENT_FIELDS)
        events = {event["id"]: document(event) for event in found}
        for seal in seals:
            yield Link(seal.position, seal.digest, events.get(seal.event_id))
        position = seals[-1].position


def run(more: Iterable[Mapping[str, Any]] = ()) -> tuple[Report, int]:
    """(the report, how many events wait for their seal); `more` are anchors from elsewhere, such as from mails.

    Needs no lock: the chain only grows, and what is added while this reads is read as well.
    """
    report = verify(links(), [*anchors(), *more])
    report.findings.extend(_unchained())
    return report, UnsealedEvent.objects.count()


def _unchained() -> list[Finding]:
    """Events that neither the chain nor its queue knows: written past the trigger."""
    strange = AuditEvent.objects.raw(
        "SELECT e.id FROM gdpr_auditevent e LEFT JOIN gdpr_auditseal s ON s.event_id = e.id "
        "LEFT JOIN gdpr_unsealedevent u ON u.event_id = e.id "
        "WHERE s.event_id IS NULL AND u.event_id IS NULL ORDER BY e.id LIMIT 20"
    )
    return [
        Finding("unchained", 0, event.pk, f"Event {event.pk} was written past the ledger: no link holds it.")
        for event in strange
    ]


def perform(check: AuditCheck) -> AuditCheck:
    """Verify and record the outcome on `check`."""
    check.started_at = timezone.now()
    check.save(update_fields=["started_at"])
    try:
        report, check.unsealed = run()
        check.links, check.findings = report.links, report.document()
    except ValueError as error:
        check.findings = [{"kind": "unreadable", "position": 0, "event_id": 0, "sentence": f"{error}."}]
    check.finished_at = timezone.now()
    check.save(update_fields=["links", "unsealed", "findings", "finished_at"])
    return check


def late() -> list[Alarm]:
    """A ledger that does not hold, and an anchor that could not be given out for a day."""
    found = []
    last = AuditCheck.objects.filter(finished_at__isnull=False).order_by("-id").first()
    if last is not None and last.findings:
        found.append(
            Alarm("audit_broken", 0, f"The audit ledger does not hold: {last.findings[0]['sentence']}", True)
        )
    waiting = AuditAnchor.objects.filter(created_at__lt=timezone.now() - A_DAY)
    if waiting.filter(Q(filed_at=None) | Q(mailed_at=None)).exists():
        found.append(
            Alarm("anchor_late", 0, "An anchor of the audit ledger could not be given out for a day.")
        )
    return found
