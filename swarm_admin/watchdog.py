"""The watch over the workers, in the process of beat, which does none of their work (D36).

A thread with a connection of its own, which it gives up after each look. What it finds it says itself: the notices of
an alert are else sent by the workers, who may be what stands still.
"""

import datetime
import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils import timezone

from enrichment.monitoring import standstill
from enrichment.monitoring.watch import grace_period
from swarm_admin import alerts

log = logging.getLogger(__name__)
EVERY_SECONDS = 15.0
LOOKS = 4  # at least, within the time after which work counts as standing still
SHORTEST = 0.2


def start(service: Any) -> None:
    """Watch beside beat's `service` until the process ends."""
    threading.Thread(target=_watch, args=(service,), name="watchdog", daemon=True).start()


def _watch(service: Any) -> None:
    was_stalled = True  # whatever was open when beat was started is looked after
    while True:
        try:
            was_stalled = check(service, was_stalled)
        except Exception as error:
            log.error("watchdog: %s", type(error).__name__)  # noqa: TRY400 - its words may be personal
        finally:
            connections.close_all()
        within = grace_period(settings.WATCHDOG_STALL_SECONDS).total_seconds()
        time.sleep(max(SHORTEST, min(EVERY_SECONDS, within / LOOKS)))


def check(service: Any, was_stalled: bool) -> bool:
    """One look; whether anything stands still. `was_stalled`: something did before, and its end is reported."""
    if _beat_is_alive(service):
        standstill.record_beat()
    found = bool(standstill.raise_standstill())
    if found or was_stalled:
        alerts.run_due()
    return found


def _beat_is_alive(service: Any) -> bool:
    """Whether beat itself goes on: its busiest entry was sent lately."""
    entry = service.scheduler.schedule.get("look")
    late = grace_period(settings.WATCHDOG_STALL_SECONDS) / 2
    since = entry.last_run_at if entry else None
    return since is None or since > timezone.now() - max(late, datetime.timedelta(seconds=2 * settings.TICK_SECONDS))
