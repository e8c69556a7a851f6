"""The ticks: each claims what is due and does it. Thin by rule; truth is in the tables, not in messages."""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import connection

from enrichment import jobs, watch
from enrichment.drift import mending, reconcile
from enrichment.leases import hand_back_lapsed
from enrichment.models import Batch, Handover
from enrichment.models.work import BatchKind
from enrichment.pipeline import deliver, importing, poll, receive
from enrichment.pipeline.dispatch import plan, rows, trigger, write_back
from enrichment.states import BatchStatus, HandoverStatus


def side_by_side(name: str, work: Callable[[], Any]) -> None:
    """Run `work` in the first free one of TICK_SLOTS places for this name, in whatever process.

    For the stages with most to do: more worker processes then get more done, and no stage takes every thread.
    """
    for slot in range(settings.TICK_SLOTS):
        if alone(f"{name}:{slot}", work):
            return


def alone(name: str, work: Callable[[], Any]) -> bool:
    """Run `work` unless a tick of this name is at it in any process; False where one is.

    A courtesy, not a guarantee: it keeps one stage from taking every thread, while claims in the database keep
    two ticks from doing the same thing. The lock is the connection's, so it ends with a killed worker.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"tick:{name}"])
        if not cursor.fetchone()[0]:
            return False
    try:
        work()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"tick:{name}"])
    return True


@shared_task
def dispatch_rows() -> None:
    alone("rows", lambda: (plan.plan(BatchKind.ROWS), rows.run_due()))


@shared_task
def dispatch_triggers() -> None:
    alone("triggers", lambda: (plan.plan(BatchKind.TRIGGER), trigger.run_due()))


@shared_task
def write_back_references() -> None:
    alone("write_back", lambda: (plan.plan(BatchKind.UPDATE), write_back.run_due()))


@shared_task
def read_webhooks() -> None:
    side_by_side("webhooks", receive.run_due)


@shared_task
def deliver_to(system: str) -> None:
    side_by_side(f"deliver:{system}", lambda: deliver.run_due(system))


@shared_task
def run_imports() -> None:
    alone("imports", importing.run_due)


@shared_task
def run_retries() -> None:
    alone("retries", jobs.run_due)


@shared_task
def sweep() -> None:
    """What killed workers left, and leads whose webhook never came."""
    hand_back_lapsed(Batch, BatchStatus)
    hand_back_lapsed(Handover, HandoverStatus)
    alone("poll", poll.run_due)


@shared_task
def reconcile_clay() -> None:
    alone("reconcile", reconcile.run_due)


@shared_task
def mend_drift() -> None:
    alone("mend", mending.run_due)


@shared_task
def watch_conditions() -> None:
    alone("watch", watch.look)


def _every(task: str, *args: str, seconds: float | None = None) -> dict[str, Any]:
    tick = seconds or settings.TICK_SECONDS
    # A tick that waited longer than its turn is dropped: the next one does its work.
    return {
        "task": f"enrichment.tasks.{task}",
        "schedule": tick,
        "args": args,
        "options": {"expires": tick * 2},
    }


BEAT = {
    "rows": _every("dispatch_rows"),
    "triggers": _every("dispatch_triggers"),
    "write-back": _every("write_back_references"),
    "webhooks": _every("read_webhooks"),
    "deliver-ghl": _every("deliver_to", "ghl"),
    "deliver-instantly": _every("deliver_to", "instantly"),
    "imports": _every("run_imports"),
    "retries": _every("run_retries"),
    "reconcile": _every("reconcile_clay", seconds=max(settings.TICK_SECONDS, 60 / settings.CLOCK_SPEED)),
    "mend": _every("mend_drift"),
    "watch": _every("watch_conditions", seconds=max(settings.TICK_SECONDS, 30 / settings.CLOCK_SPEED)),
    "sweep": _every("sweep", seconds=max(settings.TICK_SECONDS, 10 / settings.CLOCK_SPEED)),
}
