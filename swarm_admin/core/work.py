"""Work under a lease: claimed, handed back when its worker is lost, and set aside when that happens again and again.

A row is claimed by `claim`, which notes since when and by which process it is held. A lease *lapses* when the process
that holds it has ended, or has not come back for LEASE_SECONDS: `hand_back_lapsed` is the one place where that is
found and counted. What was in one claim, or in one process, lapses together, and only one of it need be to blame: so
work with a lapse behind it is claimed alone from then on, and by the quarantine (`manage.py quarantine`) where that
runs, whose processes hold one piece of work at a time. After LAPSES_MOST it is set aside for a person. Work that is
given back by its worker, because a limit or a pause is in its way, has not lapsed.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from swarm_admin.core import lease_holders, progress
from swarm_admin.core.errors import LOST as LOST
from swarm_admin.core.errors import LOST_SENTENCE as LOST_SENTENCE
from swarm_admin.core.states import advance

# The first lapse may be a neighbour's fault, the second a restart of the machine; at the third, alone, it is the work.
LAPSES_MOST = 3

QUARANTINE_KEY = "work:quarantine"
QUARANTINE_SECONDS = 15  # so long after its last sign the quarantine counts as running
ASKED_EVERY = 1.0  # seconds: whether it runs is remembered so long


class Leased(models.Model):
    """Work that one process at a time may hold."""

    in_flight_since = models.DateTimeField(null=True, blank=True)
    held_by = models.CharField(
        max_length=lease_holders.LONGEST,
        blank=True,
        default="",
        db_default="",  # processes of the release before go on inserting while it is migrated
        help_text="the process that claimed it last",
    )
    lapses = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="how often the process that held it was killed or stood still"
    )
    set_aside_at = models.DateTimeField(null=True, blank=True, help_text="given up because of that")

    class Meta:
        abstract = True


Work = TypeVar("Work", bound=Leased)
Values = dict[str, Any]


class LeaseLost(Exception):
    """The work was cancelled, or another worker has it; what was done without it is undone."""


def held_by_us(row: Any) -> "models.QuerySet[Any]":
    """The row in hand as long as its lease is ours: whoever records writes through this, or finds that it was lost."""
    found: models.QuerySet[Any] = type(row)._default_manager.filter(pk=row.pk, in_flight_since=row.in_flight_since)
    return found


def renew_lease(row: Any, **values: Any) -> None:
    """Begin the lease of the row in hand anew, and write `values` with it.

    Raises:
        LeaseLost: whoever has it by now does the work.
    """
    now = timezone.now()
    if not held_by_us(row).update(in_flight_since=now, **values):
        raise LeaseLost
    row.in_flight_since = now


def lease_cutoff(seconds: float | None = None) -> datetime.datetime:
    """Work begun before this is held by nobody any more. In real seconds: a call takes as long as it takes."""
    return timezone.now() - datetime.timedelta(seconds=settings.LEASE_SECONDS if seconds is None else seconds)


def claim(
    due: "models.QuerySet[Work]",
    limit: int,
    begin: Callable[["models.QuerySet[Any]", Values], Any],
    *,
    stage: str,
) -> list[Work]:
    """Up to `limit` rows of `due`, in its order, ours from now on; one alone where it has a lapse behind it.

    Rows that another process is claiming are passed over, not waited for. `begin(rows, values)` writes the lease in
    one UPDATE, with the status that goes with it. `stage`: what is told to have moved, see `progress`.
    """
    with transaction.atomic():
        rows = list(available(due).select_for_update(skip_locked=True, of=("self",))[:limit])
        rows = rows[:1] if rows and rows[0].lapses else [row for row in rows if not row.lapses]
        if not rows:
            return []
        # One that was set aside, and that a person had tried again, begins anew, alone.
        lapses = rows[0].lapses if rows[0].lapses < LAPSES_MOST else 1
        values: Values = {
            "in_flight_since": timezone.now(),
            "held_by": lease_holders.current_holder(),
            "lapses": lapses,
            "set_aside_at": None,
        }
        begin(type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]), values)
    for row in rows:
        for name, value in values.items():
            setattr(row, name, value)
    progress.mark_progress(stage)
    return rows


def claim_one(
    due: "models.QuerySet[Work]", status: models.TextChoices, *, stage: str, counted: bool = False
) -> Work | None:
    """The first row of `due`, ours and moved to `status`, in hand too; None: none is due. `counted`: one try more."""
    more: Values = {"tries": F("tries") + 1} if counted else {}
    claimed = claim(due, 1, lambda mine, lease: advance(mine, status, **more, **lease), stage=stage)
    for row in claimed:
        setattr(row, "status", status)  # noqa: B010 - a Leased declares neither of the two
        if counted:
            setattr(row, "tries", getattr(row, "tries") + 1)  # noqa: B009, B010
    return claimed[0] if claimed else None


def hand_back_lapsed(
    held: "models.QuerySet[Any]",
    again: Callable[["models.QuerySet[Any]", Values], Any],
    set_aside: Callable[["models.QuerySet[Any]", Values], Any],
    *,
    seconds: float | None = None,
) -> int:
    """Take back what lost its worker, of `held`: rows that are in flight; returns how many were found.

    `again(rows, values)` makes rows due once more, `set_aside(rows, values)` gives up those that lapsed for the last
    time; both write `values`, and `rows` holds only what is still lapsed when they do. `seconds`: a lease other than
    LEASE_SECONDS.
    """
    before = lease_cutoff(seconds)
    leases = held.order_by().values_list("pk", "lapses", "in_flight_since", "held_by")
    living: dict[str, bool] = {}
    found: dict[bool, list[int]] = {True: [], False: []}
    lapsed = models.Q(in_flight_since__lt=before)
    for pk, lapses, since, holder in leases:
        if holder not in living:
            living[holder] = not lease_holders.is_dead(holder)
        if not living[holder] or (since is not None and since < before):
            found[lapses + 1 >= LAPSES_MOST].append(pk)
    dead = [holder for holder, lives in living.items() if not lives]
    lapsed |= models.Q(held_by__in=dead, in_flight_since__isnull=False)
    values: Values = {"in_flight_since": None, "lapses": F("lapses") + 1}
    if found[False]:
        again(held.filter(lapsed, pk__in=found[False]), values)
    if found[True]:
        set_aside(held.filter(lapsed, pk__in=found[True]), {**values, "set_aside_at": timezone.now()})
    return len(found[True]) + len(found[False])


# ---------------------------------------------------------------- who may have what


_state = {"inside": False, "runs": False, "asked": 0.0}


def enter_quarantine() -> None:
    """From now on this process takes only work that has a lapse behind it."""
    _state["inside"] = True


def in_quarantine() -> bool:
    return bool(_state["inside"])


def mark_quarantine_alive() -> None:
    """Its sign of life, to be given more often than every QUARANTINE_SECONDS."""
    cache.set(QUARANTINE_KEY, 1, QUARANTINE_SECONDS)


def available(due: "models.QuerySet[Work]") -> "models.QuerySet[Work]":
    """What of `due` this process may have."""
    if in_quarantine():
        return due.filter(lapses__gt=0)
    return due.filter(lapses=0) if _is_quarantine_alive() else due


def _is_quarantine_alive() -> bool:
    now = time.monotonic()
    if now - _state["asked"] > ASKED_EVERY or not _state["asked"]:
        _state["asked"], _state["runs"] = (
            now,
            progress.unless_redis_is_down(lambda: cache.get(QUARANTINE_KEY)) is not None,
        )
    return bool(_state["runs"])
