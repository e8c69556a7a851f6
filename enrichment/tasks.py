"""The ticks: each claims what is due and does it. Thin by rule; truth is in the tables, not in messages."""

from collections.abc import Callable
from typing import Any

from celery import shared_task
from django.conf import settings

from enrichment.connections import probing
from enrichment.drift import mending, reconcile
from enrichment.imports import importing
from enrichment.jobs import jobs
from enrichment.models.handover import System
from enrichment.models.work import BatchKind
from enrichment.monitoring import due, watch
from enrichment.pilots import pilot
from enrichment.pipeline import crash_recovery, overdue, poll, runs
from enrichment.pipeline.deliver import running
from enrichment.pipeline.dispatch import plan, rows, submit, trigger, write_back
from enrichment.pipeline.receive import reading
from enrichment.scoring import rescore, snapshot, stale_scores
from enrichment.vendors import limiter
from enrichment.waterfall import spend_report, spending
from swarm_admin.core.locks import run_exclusively

BY_ITSELF = 15  # turns of the clock between two ticks that nobody woke


def run_in_free_slot(name: str, work: Callable[[], Any]) -> None:
    """Run `work` in the first free one of TICK_SLOTS places for this name, in whatever process.

    For the stages with most to do: more worker processes then get more done, and no stage takes every thread.
    """
    for slot in range(settings.TICK_SLOTS):
        if run_exclusively(f"{name}:{slot}", work):
            return


def then_wake(work: Callable[[], int], *ticks: tuple[Any, ...]) -> Callable[[], None]:
    """`work`, and where it did something the ticks that its outcome is work for, without waiting for their turn.

    Each of `ticks` is a task and its arguments.
    """

    def run() -> None:
        if work():
            for task, *arguments in ticks:
                task.apply_async(arguments, expires=2 * settings.TICK_SECONDS)

    return run


def schedule_again(task: Any, *arguments: str, seconds: float) -> None:
    """Run `task` again in so many real seconds, where that is before its next turn. Only one waits at a time.

    For work that a limit holds back: its slots become free all the time, not when the clock ticks.
    """
    if not 0 < seconds < settings.TICK_SECONDS:
        return
    key = ":".join(["tick", "again", task.name, *arguments])
    if limiter.connection().set(key, 1, nx=True, px=max(1, round(seconds * 1000))):
        task.apply_async(arguments, countdown=seconds, expires=seconds + 2 * settings.TICK_SECONDS)


def _dispatch(kind: BatchKind, run_due: Callable[[], int]) -> int:
    """Plan and send until nothing is due; returns how many calls were made."""
    made = 0
    while True:
        planned = plan.plan_batches(kind)
        ran = run_due()
        made += ran
        if not planned or not ran:
            return made


@shared_task
def dispatch_submissions() -> None:
    run_in_free_slot("submissions", lambda: _dispatch(BatchKind.SUBMIT, submit.run_due))
    schedule_again(dispatch_submissions, seconds=plan.seconds_until_due(BatchKind.SUBMIT))


@shared_task
def dispatch_rows() -> None:
    work = then_wake(lambda: _dispatch(BatchKind.ROWS, rows.run_due), (dispatch_triggers,))
    run_exclusively("rows", work)
    schedule_again(dispatch_rows, seconds=plan.seconds_until_due(BatchKind.ROWS))


@shared_task
def dispatch_triggers() -> None:
    run_in_free_slot("triggers", lambda: _dispatch(BatchKind.TRIGGER, trigger.run_due))
    schedule_again(dispatch_triggers, seconds=plan.seconds_until_due(BatchKind.TRIGGER))


@shared_task
def write_back_references() -> None:
    run_exclusively("write_back", lambda: _dispatch(BatchKind.UPDATE, write_back.run_due))


@shared_task
def read_runs() -> None:
    run_in_free_slot("runs", then_wake(runs.run_due, *((deliver_to, system) for system in System.values)))


@shared_task
def read_webhooks() -> None:
    work = then_wake(reading.run_due, (read_runs,), *((deliver_to, system) for system in System.values))
    run_in_free_slot("webhooks", work)


