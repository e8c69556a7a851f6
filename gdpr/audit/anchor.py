"""Gives the chain's head out of the house, once a day and with each regulator pack: to a file, by mail to officers."""

import datetime
import json
import os
import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from gdpr.audit.check import anchors_file
from gdpr.audit.seal import head
from gdpr.models import AuditAnchor
from gdpr.models.audit import Occasion
from swarm_admin.core import mail
from swarm_admin.core.staff import with_permission

RETRY = datetime.timedelta(minutes=15)
UNKNOWN_AT_MOST = 2  # mails of which nobody knows whether they left; the next anchor covers this one's links


def run_due() -> None:
    """Anchor today's head if nobody has, and finish what an earlier try left. One process at a time (`tasks`)."""
    position, digest = head()
    if position:
        AuditAnchor.objects.get_or_create(
            occasion=Occasion.DAY, day=_today(), defaults={"position": position, "digest": digest}
        )
    due = AuditAnchor.objects.filter(not_before__lte=timezone.now())
    for anchor in due.filter(filed_at=None).order_by("position"):
        _publish(anchor, "filed_at", _file)
    if mail.why_not():
        return
    for anchor in due.filter(mailed_at=None, unknowns__lt=UNKNOWN_AT_MOST).order_by("position"):
        if not _publish(anchor, "mailed_at", _mail):
            return  # a server that is away is not asked once more for each of them


def anchor_for_pack() -> AuditAnchor | None:
    """An anchor of the head as it is now, filed at once; the officers get it by mail with the next tick.

    None for an empty chain.
    """
    position, digest = head()
    if not position:
        return None
    anchor, is_new = AuditAnchor.objects.get_or_create(
        occasion=Occasion.PACK, position=position, defaults={"day": _today(), "digest": digest}
    )
    if is_new:
        _publish(anchor, "filed_at", _file)
    return anchor


def officers() -> list[str]:
    """The addresses of all staff who may verify the ledger."""
    people = with_permission("gdpr.verify_audit")
    return sorted(people.exclude(email="").values_list("email", flat=True))


def _today() -> datetime.date:
    return timezone.now().astimezone(zoneinfo.ZoneInfo(settings.COMPLIANCE_TIME_ZONE)).date()


def _publish(anchor: AuditAnchor, mark: str, publish: Callable[[AuditAnchor], None]) -> bool:
    """A file that cannot be written or a mail server that is down is tried again, and shown meanwhile."""
    try:
        publish(anchor)
    except Exception as error:
        if isinstance(error, mail.OutcomeUnknown):
            anchor.unknowns += 1
        kind = str(error) if isinstance(error, mail.NotSent) else type(error).__name__
        anchor.error = f"{kind} at {mark.removesuffix('_at')}"[:200]
        anchor.not_before = timezone.now() + RETRY
        anchor.save(update_fields=["error", "not_before", "unknowns"])
        return False
    setattr(anchor, mark, timezone.now())
    anchor.error = ""
    anchor.save(update_fields=[mark, "error"])
    return True


def as_json_line(anchor: AuditAnchor) -> str:
    """The anchor as one JSON line, as file and mail carry it."""
    return json.dumps({"day": anchor.day.isoformat(), "position": anchor.position, "digest": anchor.digest})


def _file(anchor: AuditAnchor) -> None:
    path = anchors_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(as_json_line(anchor) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _mail(anchor: AuditAnchor) -> None:
    to = officers()
    if not to:
        raise LookupError("no one has permission to verify the audit log")
    mail.send(
        f"Audit log anchor for {anchor.day}",
        "Keep this message: it is how a truncated or rewritten audit log is detected.\n\n"
        f"{as_json_line(anchor)}\n\nTo verify: run manage.py verify_audit, or the verifier in the regulator pack.\n",
        to,
        message_id=mail.message_id("anchor", anchor.pk),
    )
