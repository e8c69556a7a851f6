"""Alerts: raised where the cause is seen, counted while it lasts, closed when it is gone.

Raising writes one row; who is told, and how, is not decided here. An alert is one cause: kind, system and
subject. Sentences hold ids, counts and our own words, never a person's data.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enrichment.models import Alert, AlertKind, Severity
from enrichment.models.alert import LastNotification
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.timing import span

LONGEST = 500


@dataclass(frozen=True)
class Cause:
    """What an alert is about; two of the same are one alert."""

    kind: AlertKind
    system: str = ""
    subject: str = ""

    def open(self) -> QuerySet[Alert]:
        return Alert.objects.filter(kind=self.kind, system=self.system, subject=self.subject, closed_at__isnull=True)


def raise_alert(cause: Cause, sentence: str, *, severity: Severity = Severity.WARNING) -> None:
    """Open the cause's alert, or count it once more; a cause that has become more severe is told anew.

    One that came back soon after it was gone is the same alert opened again, so that a cause that comes
    and goes does not tell everybody each time.
    """
    words = {"sentence": sentence[:LONGEST], "last_at": timezone.now()}
    if _count(cause, words, severity) or _reopen_lately_closed(cause, words, severity):
        return
    try:
        with transaction.atomic():
            Alert.objects.create(
                kind=cause.kind, system=cause.system, subject=cause.subject, severity=severity, **words
            )
    except IntegrityError:
        _count(cause, words, severity)  # opened by another worker in this moment


def _count(cause: Cause, words: dict[str, Any], severity: Severity) -> bool:
    open_alerts = cause.open()
    worse = open_alerts.filter(severity__lt=severity)
    worse.update(severity=severity, told=LastNotification.NOTHING, acknowledged_at=None, acknowledged_by=None)
    return bool(open_alerts.update(count=F("count") + 1, **words))


def _reopen_lately_closed(cause: Cause, words: dict[str, Any], severity: Severity) -> bool:
    since = timezone.now() - span(settings.ALERT_REMIND_SECONDS)
    closed_lately = Alert.objects.filter(
        kind=cause.kind, system=cause.system, subject=cause.subject, by_itself=True, closed_at__gte=since
    )
    last = closed_lately.filter(severity__gte=severity).order_by("-closed_at").values_list("pk", flat=True).first()
    if last is None:
        return False
    try:
        with transaction.atomic():
            return bool(
                closed_lately.filter(pk=last).update(
                    closed_at=None, by_itself=False, acknowledged_at=None, count=F("count") + 1, **words
                )
            )
    except IntegrityError:
        return _count(cause, words, severity)


def close(cause: Cause) -> bool:
    """The cause is gone; False where there was no open alert of it."""
    return bool(cause.open().update(closed_at=timezone.now(), by_itself=True))


def raise_while(cause: Cause, sentence: str, *, severity: Severity = Severity.WARNING) -> None:
    """Raise the alert of a condition that is looked at now and again: open while `sentence` is not empty."""
    if sentence:
        raise_alert(cause, sentence, severity=severity)
    else:
        close(cause)


# ---------------------------------------------------------------- what people do


def visible_to(user: Any) -> QuerySet[Alert]:
    """Alerts of requests of data subjects are the officers' alone."""
    alerts = Alert.objects.all()
    return alerts if user.has_perm("gdpr.view_request") else alerts.exclude(kind=AlertKind.COMPLIANCE)


def open_alerts(user: Any) -> QuerySet[Alert]:
    """Those this person may see, the worst first."""
    return visible_to(user).filter(closed_at__isnull=True).order_by("-severity", "-last_at", "-id")


def count_open(user: Any) -> dict[str, int]:
    """Counts of what this person may see.

    `open`: not closed; `new`: of them not acknowledged; `worst`: severity of the worst new one, 0 for none.
    """
    severities = list(visible_to(user).filter(closed_at__isnull=True).values_list("severity", "acknowledged_at"))
    new = [severity for severity, acknowledged in severities if acknowledged is None]
    return {"open": len(severities), "new": len(new), "worst": max(new, default=0)}


def acknowledge(alert: Alert, *, by: Any) -> bool:
    """Somebody looks after it: no more reminders. False when somebody did already, or it is closed."""
    with transaction.atomic():
        done = Alert.objects.filter(pk=alert.pk, closed_at__isnull=True, acknowledged_at__isnull=True).update(
            acknowledged_at=timezone.now(), acknowledged_by=by
        )
        if done:
            audit.record(Verb.ACKNOWLEDGE_ALERT, by=by, on=alert, reason=alert.kind)
    return bool(done)


def close_by_hand(alert: Alert, *, by: Any) -> bool:
    """Out of sight; a cause that lasts opens a new one. False when it is closed already."""
    with transaction.atomic():
        done = Alert.objects.filter(pk=alert.pk, closed_at__isnull=True).update(
            closed_at=timezone.now(), closed_by=by, by_itself=False
        )
        if done:
            audit.record(Verb.CLOSE_ALERT, by=by, on=alert, reason=alert.kind)
    return bool(done)
