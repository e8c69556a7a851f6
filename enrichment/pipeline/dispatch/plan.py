"""Which leads go to Clay together: full batches at once, a partial one after 60 s (D8).

What the budget has no room for, and what the mirror knows already, is not asked of Clay although it is due.
"""

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from enrichment.documents.waterfall import active_waterfall
from enrichment.models import Batch, Lead, SpendCap
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.models.spend import CapPeriod
from enrichment.models.work import AWAITS_BUDGET, URGENT, BatchKind
from enrichment.pipeline.deliver.planning import plan_all
from enrichment.pipeline.dispatch import company_cache
from enrichment.pipeline.dispatch.batch import create_batch, leads_in_doubt
from enrichment.pipeline.dispatch.company_cache import ReusedData
from enrichment.pipeline.mirror.run import status_of
from enrichment.states import DELIVERED, BatchStatus, EnrichmentStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.table import clay_table
from enrichment.waterfall import spend_limits
from enrichment.waterfall.prices import price_of
from swarm_admin.core import progress
from swarm_admin.core.states import advance_one
from swarm_admin.core.timing import span

OPEN = (BatchStatus.PLANNED, BatchStatus.IN_FLIGHT, BatchStatus.UNKNOWN)
# Planned ahead of the limits only so far: what comes with a higher priority must not stand behind a crowd.
AHEAD = 8
ENOUGH = 2  # batches of one sort wait for a provider's budget: it has somebody to serve when it opens
NOTHING = ReusedData()


def plan_batches(kind: BatchKind) -> int:
    """Freeze batches of one kind from the leads that are due; returns how many."""
    progress.mark_progress("planning")
    connector = chosen.connector_class()
    table = "" if kind == BatchKind.SUBMIT else clay_table()
    now = timezone.now()
    # A batch that waits takes nobody's place; of those that wait for a provider, see `_behind_others`.
    room = AHEAD - Batch.objects.filter(kind=kind, status__in=OPEN, not_before__lte=now).count()
    if not has_way(kind, connector.capabilities) or not (table or kind == BatchKind.SUBMIT) or room <= 0:
        return 0
    if kind in (BatchKind.ROWS, BatchKind.SUBMIT) and pauses.open_pause(CLAY_ROWS):
        return 0
    size = {
        BatchKind.ROWS: settings.CLAY_ROWS_BATCH,
        BatchKind.TRIGGER: settings.CLAY_TRIGGER_BATCH,
        BatchKind.UPDATE: settings.CLAY_UPDATE_BATCH,
        BatchKind.SUBMIT: connector.runs_at_once,
    }[kind]
    with transaction.atomic():
        due = _due(kind, now)
        pays = kind in (BatchKind.TRIGGER, BatchKind.SUBMIT)
        leads = list(within_spend_limits(due, size * room) if pays else due[: size * room])
        without = cached_company_data(leads) if kind == BatchKind.TRIGGER else {}
        unsure = leads_in_doubt(kind, leads)
        waits = kind != BatchKind.SUBMIT or connector.fills_batches
        waited_since = now - span(settings.CLAY_FLUSH_SECONDS if waits else 0)
        groups = list(_groups(kind, leads, size, waited_since, without, unsure))[:room]
        for group in groups:
            if without:
                group = apply_cached_data(group, without)
            if group:
                there = group[0].clay_table_id or table if kind in (BatchKind.TRIGGER, BatchKind.UPDATE) else table
                create_batch(kind, group, table=there, without=without.get(group[0].pk, NOTHING).kinds)
    return len(groups)


def has_way(kind: BatchKind, can: frozenset[Capability]) -> bool:
    """Whether leads go that way with the connector in use: rows, triggers and write-backs, or submissions."""
    if kind == BatchKind.UPDATE:
        return Capability.UPDATE in can
    return (Capability.TRIGGER in can) != (kind == BatchKind.SUBMIT)


def seconds_until_due(kind: BatchKind) -> float:
    """Real seconds until the first of the planned batches that wait is due; 0.0: none waits."""
    now = timezone.now()
    waiting = Batch.objects.filter(kind=kind, status=BatchStatus.PLANNED, not_before__gt=now)
    first = waiting.order_by("not_before").values_list("not_before", flat=True).first()
    return (first - now).total_seconds() if first else 0.0


def _due(kind: BatchKind, now: datetime.datetime) -> LeadQuerySet:
    if kind == BatchKind.UPDATE:
        leads = Lead.objects.due_for_write_back(now).order_by("write_back_after", "id")
    else:
        leads = Lead.objects.due_for_dispatch(now).order_by("-dispatch_priority", "dispatch_after", "id")
        if kind != BatchKind.SUBMIT:
            leads = leads.filter(clay_row_id__isnull=kind == BatchKind.ROWS)
        if kind == BatchKind.TRIGGER:
            leads = leads.exclude(_behind_others(now))
    return leads.only(
        "id",
        "dispatch_after",
        "dispatch_priority",
        "write_back_after",
        "skip_providers",
        "only_providers",
        "found_waterfalls",
        "answered",
        "trial_id",
        "company_domain",
        "clay_table_id",
        "company_name",
    ).select_for_update(skip_locked=True)


