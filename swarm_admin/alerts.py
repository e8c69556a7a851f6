"""Alerts leave the house: to e-mail and to a Slack-compatible webhook, as far as they are configured.

The list of alerts is PostgreSQL's; here each becomes a notice for each channel: when it opens, as a reminder
while nobody looks after it, and when its cause is gone. A notice is sent at least once, by a tick.
"""

import datetime
import logging
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from enrichment.alerts import NAMES
from enrichment.clock import backoff, span
from enrichment.leases import claim, hand_back_lapsed
from enrichment.models import Alert, AlertKind, AlertNotice
from enrichment.models.alert import Channel, Occasion, Told
from enrichment.states import BatchStatus, advance_one
from gdpr.staff import with_right

log = logging.getLogger(__name__)
CLAIMED_AT_ONCE = 20
TRIES = 8  # with the waits doubled, about an hour and a half
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
TIMEOUT_SECONDS = 10.0


class NotSent(Exception):
    """A notice did not go out; the word says why. `for_good`: no further try will help."""

    def __init__(self, word: str, *, for_good: bool = False) -> None:
        super().__init__(word)
        self.for_good = for_good


def run_due() -> int:
    """Plan what has to be said, then send what is due; returns how many notices went out."""
    plan()
    hand_back_lapsed(AlertNotice, BatchStatus)  # sent again: a notice twice is better than none
    sent = 0
    while notices := claim(AlertNotice.objects.order_by("not_before", "id"), BatchStatus, CLAIMED_AT_ONCE):
        sent += sum(_send(notice) for notice in notices)
    return sent


def channels(kind: str = "") -> list[Channel]:
    """Where alerts of a kind go as configured now; those of compliance by e-mail to officers, never to a chat."""
    found = [Channel.EMAIL] if addresses(kind) else []
    return [*found, Channel.SLACK] if settings.SLACK_WEBHOOK_URL and kind != AlertKind.COMPLIANCE else found


def addresses(kind: str) -> list[str]:
    """Who hears of an alert of this kind by e-mail."""
    if kind != AlertKind.COMPLIANCE:
        return list(settings.ALERT_EMAILS)
    officers = with_right("gdpr.handle_request")
    return sorted(officers.exclude(email="").values_list("email", flat=True))


# ---------------------------------------------------------------- what has to be said


def plan() -> int:
    """Notices for alerts about which something has to be said; returns how many."""
    now = timezone.now()
    remind = now - span(settings.ALERT_REMIND_SECONDS)
    is_open, over = Q(closed_at__isnull=True), Q(closed_at__isnull=False, by_itself=True)
    unseen = is_open & Q(acknowledged_at__isnull=True)
    due = (is_open & Q(told=Told.NOTHING)) | (unseen & ~Q(told=Told.NOTHING) & Q(told_at__lte=remind))
    planned = 0
    with transaction.atomic():
        said = Alert.objects.filter(due | over & Q(told=Told.OPEN)).order_by("pk")
        for alert in said.select_for_update(skip_locked=True):
            planned += _plan_one(alert, now)
    return planned


def _plan_one(alert: Alert, now: datetime.datetime) -> int:
    if alert.closed_at is not None:
        occasion, told = Occasion.OVER, Told.OVER
    else:
        occasion = Occasion.OPENED if alert.told == Told.NOTHING else Occasion.REMINDER
        told = Told.OPEN
    notices = [
        AlertNotice(alert=alert, channel=channel, occasion=occasion) for channel in channels(alert.kind)
    ]
    AlertNotice.objects.bulk_create(notices)
    Alert.objects.filter(pk=alert.pk).update(told=told, told_at=now)
    return len(notices)


# ---------------------------------------------------------------- how it is said


def _send(notice: AlertNotice) -> bool:
    subject, body = words(notice)
    try:
        if notice.channel == Channel.EMAIL:
            _mail(addresses(notice.alert.kind), subject, body)
        else:
            _post(subject, body)
    except NotSent as reason:
        _not_sent(notice, reason)
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


def _not_sent(notice: AlertNotice, reason: NotSent) -> None:
    log.warning("notice %s by %s: %s", notice.pk, notice.channel, reason)
    told: dict[str, Any] = {
        "error_kind": "not_sent",
        "error_message": str(reason)[:300],
        "in_flight_since": None,
    }
    if reason.for_good or notice.tries >= TRIES:
        advance_one(notice, BatchStatus.FAILED, finished_at=timezone.now(), **told)
    else:
        advance_one(notice, BatchStatus.PLANNED, not_before=backoff(notice.tries), **told)


def words(notice: AlertNotice) -> tuple[str, str]:
    """(one line, text) of a notice: what, since when, how often, where to look. No personal data."""
    alert = notice.alert
    word = {Occasion.OPENED: alert.get_severity_display(), Occasion.OVER: "Over"}.get(
        Occasion(notice.occasion), "Still open"
    )
    system = f" ({NAMES.get(alert.system, alert.system)})" if alert.system else ""
    line = f"[Swarm Admin] {word}: {alert.get_kind_display()}{system}"
    since = alert.opened_at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [alert.sentence, f"Since {since}; raised {alert.count:,} times."]
    if alert.closed_at:
        until = alert.closed_at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines = [f"It is over since {until}.", f"It was: {alert.sentence}"]
    return line, "\n".join([*lines, f"{settings.BASE_URL}{reverse('alerts')}"])


def _mail(to: list[str], subject: str, body: str) -> None:
    if not to:
        raise NotSent("not configured", for_good=True)
    message = EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, to)
    try:
        message.send()
    except Exception as error:
        # Whatever a mail backend raises; its words may hold addresses, so only its class is kept.
        raise NotSent(type(error).__name__) from None


def _post(subject: str, body: str) -> None:
    url = settings.SLACK_WEBHOOK_URL
    if not url:
        raise NotSent("not configured", for_good=True)
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK and (not settings.PRODUCTION or parts.scheme != "https"):
        raise NotSent("the address is not allowed here", for_good=True)
    try:
        with urllib3.PoolManager(ca_certs=certifi.where(), timeout=TIMEOUT_SECONDS) as pool:
            told = {"text": f"*{subject}*\n{body}"}
            answer = pool.request("POST", url, json=told, retries=False, redirect=False)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise NotSent(type(error).__name__) from None  # its words hold the address, which is a secret
    if not 200 <= answer.status < 300:
        raise NotSent(f"answered {answer.status}", for_good=answer.status in (400, 403, 404, 410))
