"""Gives the chain's head out of the house once a day: to a file, and by mail to the officers."""

import datetime
import json
import os
import zoneinfo

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from gdpr.ledger.check import anchors_file
from gdpr.ledger.seal import head
from gdpr.models import AuditAnchor
from gdpr.staff import with_right

RETRY = datetime.timedelta(minutes=15)


def run_due() -> None:
    """Anchor today's head if nobody has, and finish what an earlier try left."""
    position, digest = head()
    if position:
        today = timezone.now().astimezone(zoneinfo.ZoneInfo(settings.COMPLIANCE_TIME_ZONE)).date()
        AuditAnchor.objects.get_or_create(day=today, defaults={"position": position, "digest": digest})
    due = AuditAnchor.objects.filter(not_before__lte=timezone.now())
    for anchor in due.filter(filed_at=None).order_by("day"):
        _try(anchor, "filed_at", _file)
    for anchor in due.filter(mailed_at=None).order_by("day"):
        _try(anchor, "mailed_at", _mail)


def officers() -> list[str]:
    """The addresses of all staff who may verify the ledger."""
    people = with_right("gdpr.verify_audit")
    return sorted(people.exclude(email="").values_list("email", flat=True))


def _try(anchor: AuditAnchor, mark: str, give: object) -> None:
    """A file that cannot be written or a mail server that is down is tried again, and shown meanwhile."""
    try:
        give(anchor)  # type: ignore[operator]
    except Exception as error:
        anchor.error = f"{type(error).__name__} at {mark.removesuffix('_at')}"[:200]
        anchor.not_before = timezone.now() + RETRY
        anchor.save(update_fields=["error", "not_before"])
        return
    setattr(anchor, mark, timezone.now())
    anchor.error = ""
    anchor.save(update_fields=[mark, "error"])


def line(anchor: AuditAnchor) -> str:
    """The anchor as one JSON line, as file and mail carry it."""
    return json.dumps({"day": anchor.day.isoformat(), "position": anchor.position, "digest": anchor.digest})


def _file(anchor: AuditAnchor) -> None:
    path = anchors_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line(anchor) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _mail(anchor: AuditAnchor) -> None:
    to = officers()
    if not to:
        raise LookupError("nobody may verify the ledger")
    send_mail(
        f"Audit ledger: anchor of {anchor.day}",
        "Keep this message: it is what shows a cut or rewritten ledger.\n\n"
        f"{line(anchor)}\n\nTo check: manage.py verify_audit, or the verifier of the regulator pack.\n",
        settings.DEFAULT_FROM_EMAIL,
        to,
    )
