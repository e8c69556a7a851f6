"""Whether work moves: every stage tells when something of it was claimed, and what has long been due is found.

The tellings are hints in Redis, a time for each stage; what is due is asked of the tables, in one statement for all. A
stage stands still where something of it has been due for so long, nothing of it was claimed meanwhile, and no known
pause explains it. This does none of the work itself, so it can be asked where no worker is (D36).
"""

import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from django.core.cache import cache
from django.db.models import CharField, F, Max, QuerySet, Value
from django.utils import timezone

Answer = TypeVar("Answer")


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Stage:
    """`due(before)`: rows that have been due since before then, `since` its column; in the order of an index, if any.

    `held()`: rows under a lease. `paused()`: a known pause or limit keeps all of it back. `label`: for people.
    """

    name: str
    label: str
    due: Callable[[datetime.datetime], "QuerySet[Any]"]
    since: str
    held: Callable[[], "QuerySet[Any]"] | None = None
    paused: Callable[[], bool] = _never


@dataclass(frozen=True)
class StalledStage:
    """A stage that stands still; `since`: when its oldest work became due, or was claimed by what is lost."""

    name: str
    label: str
    since: datetime.datetime


def mark_progress(stage: str) -> None:
    """Something of the stage was claimed, or looked at by a worker that had reason to leave it."""
    unless_redis_is_down(lambda: cache.set(_key(stage), time.time(), None))


def stalled_stages(
    stages: Sequence[Stage], patience: datetime.timedelta, lease: datetime.timedelta
) -> list[StalledStage]:
    """The stages of which nothing has moved for `patience`; `lease`: what is held for longer is lost."""
    before = timezone.now() - patience
    overdue = _overdue(stages, before, min(before, timezone.now() - lease))
    marks = unless_redis_is_down(lambda: cache.get_many([_key(name) for name in overdue])) if overdue else {}
    found = []
    for stage in stages:
        if stage.name not in overdue or _has_progress_since(stage, before, (marks or {}).get(_key(stage.name))):
            continue
        if not unless_redis_is_down(stage.paused):
            found.append(StalledStage(stage.name, stage.label, overdue[stage.name]))
    return found


def _overdue(
    stages: Iterable[Stage], before: datetime.datetime, held_before: datetime.datetime
) -> dict[str, datetime.datetime]:
    """{stage: since when}, of those that have anything overdue."""
    looks = []
    for stage in stages:
        looks.append(_oldest_row(stage, stage.due(before), stage.since))
        if stage.held:
            lost = stage.held().filter(in_flight_since__lt=held_before).order_by("in_flight_since")
            looks.append(_oldest_row(stage, lost, "in_flight_since"))
    found: dict[str, datetime.datetime] = {}
    for row in looks[0].union(*looks[1:], all=True):
        name, since = row["stage_name"], row["waits_since"]
        found[name] = min(since, found.get(name, since))
    return found


def _oldest_row(stage: Stage, rows: "QuerySet[Any]", since: str) -> "QuerySet[Any]":
    named = Value(stage.name, CharField())
    first: QuerySet[Any, Any] = rows.annotate(stage_name=named, waits_since=F(since)).values(
        "stage_name", "waits_since"
    )[:1]
    return first


def _has_progress_since(stage: Stage, before: datetime.datetime, marked_at: float | None) -> bool:
    if marked_at and datetime.datetime.fromtimestamp(marked_at, datetime.UTC) > before:
        return True
    begun = stage.held().aggregate(last=Max("in_flight_since"))["last"] if stage.held else None
    return begun is not None and begun > before


def unless_redis_is_down(ask: Callable[[], Answer]) -> Answer | None:
    """What Redis answers; None where it does not."""
    try:
        return ask()
    except (redis.ConnectionError, redis.TimeoutError):
        return None


def _key(stage: str) -> str:
    return f"work:moved:{stage}"
