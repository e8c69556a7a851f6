"""Conditions that nobody's call runs into: looked at now and again, each an alert while it lasts."""

import contextlib
import datetime

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment import alerts
from enrichment.alerts import Cause
from enrichment.clay_sources import forecast
from enrichment.drift import capacity_forecast
from enrichment.drift.known_kinds import kinds
from enrichment.models import Alert, AlertKind, Attempt, Drift, DriftKind, Lead, ServiceHold, Severity, WebhookDelivery
from enrichment.models.connection import CLAY_ROWS
from enrichment.pipeline import recovery
from enrichment.pipeline.receive import triage
from enrichment.states import AttemptStatus, DeliveryStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import registry, vendor_health
from enrichment.vendors.errors import RateLimited
from enrichment.waterfall import spend_limits
from swarm_admin.core.timing import span

OVERDUE_POLLS = 2  # a lead is polled after POLL_AFTER_SECONDS; when this did not help either, it is overdue
HOUR = 3600
# People read alerts on their own clock: on a compressed one, ten minutes are ten seconds, and nobody is late.
LEAST = datetime.timedelta(seconds=60)
BODIES_READ = 5_000  # unread deliveries that are looked into, newest last
QUIET_AFTER_429 = 3600  # seconds without another one
LOOKED_BACK = 120  # seconds: four looks


def check_conditions() -> None:
    """Every condition once."""
    alerts.raise_while(Cause(AlertKind.WEBHOOK_BACKLOG, "clay"), webhook_backlog())
    alerts.raise_while(Cause(AlertKind.OVERDUE, "clay"), overdue())
    alerts.raise_while(Cause(AlertKind.NEEDS_PERSON), leads_needing_attention())
    alerts.raise_while(Cause(AlertKind.DRIFT, "clay"), open_drift())
    alerts.raise_while(Cause(AlertKind.ROWS_NOT_KEPT, "clay"), lost_rows(), severity=Severity.CRITICAL)
    table_capacity()
    forecast.check()
    spend_limits.clear_expired()
    rate_limited_calls()
    _close_what_is_over()


def grace_period(seconds: float) -> datetime.timedelta:
    """`seconds` of specified time, on a compressed clock LEAST at least."""
    return max(span(seconds), min(LEAST, datetime.timedelta(seconds=seconds)))


def unread_webhooks() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(status__in=[DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING])


def webhook_backlog() -> str:
    backlog = unread_webhooks().aggregate(count=Count("pk"), oldest=Min("received_at"))
    count, oldest = backlog["count"], backlog["oldest"]
    if not count:
        return ""
    late = oldest < timezone.now() - grace_period(settings.ALERT_WEBHOOK_AGE_SECONDS)
    if count < settings.ALERT_WEBHOOK_BACKLOG and not late:
        return ""
    minutes = (timezone.now() - oldest).total_seconds() / 60
    return (
        f"{_counted(count, 'webhook delivery waits', 'webhook deliveries wait')}; the oldest has waited "
        f"{minutes:,.0f} min."
    )


def overdue() -> str:
    """Those that nobody can ask Clay about wait for a decision; the others were asked about in vain."""
    if waiting := Lead.objects.without_result().count():
        leads = _counted(waiting, "lead has", "leads have")
        return f"{leads} had no result from Clay in time. Decide under Failures: wait longer, submit again or give up."
    if pauses.explains_standstill("clay", grace_period(settings.POLL_AFTER_SECONDS), reading=True):
        return ""  # nobody has asked Clay for the rows
    before = timezone.now() - OVERDUE_POLLS * grace_period(settings.POLL_AFTER_SECONDS)
    submitted = Attempt.objects.filter(lead=OuterRef("pk"), status=AttemptStatus.RUNNING).exclude(reference="")
    late = Lead.objects.overdue_in_clay(before).exclude(Exists(submitted))
    count = late.exclude(clay_row_id__in=_rows_with_unread_webhook()).count() if late.exists() else 0
    if not count:
        return ""
    leads = _counted(count, "lead has", "leads have")
    return f"{leads} been in progress in Clay for too long. Polling the rows didn't help."


