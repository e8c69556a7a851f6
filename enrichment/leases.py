"""Claiming due work that goes to a vendor, giving it back, and what becomes of it when its worker is lost."""

import datetime
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import redis
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils import timezone

from enrichment.models.work import Leased
from swarm_admin.core import work
from swarm_admin.core.states import advance, advance_each, advance_one
from swarm_admin.core.timing import due_in

log = logging.getLogger(__name__)
REDIS_IS_AWAY = (redis.ConnectionError, redis.TimeoutError)
Work = TypeVar("Work", bound=Leased)
Item = TypeVar("Item")
Result = TypeVar("Result")


def server_is_away(error: Exception) -> bool:
    """Whether PostgreSQL or Redis did not answer: then it says nothing about what was worked on."""
    return isinstance(error, REDIS_IS_AWAY) or not connection.is_usable()


def all_or_each(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Sequence[Result]],
    poisoned: Callable[[Item, Exception], None],
) -> list[Result]:
    """`work` of all items in one transaction; where that fails, of each in one of its own.

    So a poison item is named, by `poisoned`, and keeps nobody waiting. Answers what `work` answers of the
    others. The words of an exception may hold a person's data: they are not logged.
    """
    if not items:
        return []
    try:
        with transaction.atomic():
            return list(work(items))
    except Exception as error:
        if server_is_away(error):
            raise  # which is no item's fault: their leases run out
        if len(items) == 1:
            poisoned(items[0], error)
            return []
        log.warning("%s items failed together: %s", len(items), type(error).__name__)
    return [result for item in items for result in all_or_each([item], work, poisoned)]


def claim(queryset: models.QuerySet[Work], states: type[models.TextChoices], limit: int, *, stage: str) -> list[Work]:
    """Up to `limit` due rows, now in flight and ours; `claimed_from` on each is the status it had.

    `queryset` gives the order; `states` must have PLANNED, UNKNOWN and IN_FLIGHT. See `work.claim`.
    """
    due = queryset.filter(status__in=[states["PLANNED"], states["UNKNOWN"]], not_before__lte=timezone.now())

    def begin(mine: models.QuerySet[Any], lease: work.Values) -> None:
        advance(mine, states["IN_FLIGHT"], tries=models.F("tries") + 1, **lease)

    rows = work.claim(due, limit, begin, stage=stage)
    for row in rows:
        row.claimed_from = states(row.status)  # type: ignore[attr-defined]
        row.status = states["IN_FLIGHT"]  # type: ignore[attr-defined]
        row.tries += 1
    return rows


def release(work: Work, *, not_before: Any, counted: bool = True, error: Any = None) -> None:
    """Hand claimed work back as it was: due again at `not_before`; uncounted where it was not its fault."""
    values: dict[str, Any] = {"not_before": not_before, "in_flight_since": None}
    if not counted:
        values["tries"] = work.tries - 1
    if error is not None:
        values |= {"error_kind": error.kind, "error_message": str(error)[:300]}
    advance_one(work, work.claimed_from, **values)  # type: ignore[attr-defined]


def release_all(works: Sequence[Work], *, not_before: datetime.datetime) -> None:
    """Hand claimed work of one kind back as it was, uncounted: due again at `not_before`."""
    values = {
        work.pk: {
            "status": work.claimed_from,  # type: ignore[attr-defined]
            "not_before": not_before,
            "in_flight_since": None,
            "tries": work.tries - 1,
        }
        for work in works
    }
    if works:
        advance_each(type(works[0]), values)


def hand_back_lapsed(
    model: type[Work],
    states: type[models.TextChoices],
    set_aside: Callable[[models.QuerySet[Any], work.Values], Any],
) -> int:
    """Work whose worker was killed: its outcome is unknown, so it is read back before anything is sent (D12).

    `set_aside` gives up what lapsed too often, see `work.hand_back_lapsed`.
    """
    # A call that was on its way when its process ended may still arrive.
    arrived = datetime.timedelta(seconds=min(settings.VENDOR_TIMEOUT_SECONDS, settings.LEASE_SECONDS))

    def again(rows: models.QuerySet[Any], lease: work.Values) -> None:
        soonest = Greatest(Value(due_in(settings.READ_BACK_SECONDS)), models.F("in_flight_since") + arrived)
        advance(rows, states["UNKNOWN"], not_before=soonest, **lease)

    held = model._default_manager.filter(status=states["IN_FLIGHT"])
    return work.hand_back_lapsed(held, again, set_aside)
