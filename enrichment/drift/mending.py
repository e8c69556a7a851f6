"""Mending drift between Clay and the mirror: planned, asked for by a person, done by a tick.

Every mending asks Clay for the row as it is now, and is safe to repeat: a killed worker's mending is done again.
"""

import logging
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enrichment.documents.waterfall import active_waterfall
from enrichment.drift.differences import close_drift
from enrichment.drift.known_kinds import is_compared, kinds
from enrichment.drift.repairs import REPAIRS, ROWLESS, NoSlotYet, NotRepairable, table_is_full
from enrichment.estimates.estimating import Work
from enrichment.leads.actions import STAFF_PRIORITY
from enrichment.leases import server_is_away
from enrichment.models import Drift, DriftKind
from enrichment.pipeline import recovery
from enrichment.vendor_pauses import pauses
from enrichment.vendors.errors import VendorError
from enrichment.waterfall.prices import Price, price_of
from gdpr import audit
from swarm_admin.core import shutdown, work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.timing import in_seconds

log = logging.getLogger(__name__)
MOST = 5_000  # in one request
TABLE_FULL = "not possible: Clay's table is full. Create a new one first"
NO_SOURCE = "not possible: Clay accepts no new rows. See Connections"
CLAIMED_AT_ONCE = 25
MENDINGS = {
    DriftKind.VALUES: "Copy Clay's values to our leads; pinned fields stay",
    DriftKind.UNKNOWN_ROW: "Create leads from the rows, with the usual intake checks",
    DriftKind.DUPLICATE: "Delete the duplicates in Clay; rows linked to leads stay",
    DriftKind.OTHER_TABLE: "Record the row's current table",
    DriftKind.ROW_GONE: "Create the rows again and enrich them",
    DriftKind.NOT_KEPT: "Create the rows again and enrich them",
    DriftKind.NO_ROW: "Send the leads to Clay",
    DriftKind.SUPPRESSED: "Delete the rows in Clay and read them back",
    DriftKind.SHARED_RECORD: "Deliver these leads again, each to a record of its own",
}


@dataclass(frozen=True)
class RepairPlan:
    """`price`: the price of one row, None where mending asks no provider."""

    kind: DriftKind
    ready: list[int]
    price: Price | None
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def cost(self) -> Decimal | None:
        """US dollars for all of it, as far as `price` knows."""
        return len(self.ready) * self.price.amount if self.price else None


def plan_repairs(kind: DriftKind, pk: int | None = None) -> RepairPlan:
    """What mending all open drift of a kind would take, or of the one row `pk`."""
    drifts = Drift.objects.filter(kind=kind, resolved_at__isnull=True).order_by("pk")
    if pk is not None:
        drifts = drifts.filter(pk=pk)
    left_out = Counter[str]()
    waiting = drifts.filter(mend_after__isnull=False).count()
    left_out["already being fixed"] = waiting
    free = drifts.filter(mend_after__isnull=True)
    if kind in ROWLESS and table_is_full():
        left_out[TABLE_FULL if is_compared() else NO_SOURCE] = free.count()
        free = free.none()
    if kind == DriftKind.VALUES and (others := free.filter(fields__contains=["linkedin_url"]).count()):
        left_out["not possible: the row now has another person's address. Correct it in Clay"] = others
        free = free.exclude(fields__contains=["linkedin_url"])
    ready = list(free.values_list("pk", flat=True)[: MOST + 1])
    if len(ready) > MOST:
        left_out[f"too many at once: at most {MOST:,}"] = free.count() - MOST
    document = active_waterfall()
    each = price_of(document) if kind in ROWLESS else None
    return RepairPlan(kind, ready[:MOST], each, +left_out)


def estimated_work(found: RepairPlan) -> Work:
    """What of it falls under a limit: leads to enrich again, or rows deleted one by one."""
    count = len(found.ready)
    if found.kind in ROWLESS:
        return Work(leads=count, rowless=count, priority=STAFF_PRIORITY)
    return Work(calls={"clay.updates": count if found.kind == DriftKind.DUPLICATE else 0})


