"""What waits already: leads, write-backs and deliveries, as every estimate and the limits' screen count them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from enrichment.estimates.enriching import Leads
from enrichment.models import BatchItem, Handover, Lead
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus, HandoverStatus, ItemStatus
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from swarm_admin.core.cache import cached

WAITING = (HandoverStatus.PLANNED, HandoverStatus.UNKNOWN)


def waiting_work() -> dict[str, Any]:
    """Leads and deliveries that wait: rows, triggers, submissions, updates, due, later, handovers.

    A lead without a row waits for both a row and a trigger, or where nothing is triggered for a submission alone.
    `due`: leads that will be asked for. `first`: {priority: (leads, of them without a row)} of those that were never
    asked for, due later as well; `fill_ins`: {provider: leads that wait for it alone}. `handovers`: {system: {due,
    later}}. A few seconds old at most.
    """
    return dict(cached("waiting", _count))


def work_ahead_of(priority: int, found: dict[str, Any]) -> Leads:
    """Those of `waiting_work()` that leave before further leads of this priority."""
    counts = [count for each, count in found["first"].items() if each >= priority]
    return Leads(sum(leads for leads, _ in counts), sum(rowless for _, rowless in counts))


def _count() -> dict[str, Any]:
    now = timezone.now()
    rowless = Q(clay_row_id__isnull=True)
    due = Lead.objects.due_for_dispatch(now).aggregate(all=Count("pk"), rowless=Count("pk", filter=rowless))
    items = BatchItem.objects.filter(
        status=ItemStatus.PLANNED, batch__status__in=[BatchStatus.PLANNED, BatchStatus.UNKNOWN]
    )
    planned = dict(items.values_list("batch__kind").annotate(n=Count("pk")))
    asked = due["all"] + sum(planned.get(kind, 0) for kind in (BatchKind.ROWS, BatchKind.TRIGGER, BatchKind.SUBMIT))
    able = chosen.capabilities()
    triggers, writes = Capability.TRIGGER in able, Capability.UPDATE in able
    first, fill_ins = _by_kind(items, now, triggers=triggers)
    return {
        "rows": due["rowless"] + planned.get(BatchKind.ROWS, 0) if triggers else 0,
        "triggers": asked if triggers else 0,
        "submissions": 0 if triggers else asked,
        "due": asked,
        "updates": Lead.objects.due_for_write_back(now).count() + planned.get(BatchKind.UPDATE, 0) if writes else 0,
        "later": Lead.objects.filter(dispatch_after__gt=now).count(),
        "handovers": _handovers(now),
        "first": first,
        "fill_ins": fill_ins,
    }


def _by_kind(items: Any, now: Any, *, triggers: bool) -> tuple[dict[int, tuple[int, int]], dict[str, int]]:
    """(leads to be asked for by priority, leads to be filled in by provider), in a batch or on the way to one.

    Without `triggers` nobody is asked alone: such a lead is submitted like others.
    """
    rowless = Count("pk", filter=Q(clay_row_id__isnull=True))
    leads = Lead.objects.usable().filter(dispatch_after__isnull=False, retention_until__gt=now)
    rows = list(
        leads.order_by().values_list("dispatch_priority", "only_providers").annotate(n=Count("pk"), rowless=rowless)
    )
    in_batch = items.exclude(batch__kind=BatchKind.UPDATE).order_by()
    rows += in_batch.values_list("batch__priority", "batch__only_providers").annotate(
        n=Count("pk"), rowless=Count("pk", filter=Q(batch__kind=BatchKind.ROWS))
    )
    first: dict[int, tuple[int, int]] = {}
    fill_ins: Counter[str] = Counter()
    for priority, only, count, without_row in rows:
        if only and triggers:
            fill_ins.update(dict.fromkeys(only, count))
        else:
            have = first.get(priority, (0, 0))
            first[priority] = (have[0] + count, have[1] + without_row)
    return first, dict(fill_ins)


def _handovers(now: Any) -> dict[str, dict[str, int]]:
    rows = (
        Handover.objects.filter(status__in=WAITING)
        .values_list("system")
        .annotate(due=Count("pk", filter=Q(not_before__lte=now)), later=Count("pk", filter=Q(not_before__gt=now)))
    )
    return {system: {"due": due, "later": later} for system, due, later in rows}
