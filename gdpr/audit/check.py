"""Verifies the ledger in the database: the chain, the anchors of the file, and what was never sealed."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from gdpr.audit.seal import EVENT_FIELDS, document
from gdpr.audit.verifier import Finding, Link, Report, distinct, read_anchors, verify
from gdpr.compliance_alerts import ComplianceAlert
from gdpr.models import AuditAnchor, AuditCheck, AuditEvent, AuditSeal, UnsealedEvent
from swarm_admin.core import mail, work

AT_ONCE = 5_000
A_DAY = datetime.timedelta(days=1)


def anchors_file() -> Path:
    """One JSON line a day. Meant to lie where the database's administrator cannot write."""
    return Path(settings.AUDIT_ANCHOR_FILE)


def file_anchors() -> list[dict[str, Any]]:
    """The anchors of the file. Raises ValueError for a broken line."""
    path = anchors_file()
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return list(read_anchors(lines))


def database_anchors() -> list[dict[str, Any]]:
    """The anchors as the database has them: whoever can write the ledger anew can write these too."""
    found = AuditAnchor.objects.order_by("position").values("day", "position", "digest")
    return [{**anchor, "day": anchor["day"].isoformat()} for anchor in found]


def anchors() -> list[dict[str, Any]]:
    """Every anchor once, wherever it lies, in the order of the chain. Raises ValueError for a broken line."""
    found = distinct([*file_anchors(), *database_anchors()])
    return [
        {"day": day, "position": position, "digest": digest}
        for position, digests in sorted(found.items())
        for digest, day in digests.items()
    ]


def links(until: int | None = None) -> Iterator[Link]:
    """The chain from its first link to that of `until`, read a page at a time."""
    position = 0
    sealed = AuditSeal.objects.order_by("position")
    sealed = sealed if until is None else sealed.filter(position__lte=until)
    while seals := list(sealed.filter(position__gt=position)[:AT_ONCE]):
        found = AuditEvent.objects.filter(pk__in=[seal.event_id for seal in seals]).values(*EVENT_FIELDS)
        events = {event["id"]: document(event) for event in found}
        for seal in seals:
            yield Link(seal.position, seal.digest, events.get(seal.event_id))
        position = seals[-1].position


def run(more: Iterable[Mapping[str, Any]] = ()) -> tuple[Report, int]:
    """(the report, how many events wait for their seal); `more` are anchors from elsewhere, such as from mails.

    Needs no lock: the chain only grows, and what is added while this reads is read as well.
    """
    report = verify(links(), [*file_anchors(), *more], inside=database_anchors())
    report.findings.extend(_unchained_events())
    return report, UnsealedEvent.objects.count()


def _unchained_events() -> list[Finding]:
    """Events that neither the chain nor its queue knows: written past the trigger."""
    strange = AuditEvent.objects.raw(
        "SELECT e.id FROM gdpr_auditevent e LEFT JOIN gdpr_auditseal s ON s.event_id = e.id "
        "LEFT JOIN gdpr_unsealedevent u ON u.event_id = e.id "
        "WHERE s.event_id IS NULL AND u.event_id IS NULL ORDER BY e.id LIMIT 20"
    )
    return [
        Finding("unchained", 0, event.pk, f"Event {event.pk} was written outside the chain: no link covers it.")
        for event in strange
    ]


def unfinished() -> QuerySet[AuditCheck]:
    """Checks that were asked for and have not ended."""
    return AuditCheck.objects.filter(finished_at=None, set_aside_at=None)


def run_due() -> int:
    """Verify whatever was asked for, the oldest first; returns how many checks were made."""
    work.hand_back_lapsed(
        unfinished().filter(in_flight_since__isnull=False),
        lambda checks, lease: checks.update(**lease),
        _give_up,
    )
    done = 0
    due = unfinished().filter(in_flight_since=None).order_by("id")
    while claimed := work.claim(due, 1, lambda mine, lease: mine.update(**lease), stage="audit_checks"):
        perform(claimed[0])
        done += 1
    return done


def _give_up(checks: QuerySet[AuditCheck], lease: work.Values) -> None:
    """It ends without a verdict, so that the next one may be asked for."""
    checks.update(finished_at=timezone.now(), verdict=f"Not checked: {work.LOST_SENTENCE}", **lease)


def perform(check: AuditCheck) -> AuditCheck:
    """Verify and record the outcome on `check`."""
    check.started_at = timezone.now()
    check.save(update_fields=["started_at"])
    try:
        report, check.unsealed = run()
        check.links, check.findings = report.links, report.document()
        check.anchored, check.verdict = report.anchored, report.verdict
    except ValueError as error:
        check.findings = [{"kind": "unreadable", "position": 0, "event_id": 0, "sentence": f"{error}."}]
        check.verdict = f"Not checked: {error}."[:400]
    check.finished_at = timezone.now()
    check.in_flight_since = None
    fields = ["links", "unsealed", "anchored", "verdict", "findings", "finished_at", "in_flight_since"]
    check.save(update_fields=fields)
    return check


def request_check(by: Any = None) -> tuple[AuditCheck, bool]:
    """The check under way, or a new one; and whether it is new. However many ask at once, there is one."""
    return AuditCheck.objects.get_or_create(finished_at=None, defaults={"requested_by": getattr(by, "pk", None)})


def audit_alerts() -> list[ComplianceAlert]:
    """A ledger that does not hold or is not anchored, and anchors that could not be given out for a day."""
    found = []
    last = AuditCheck.objects.filter(finished_at__isnull=False).order_by("-id").first()
    if last is not None and last.findings:
        found.append(
            ComplianceAlert(
                "audit_broken", 0, (f"The audit log failed verification: {last.findings[0]['sentence']}"), True
            )
        )
    elif last is not None and last.links and last.verdict and not last.anchored:
        found.append(ComplianceAlert("audit_unanchored", 0, f"The audit log is not anchored. {last.verdict}"))
    marks = ("filed_at",) if mail.why_not() else ("filed_at", "mailed_at")
    if any(_is_overdue(mark) for mark in marks):
        found.append(ComplianceAlert("anchor_late", 0, "No audit log anchor has been published for a day."))
    return found


def _is_overdue(mark: str) -> bool:
    """Whether an anchor waits for a day, and no later one, which covers more, has gone the same way."""
    gone = AuditAnchor.objects.exclude(**{mark: None}).aggregate(Max("position"))["position__max"] or 0
    waiting = AuditAnchor.objects.filter(created_at__lt=timezone.now() - A_DAY, **{mark: None})
    return waiting.filter(position__gt=gone).exists()
