"""The ticks of the law's side: thin by rule; truth is in the tables."""

import datetime

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from gdpr import compliance_alerts
from gdpr.audit import anchor, check, seal
from gdpr.due_dates import deadline
from gdpr.messages import send
from gdpr.models import AuditCheck
from gdpr.notices import delivery as notice_delivery
from gdpr.package import files
from gdpr.requests import after_checks, certificate, forget
from gdpr.requests.pipeline import execute
from gdpr.retention import retention
from swarm_admin.core.locks import run_exclusively

CHECK_EVERY = datetime.timedelta(days=1)


@shared_task
def seal_audit() -> None:
    seal.run_due()


@shared_task
def anchor_audit() -> None:
    seal.run_due()
    run_exclusively("audit_anchor", anchor.run_due)  # two would write the file and mail the officers twice


@shared_task
def check_audit() -> None:
    """The check that somebody asked for, and one a day by the clock; one process at a time.

    Whoever has the lock may begin anew what was begun: its worker is gone, or it would have the lock.
    """
    run_exclusively("audit_check", _check_audit)


def _check_audit() -> None:
    latest = AuditCheck.objects.order_by("-id").first()
    if latest is None or latest.requested_at < timezone.now() - CHECK_EVERY:
        check.request_check()
    check.run_due()


@shared_task
def run_request(request_id: int) -> None:
    """What is due of one request, at once: an objection does not wait for the tick."""
    execute.run_due(request_id=request_id)


@shared_task
def run_requests() -> None:
    execute.run_due()
    certificate.issue_due()


@shared_task
def send_messages() -> None:
    run_exclusively("messages", send.run_due)  # a mail server that hangs holds one thread, not one more each turn


@shared_task
def keep_up_requests() -> None:
    """What time brings: due dates of clocks that stand still, last looks, expiry, forgetting, alerts."""
    deadline.refresh_paused()
    after_checks.run_due()
    files.expire_due()
    forget.run_due()
    compliance_alerts.publish()


@shared_task
def purge_expired() -> None:
    """What may be kept no longer goes, here and everywhere it was handed to."""
    retention.queue_expired()
    retention.run_due()


@shared_task
def send_notices() -> None:
    run_exclusively("notices", notice_delivery.run_due)


def _every(task: str, seconds: float) -> dict[str, object]:
    every = max(settings.TICK_SECONDS, seconds)
    return {"task": f"gdpr.tasks.{task}", "schedule": every, "options": {"expires": every * 2}}


BEAT = {
    "seal-audit": _every("seal_audit", 2),
    "anchor-audit": _every("anchor_audit", 60),
    "check-audit": _every("check_audit", 5),
    "purge-expired": _every("purge_expired", 60),
    "send-notices": _every("send_notices", 10),
    "run-requests": _every("run_requests", 2),
    "send-messages": _every("send_messages", 5),
    "keep-up-requests": _every("keep_up_requests", 30),
}
