"""Alerts leave the house: to e-mail and to a Slack-compatible webhook, as far as they are configured.

The list of alerts is PostgreSQL's; here each becomes a notice for each channel: when it opens, as a reminder
while nobody looks after it, and when its cause is gone. A notice is sent by a tick; one of which nobody knows whether
it left goes out once more, under the same Message-ID: an alert twice is better than none.
"""

import datetime
import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from enrichment.leases import claim, hand_back_lapsed
from enrichment.models import Alert, AlertKind, AlertNotice
from enrichment.models.alert import Channel, LastNotification, Occasion
from enrichment.states import BatchStatus
from enrichment.vendors import registry
from swarm_admin.core import mail, work
from swarm_admin.core.bounded_http import BoundedTransport, total_timeout
from swarm_admin.core.staff import with_permission
from swarm_admin.core.states import advance, advance_one
from swarm_admin.core.timing import backoff, span

log = logging.getLogger(__name__)
TRIES = 8  # with the waits doubled, about an hour and a half
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
TIMEOUT_SECONDS = 10.0


class NotSent(Exception):
    """A notice did not go out; the word says why. `for_good`: no further try will help.

    `unknown`: it may have. `server_is_away`: no other notice by this channel would fare better now.
    """

    def __init__(
        self, word: str, *, for_good: bool = False, unknown: bool = False, server_is_away: bool = False
    ) -> None:
        super().__init__(word)
        self.for_good, self.unknown, self.server_is_away = for_good, unknown, server_is_away


def run_due() -> int:
    """Plan what has to be said, then send what is due; returns how many notices went out."""
    plan()
    hand_back_lapsed(AlertNotice, BatchStatus, _set_aside)  # sent once more: a notice twice is better than none
    sent = 0
    away: set[str] = set()
    # One at a time: each may take as long as a mail may, and all of them together longer than a lease.
    while notices := claim(_due_notices(away), BatchStatus, 1, stage="alerts"):
        sent += sum(_send(notice, away) for notice in notices)
    return sent


def _due_notices(away: set[str]) -> QuerySet[AlertNotice]:
    """Notices in their order, without those by channels whose server does not answer."""
    return AlertNotice.objects.exclude(channel__in=away).order_by("not_before", "id")


def _set_aside(notices: QuerySet[AlertNotice], lease: work.Values) -> None:
    error = {"error_kind": work.LOST, "error_message": work.LOST_SENTENCE}
    advance(notices, BatchStatus.FAILED, finished_at=timezone.now(), **error, **lease)


def channels(kind: str = "") -> list[Channel]:
    """Where alerts of a kind go as configured now; those of compliance by e-mail to officers, never to a chat."""
    found = [Channel.EMAIL] if recipients(kind) and not mail.why_not() else []
    return [*found, Channel.SLACK] if settings.SLACK_WEBHOOK_URL and kind != AlertKind.COMPLIANCE else found


def recipients(kind: str) -> list[str]:
    """Who hears of an alert of this kind by e-mail."""
    if kind != AlertKind.COMPLIANCE:
        return list(settings.ALERT_EMAILS)
    officers = with_permission("gdpr.handle_request")
    return sorted(officers.exclude(email="").values_list("email", flat=True))


# ---------------------------------------------------------------- what has to be said


def plan() -> int:
    """Notices for alerts about which something has to be said; returns how many."""
    now = timezone.now()
    remind = now - span(settings.ALERT_REMIND_SECONDS)
    is_open, over = Q(closed_at__isnull=True), Q(closed_at__isnull=False, by_itself=True)
    unseen = is_open & Q(acknowledged_at__isnull=True)
    due = (is_open & Q(told=LastNotification.NOTHING)) | (
        unseen & ~Q(told=LastNotification.NOTHING) & Q(told_at__lte=remind)
    )
    planned = 0
    with transaction.atomic():
        alerts = Alert.objects.filter(due | over & Q(told=LastNotification.OPEN)).order_by("pk")
        for alert in alerts.select_for_update(skip_locked=True):
            planned += _plan_one(alert, now)
    return planned