def _rows_with_unread_webhook() -> set[str]:
    """Rows whose webhook lies unread here: Clay has answered, and it is for us to read."""
    rows = set()
    bodies = unread_webhooks().order_by("id").values_list("body", flat=True)[:BODIES_READ]
    for body in bodies.iterator(chunk_size=500):
        with contextlib.suppress(triage.Malformed):
            rows.add(triage.parse_event(bytes(body)).row_id)
    return rows


def leads_needing_attention() -> str:
    since = timezone.now() - span(HOUR)
    count = Lead.objects.filter(needs_person=True, error_at__gte=since).count()
    if count < settings.ALERT_FAILURES_PER_HOUR:
        return ""
    return f"{count:,} leads failed within an hour and need attention. See Failures, grouped by cause."


def open_drift() -> str:
    found = Drift.objects.filter(resolved_at__isnull=True, kind__in=kinds()).values("kind").annotate(count=Count("pk"))
    counts = {row["kind"]: row["count"] for row in found.order_by("kind")}
    if not counts:
        return ""
    parts = ", ".join(f"{DriftKind(kind).label.lower()}: {count:,}" for kind, count in counts.items())
    return f"Clay is out of sync ({parts})."


def lost_rows() -> str:
    if DriftKind.NOT_KEPT not in kinds():
        return ""
    count = Drift.objects.filter(resolved_at__isnull=True, kind=DriftKind.NOT_KEPT).count()
    if not count:
        return ""
    rows = _counted(count, "row that is", "rows that are")
    return f"Clay assigned IDs to {rows} not in its table. It has silently stopped accepting rows, or lost them."


def table_capacity() -> None:
    """How far each table is from full; a table that is used no more has no alert."""
    seen, full = set(), pauses.open_pause(CLAY_ROWS) is not None
    for table in capacity_forecast.tables():
        seen.add(table.table_id)
        cause = Cause(AlertKind.RUNWAY, "clay", table.table_id)
        is_told = table.current and full  # by the alert of the pause
        alerts.raise_while(
            cause, "" if is_told or not table.level else table.sentence, severity=table.level or Severity.INFO
        )
    left = Alert.objects.filter(kind=AlertKind.RUNWAY, closed_at__isnull=True).exclude(subject__in=seen)
    for subject in left.values_list("subject", flat=True):
        alerts.close(Cause(AlertKind.RUNWAY, "clay", subject))


def rate_limited_calls() -> None:
    """429s of any call, those as well that are not tried again: by what the call health counts."""
    for vendor in (each.slug for each in registry.registered()):
        for vital in vendor_health.call_health(vendor):
            key, count = f"seen-429:{vendor}:{vital.call}", vital.counts.get("429", 0)
            if count > cache.get(key, 0) and not _was_raised_lately(vendor, vital.call):
                recovery.alert_of_limit(RateLimited(vendor, vital.call, 429))
            cache.set(key, count, vendor_health.KEEP_SECONDS)


def _was_raised_lately(vendor: str, call: str) -> bool:
    """The call's own path has raised the alert since the last look but one."""
    since = timezone.now() - grace_period(LOOKED_BACK)
    alerts_of_call = Alert.objects.filter(kind=AlertKind.RATE_LIMITED, system=vendor, subject=call)
    return alerts_of_call.filter(closed_at__isnull=True, last_at__gte=since).exists()


def _close_what_is_over() -> None:
    now = timezone.now()
    stopped = Alert.objects.filter(closed_at__isnull=True)
    held = ServiceHold.objects.filter(lifted_at__isnull=True).values("system")
    kinds = (*pauses.HOLDS.values(), AlertKind.HOLD)
    of_vendors = stopped.filter(kind__in=kinds).exclude(kind=AlertKind.TABLE_FULL)
    of_vendors.exclude(Q(system__in=held) | Q(subject__in=held)).update(closed_at=now, by_itself=True)
    if not ServiceHold.objects.filter(lifted_at__isnull=True, system=CLAY_ROWS).exists():
        stopped.filter(kind=AlertKind.TABLE_FULL).update(closed_at=now, by_itself=True)
    quiet = now - span(QUIET_AFTER_429)
    stopped.filter(kind=AlertKind.RATE_LIMITED, last_at__lt=quiet).update(closed_at=now, by_itself=True)


def _counted(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
