"""Does background work stand still? Judged where none of it is done: by beat, and by the web process itself (D36)."""

import datetime
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from enrichment import alerts
from enrichment.alerts import Cause
from enrichment.models import AlertKind, Severity
from enrichment.monitoring import stages
from enrichment.monitoring.watch import grace_period
from gdpr.requests import stages as of_the_law
from swarm_admin.core import progress
from swarm_admin.core.progress import StalledStage, unless_redis_is_down

STAGES = (*stages.STAGES, *of_the_law.STAGES)
CAUSE = Cause(AlertKind.STANDSTILL)
BEAT_KEY = "beat:seen"
KEPT_SECONDS = 5.0  # an answer is given again for so long, so that asking often costs nothing
NAMED = 4  # stages in a sentence


@dataclass(frozen=True)
class Report:
    """`stages`: those that stand still, the longest first; `beat_since`: beat was last seen then, too long ago."""

    stages: tuple[StalledStage, ...] = ()
    beat_since: datetime.datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.stages or self.beat_since)

    @property
    def since(self) -> datetime.datetime | None:
        """Since when the first of it."""
        times = [stage.since for stage in self.stages] + ([self.beat_since] if self.beat_since else [])
        return min(times, default=None)

    @property
    def sentence(self) -> str:
        """For an alert, a banner and the Overview; "" where all moves."""
        parts = []
        if self.stages:
            names = [stage.label for stage in self.stages[:NAMED]]
            more = len(self.stages) - NAMED
            parts.append(f"Work is due but nothing is moving: {', '.join(names)}{f' and {more} more' * (more > 0)}.")
        if self.beat_since:
            parts.append("The scheduler (beat) is not running.")
        return " ".join([*parts, "Check the workers' log and restart them if needed."]) if parts else ""


def check_standstill() -> Report:
    """The rule, asked of the tables now: one statement, and a few more where something stands still."""
    wait = grace_period(settings.WATCHDOG_STALL_SECONDS)
    lease = datetime.timedelta(seconds=settings.LEASE_SECONDS)
    stages = progress.stalled_stages(STAGES, wait, lease)
    return Report(tuple(sorted(stages, key=lambda stage: stage.since)), _beat_missing(wait))


def _beat_missing(wait: datetime.timedelta) -> datetime.datetime | None:
    """When beat was seen last, if that is too long ago; one never seen is told by what is due and does not move."""
    last_beat = unless_redis_is_down(lambda: cache.get(BEAT_KEY))
    seen = datetime.datetime.fromtimestamp(last_beat, datetime.UTC) if last_beat else None
    return seen if seen and seen < timezone.now() - wait else None


def record_beat() -> None:
    """Beat's sign of life."""
    unless_redis_is_down(lambda: cache.set(BEAT_KEY, time.time(), None))


def raise_standstill() -> Report:
    """What the tables say, kept as an alert while it lasts."""
    report = check_standstill()
    alerts.raise_while(CAUSE, report.sentence, severity=Severity.CRITICAL)
    return report


# ---------------------------------------------------------------- for whoever asks often


_lock = threading.Lock()
_kept: list[tuple[float, Report]] = []


def cached_report() -> Report:
    """`check_standstill()`, KEPT_SECONDS old at most; one thread asks, the others take the answer before."""
    if _kept and time.monotonic() - _kept[0][0] < KEPT_SECONDS:
        return _kept[0][1]
    if not _lock.acquire(blocking=not _kept):
        return _kept[0][1]
    try:
        if not (_kept and time.monotonic() - _kept[0][0] < KEPT_SECONDS):
            report = check_standstill()
            _kept[:] = [(time.monotonic(), report)]
        return _kept[0][1]
    finally:
        _lock.release()


def forget_report() -> None:
    """As at the start of a process."""
    _kept.clear()