def request_repairs(found: RepairPlan, *, by: Any) -> int:
    """Ask for what the plan says; returns how many will be mended."""
    with transaction.atomic():
        drifts = Drift.objects.filter(pk__in=found.ready, resolved_at__isnull=True, mend_after__isnull=True)
        list(drifts.order_by("pk").select_for_update().values_list("pk"))
        asked = drifts.update(mend_after=timezone.now(), mend_tries=0, mend_error="", mend_by=by)
        if asked:
            audit.record(Verb.FIX_DRIFT, by=by, object_type="drift", counts={"drifts": asked}, reason=found.kind)
    return int(asked)


# ---------------------------------------------------------------- the tick


def run_due() -> int:
    """Mend what was asked for until nothing is due; returns how many were tried.

    What was found by a look at Clay's rows waits while there is none.
    """
    done = 0
    while not (shutdown.is_requested() or pauses.open_pause("clay")) and (drifts := _claim()):
        for drift in drifts:
            _repair_one(drift)
        done += len(drifts)
    return done


def _claim() -> list[Drift]:
    asked = Drift.objects.filter(resolved_at__isnull=True, mend_after__isnull=False, kind__in=kinds())
    work.hand_back_lapsed(
        asked.filter(in_flight_since__isnull=False), lambda drifts, lease: drifts.update(**lease), _set_aside
    )
    due = asked.filter(mend_after__lte=timezone.now(), in_flight_since=None).select_related("lead", "mend_by")
    drifts = work.claim(
        due.order_by("mend_after", "pk"),
        CLAIMED_AT_ONCE,
        lambda mine, lease: mine.update(mend_tries=F("mend_tries") + 1, **lease),
        stage="mending",
    )
    for drift in drifts:
        drift.mend_tries += 1
    return drifts


def _set_aside(drifts: QuerySet[Drift], lease: work.Values) -> None:
    drifts.update(**{**lease, "mend_after": None, "mend_error": work.LOST_SENTENCE})


def _repair_one(drift: Drift) -> None:
    mine = work.held_by_us(drift)
    try:
        REPAIRS[DriftKind(drift.kind)](drift)
    except NotRepairable as sentence:
        mine.update(in_flight_since=None, mend_after=None, mend_error=str(sentence)[:300])
    except NoSlotYet as later:
        mine.update(in_flight_since=None, mend_after=in_seconds(later.args[0]), mend_tries=F("mend_tries") - 1)
    except VendorError as error:
        _after_error(drift, error)
    except Exception as error:
        if server_is_away(error):
            raise  # its lease runs out
        # One that cannot be mended must not keep the others from it.
        log.exception("mending of drift %s", drift.pk)
        mine.update(in_flight_since=None, mend_after=None, mend_error="Internal error. See the log.")
    else:
        if mine.update(in_flight_since=None):
            close_drift(Drift.objects.filter(pk=drift.pk))


def _after_error(drift: Drift, error: VendorError) -> None:
    log.warning("mending of drift %s: %s", drift.pk, error)
    step = recovery.next_step(error, tries=drift.mend_tries, limit="clay.updates", scope=drift.table_id)
    mine = work.held_by_us(drift)
    if step.action == "give_up":
        mine.update(in_flight_since=None, mend_after=None, mend_error=f"{error}. {error.advice}"[:300])
    else:
        mine.update(in_flight_since=None, mend_after=step.not_before, mend_tries=drift.mend_tries - (not step.counted))


def open_drift(kind: str = "") -> QuerySet[Drift]:
    """Open drift, the newest first; of one kind where it is given, else of all that are looked for."""
    drifts = (
        Drift.objects.filter(resolved_at__isnull=True, kind__in=kinds())
        .select_related("lead")
        .order_by("-first_seen", "-pk")
    )
    return drifts.filter(kind=kind) if kind else drifts