@shared_task
def deliver_to(system: str) -> None:
    run_in_free_slot(f"deliver:{system}", lambda: running.run_due(system))
    schedule_again(deliver_to, system, seconds=running.seconds_until_slot(system))


@shared_task
def run_imports() -> None:
    run_exclusively("imports", importing.run_due)


@shared_task
def run_retries() -> None:
    run_exclusively("retries", jobs.run_due)


@shared_task
def run_rescores() -> None:
    run_exclusively("rescores", lambda: rescore.run_due() + stale_scores.run_due())


@shared_task
def tidy_snapshot() -> None:
    """The scorecard preview's copy of the leads, where nobody uses it, and what its log no longer needs."""
    snapshot.remove_unused()


@shared_task
def sweep() -> None:
    """What killed workers left, and leads whose webhook never came."""
    crash_recovery.recover_lost_calls()
    run_exclusively("poll", poll.run_due)
    run_exclusively("overdue", lambda: runs.mark_overdue() + overdue.run_due())


@shared_task
def probe_vendors() -> None:
    """Vendors that do not answer are asked again when it is time."""
    run_exclusively("probe", probing.run_due)


@shared_task
def reconcile_clay() -> None:
    run_exclusively("reconcile", reconcile.run_due)


@shared_task
def mend_drift() -> None:
    run_exclusively("mend", mending.run_due)


@shared_task
def watch_conditions() -> None:
    run_exclusively("watch", watch.check_conditions)


@shared_task
def run_pilots() -> None:
    run_exclusively("pilots", pilot.run_due)


@shared_task
def close_books() -> None:
    run_exclusively("books", spending.close_days)


@shared_task
def count_spent_leads() -> None:
    run_exclusively("spent_leads", spend_report.keep_counted)


@shared_task
def look() -> None:
    """Wakes the ticks that have something to do."""
    for name, *arguments in due.due_ticks():
        globals()[name].apply_async(arguments, expires=2 * settings.TICK_SECONDS)


def _schedule_entry(task: str, *args: str, seconds: float = 0.0) -> dict[str, Any]:
    """By itself every so many real seconds, and without them as seldom as what `look` wakes besides may come."""
    tick = seconds or BY_ITSELF * settings.TICK_SECONDS
    # A tick that waited longer than its turn is dropped: the next one does its work.
    return {
        "task": f"enrichment.tasks.{task}",
        "schedule": tick,
        "args": args,
        "options": {"expires": tick * 2},
    }


BEAT = {
    "look": _schedule_entry("look", seconds=settings.TICK_SECONDS),
    "submissions": _schedule_entry("dispatch_submissions"),
    "rows": _schedule_entry("dispatch_rows"),
    "triggers": _schedule_entry("dispatch_triggers"),
    "write-back": _schedule_entry("write_back_references"),
    "webhooks": _schedule_entry("read_webhooks"),
    "runs": _schedule_entry("read_runs"),
    **{f"deliver-{system}": _schedule_entry("deliver_to", system) for system in System.values},
    "imports": _schedule_entry("run_imports"),
    "retries": _schedule_entry("run_retries"),
    "rescores": _schedule_entry("run_rescores"),
    "snapshot": _schedule_entry("tidy_snapshot", seconds=60.0),
    "reconcile": _schedule_entry("reconcile_clay", seconds=max(settings.TICK_SECONDS, 60 / settings.CLOCK_SPEED)),
    "mend": _schedule_entry("mend_drift"),
    "watch": _schedule_entry("watch_conditions", seconds=max(settings.TICK_SECONDS, 30 / settings.CLOCK_SPEED)),
    "pilots": _schedule_entry("run_pilots"),
    "books": _schedule_entry("close_books", seconds=max(settings.TICK_SECONDS, 60 / settings.CLOCK_SPEED)),
    "spent-leads": _schedule_entry("count_spent_leads", seconds=10.0),
    "probe": _schedule_entry("probe_vendors", seconds=max(settings.TICK_SECONDS, 10 / settings.CLOCK_SPEED)),
    "sweep": _schedule_entry("sweep", seconds=max(settings.TICK_SECONDS, 10 / settings.CLOCK_SPEED)),
}