def _plan_one(alert: Alert, now: datetime.datetime) -> int:
    if alert.closed_at is not None:
        occasion, told = Occasion.OVER, LastNotification.OVER
    else:
        occasion = Occasion.OPENED if alert.told == LastNotification.NOTHING else Occasion.REMINDER
        told = LastNotification.OPEN
    notices = [AlertNotice(alert=alert, channel=channel, occasion=occasion) for channel in channels(alert.kind)]
    AlertNotice.objects.bulk_create(notices)
    Alert.objects.filter(pk=alert.pk).update(told=told, told_at=now)
    return len(notices)


# ---------------------------------------------------------------- how it is said


def _send(notice: AlertNotice, away: set[str]) -> bool:
    """Whether it went out; a channel whose server is away is put into `away`."""
    subject, body = render_notice(notice)
    try:
        if notice.channel == Channel.EMAIL:
            _send_mail(recipients(notice.alert.kind), subject, body, mail.message_id("alert", notice.pk))
        else:
            _post_to_slack(subject, body)
    except NotSent as reason:
        if reason.server_is_away:
            away.add(notice.channel)
        _record_failure(notice, reason)
        return False
    advance_one(
        notice,
        BatchStatus.DONE,
        finished_at=timezone.now(),
        in_flight_since=None,
        error_kind="",
        error_message="",
    )
    return True


def _record_failure(notice: AlertNotice, reason: NotSent) -> None:
    log.warning("notice %s by %s: %s", notice.pk, notice.channel, reason)
    values: dict[str, Any] = {
        "error_kind": "not_sent",
        "error_message": str(reason)[:300],
        "in_flight_since": None,
    }
    was_unknown = notice.claimed_from == BatchStatus.UNKNOWN  # type: ignore[attr-defined]
    if reason.unknown and not was_unknown:
        advance_one(notice, BatchStatus.UNKNOWN, not_before=backoff(notice.tries), **values)
    elif reason.for_good or reason.unknown or notice.tries >= TRIES:
        advance_one(notice, BatchStatus.FAILED, finished_at=timezone.now(), **values)
    else:
        advance_one(notice, BatchStatus.PLANNED, not_before=backoff(notice.tries), **values)


def render_notice(notice: AlertNotice) -> tuple[str, str]:
    """(one line, text) of a notice: what, since when, how often, where to look. No personal data."""
    alert = notice.alert
    word = {Occasion.OPENED: alert.get_severity_display(), Occasion.OVER: "Resolved"}.get(
        Occasion(notice.occasion), "Still open"
    )
    system = f" ({registry.name_of(alert.system)})" if alert.system else ""
    line = f"[Swarm Admin] {word}: {alert.get_kind_display()}{system}"
    since = alert.opened_at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [alert.sentence, f"Since {since}, raised {alert.count:,} time{'' if alert.count == 1 else 's'}."]
    if alert.closed_at:
        until = alert.closed_at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines = [f"Resolved at {until}.", f"Alert: {alert.sentence}"]
    return line, "\n".join([*lines, f"{settings.BASE_URL}{reverse('alerts')}"])


def _send_mail(to: list[str], subject: str, body: str, message_id: str) -> None:
    if not to:
        raise NotSent("not configured", for_good=True)
    try:
        mail.send(subject, body, to, message_id=message_id)
    except mail.OutcomeUnknown:
        raise NotSent("the mail server didn't confirm delivery", unknown=True, server_is_away=True) from None
    except mail.NotSent as error:
        raise NotSent(str(error), server_is_away=error.server_is_away) from None


def _post_to_slack(subject: str, body: str) -> None:
    url = settings.SLACK_WEBHOOK_URL
    if not url:
        raise NotSent("not configured", for_good=True)
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK and (not settings.PRODUCTION or parts.scheme != "https"):
        raise NotSent("this address isn't allowed here", for_good=True)
    try:
        with (
            total_timeout(2 * TIMEOUT_SECONDS),
            httpx.Client(transport=BoundedTransport(), timeout=TIMEOUT_SECONDS, trust_env=False) as client,
            # Its status is all that counts: the body, however long or slow, is left unread.
            client.stream("POST", url, json={"text": f"*{subject}*\n{body}"}) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotSent(type(error).__name__) from None  # its words hold the address, which is a secret
    if not 200 <= status < 300:
        raise NotSent(f"answered {status}", for_good=status in (400, 403, 404, 410))