def _groups(
    kind: BatchKind,
    leads: Sequence[Lead],
    size: int,
    waited_since: datetime.datetime,
    without: Mapping[int, ReusedData],
    unsure: Collection[int],
) -> Iterator[tuple[Lead, ...]]:
    """Batches of `size`, each of one table; a smaller one where a lead waits since `waited_since` or is urgent.

    Leads with other providers to skip, another waterfall to run under or other data known already cannot share
    a trigger, which says it for all. Those of `unsure` are looked for first, and keep nobody else waiting for it.
    """
    alike: dict[Any, list[Lead]] = {}
    for lead in leads:
        known = tuple(without.get(lead.pk, NOTHING).kinds)
        group_key = (
            tuple(lead.skip_providers),
            tuple(lead.only_providers),
            lead.trial_id,
            known,
            _previous_answers(lead),
        )
        there = lead.clay_table_id if kind in (BatchKind.TRIGGER, BatchKind.UPDATE) else ""
        key = (there, lead.pk in unsure, group_key if kind == BatchKind.TRIGGER else ())
        alike.setdefault(key, []).append(lead)
    for group in alike.values():
        rest = iter(group)
        while part := tuple(islice(rest, size)):
            if len(part) == size or any(_is_sent_now(kind, lead, waited_since) for lead in part):
                yield part


def _previous_answers(lead: Lead) -> tuple[Any, ...]:
    """What a run that broke off brought already, as a key."""
    answered = ((kind, tuple(names)) for kind, names in sorted(lead.answered.items()))
    return tuple(lead.found_waterfalls), *answered


def _is_sent_now(kind: BatchKind, lead: Lead, waited_since: datetime.datetime) -> bool:
    due = lead.write_back_after if kind == BatchKind.UPDATE else lead.dispatch_after
    urgent = kind != BatchKind.UPDATE and lead.dispatch_priority >= URGENT
    return urgent or (due is not None and due <= waited_since)


def within_spend_limits(due: LeadQuerySet, most: int) -> LeadQuerySet:
    """The first of those due for whom the caps leave room, `most` at most; the others stay due."""
    if not SpendCap.objects.exists() or not due.exists():
        return due[:most]
    left = spend_limits.headroom(price_of(active_waterfall()).amount)
    affordable = due.exclude(source_type__in=left.without)
    for source, spent in left.most_spent.items():
        too_dear = Q(enrichment_cost__gt=spent) & (Q(source_type=source) if source else Q())
        spend_limits.update_reached(_lead_cap(source), holds=due.filter(too_dear).exists())
        affordable = affordable.exclude(too_dear)
    return affordable[: most if left.leads is None else min(most, left.leads)]


def _lead_cap(source: str) -> SpendCap:
    return SpendCap.objects.get(period=CapPeriod.LEAD, source_type=source)


def cached_company_data(leads: Sequence[Lead]) -> dict[int, ReusedData]:
    """What the mirror knows of them; a pilot buys everything, or it would measure nothing."""
    return company_cache.cached_data(
        [lead for lead in leads if lead.company_domain and not lead.trial_id], active_waterfall()
    )


def apply_cached_data(group: Sequence[Lead], found: Mapping[int, ReusedData]) -> tuple[Lead, ...]:
    """Write what is known onto the leads of a group that goes now; returns those that still have to go.

    One that only was to be filled in, and is, goes no further. All of a group know the same.
    """
    kinds = found.get(group[0].pk, NOTHING).kinds
    if not kinds:
        return tuple(group)
    company_cache.apply_cached(group, dict(found))
    first = group[0]
    document = active_waterfall().asking(
        only=first.only_providers, without={*kinds, *first.found_waterfalls}, answered=first.answered
    )
    if document.providers() - set(first.skip_providers):
        return tuple(group)
    leads = Lead.objects.filter(pk__in=[lead.pk for lead in group])
    leads.update(
        dispatch_after=None,
        only_providers=[],
        skip_providers=[],
        found_waterfalls=[],
        answered={},
        updated_at=timezone.now(),
    )
    _finish_without_call(leads)
    return ()


def _finish_without_call(leads: LeadQuerySet) -> None:
    """Of those whose run had broken off, nothing is left to ask: they have their status, and are delivered."""
    broken_off = list(leads.filter(enrichment_status=EnrichmentStatus.PENDING).defer("raw", "search"))
    for lead in broken_off:
        cleared = {"error_kind": "", "error_message": "", "error_provider": "", "error_at": None}
        advance_one(lead, status_of(lead, None), field="enrichment_status", dispatch_tries=0, **cleared)
    plan_all([lead for lead in broken_off if lead.enrichment_status in DELIVERED and not lead.restriction])


def _behind_others(now: datetime.datetime) -> Q:
    """The leads whose trigger would ask the same as those that wait, and is no more urgent."""
    waiting = Batch.objects.filter(
        kind=BatchKind.TRIGGER, status=BatchStatus.PLANNED, not_before__gt=now, error_kind=AWAITS_BUDGET
    )
    sorts = waiting.values("skip_providers", "only_providers", "answered", "waterfall_id").order_by()
    condition = Q(pk__in=[])
    for sort in sorts.annotate(batches=Count("pk"), priority=Max("priority")).filter(batches__gte=ENOUGH):
        condition |= Q(
            skip_providers=sort["skip_providers"],
            only_providers=sort["only_providers"],
            answered=sort["answered"],
            trial_id=sort["waterfall_id"],
            dispatch_priority__lte=sort["priority"],
        )
    return condition
