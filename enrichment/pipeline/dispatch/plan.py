"""Which leads go to Clay together: full batches at once, a partial one after 60 s (D8).

What the budget has no room for, and what the mirror knows already, is not planned (see `planning`).
"""

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Lead
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.models.work import URGENT, BatchKind
from enrichment.pipeline.dispatch import budget_backlog, planning
from enrichment.pipeline.dispatch.company_cache import Taken
from enrichment.states import BatchStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses.clay_table import clay_table
from swarm_admin.core import progress
from swarm_admin.core.bulk_sql import insert_each
from swarm_admin.core.timing import span

OPEN = (BatchStatus.PLANNED, BatchStatus.IN_FLIGHT, BatchStatus.UNKNOWN)
# Planned ahead of the limits only so far: what comes with a higher priority must not stand behind a crowd.
AHEAD = 8


def plan(kind: BatchKind) -> int:
    """Freeze batches of one kind from the leads that are due; returns how many."""
    progress.moved("planning")
    table = clay_table()
    now = timezone.now()
    # A batch that waits takes nobody's place; of those that wait for a provider, see `budget_backlog`.
    room = AHEAD - Batch.objects.filter(kind=kind, status__in=OPEN, not_before__lte=now).count()
    if not table or room <= 0 or (kind == BatchKind.ROWS and pauses.held(CLAY_ROWS)):
        return 0
    size = {
        BatchKind.ROWS: settings.CLAY_ROWS_BATCH,
        BatchKind.TRIGGER: settings.CLAY_TRIGGER_BATCH,
        BatchKind.UPDATE: settings.CLAY_UPDATE_BATCH,
    }[kind]
    with transaction.atomic():
        due = _due(kind, now)
        leads = list(planning.affordable(due, size * room) if kind == BatchKind.TRIGGER else due[: size * room])
        without = planning.known(leads) if kind == BatchKind.TRIGGER else {}
        unsure = in_doubt(kind, leads)
        groups = list(_groups(kind, leads, size, now, without, unsure))[:room]
        for group in groups:
            if without:
                group = planning.take_over(group, without)
            if group:
                there = table if kind == BatchKind.ROWS else group[0].clay_table_id or table
                freeze(kind, group, table=there, without=without.get(group[0].pk, planning.NOTHING).kinds)
    return len(groups)


def soonest(kind: BatchKind) -> float:
    """Real seconds until the first of the planned batches that wait is due; 0.0: none waits."""
    now = timezone.now()
    waiting = Batch.objects.filter(kind=kind, status=BatchStatus.PLANNED, not_before__gt=now)
    first = waiting.order_by("not_before").values_list("not_before", flat=True).first()
    return (first - now).total_seconds() if first else 0.0


def in_doubt(kind: BatchKind, leads: Sequence[Lead]) -> set[int]:
    """The ids of those whose last call of this kind was given up while its outcome was unknown.

    It may have taken effect: made again unseen, a row would be there twice, a trigger be paid twice. A write-back
    may be repeated.
    """
    if kind == BatchKind.UPDATE:
        return set()
    later = BatchItem.objects.filter(lead=OuterRef("lead"), batch__kind=kind, pk__gt=OuterRef("pk"))
    given_up = BatchItem.objects.filter(
        lead__in=[lead.pk for lead in leads], batch__kind=kind, status=ItemStatus.SET_ASIDE, in_doubt=True
    )
    return set(given_up.exclude(Exists(later)).values_list("lead_id", flat=True))


def freeze(kind: BatchKind, leads: Sequence[Lead], *, table: str, without: Sequence[str] = ()) -> Batch:
    """One batch of these leads, which are due no longer. Inside the caller's transaction.

    It is planned; or of unknown outcome, so that it is read back before anything is sent (D12), where one of the
    leads is in doubt. `without`: the waterfalls whose data these leads have already.
    """
    first = leads[0]
    narrowed = kind == BatchKind.TRIGGER
    batch = Batch.objects.create(
        kind=kind,
        status=BatchStatus.UNKNOWN if in_doubt(kind, leads) else BatchStatus.PLANNED,
        table_id=table,
        priority=max(lead.dispatch_priority for lead in leads),
        skip_providers=first.skip_providers if narrowed else [],
        only_providers=first.only_providers if narrowed else [],
        without=sorted({*without, *(first.found_waterfalls if narrowed else ())}),
        answered=first.answered if narrowed else {},
        waterfall_id=first.trial_id if narrowed else None,
    )
    made = {
        "batch": batch.pk,
        "status": ItemStatus.PLANNED,
        "error_kind": "",
        "error_message": "",
        "in_doubt": False,
    }
    insert_each(BatchItem, [{**made, "lead": lead.pk, "position": position} for position, lead in enumerate(leads)])
    due = "write_back_after" if kind == BatchKind.UPDATE else "dispatch_after"
    Lead.objects.filter(pk__in=[lead.pk for lead in leads]).update(**{due: None})
    return batch


def _due(kind: BatchKind, now: datetime.datetime) -> LeadQuerySet:
    if kind == BatchKind.UPDATE:
        leads = Lead.objects.due_for_write_back(now).order_by("write_back_after", "id")
    else:
        rowless = kind == BatchKind.ROWS
        leads = (
            Lead.objects.due_for_dispatch(now)
            .filter(clay_row_id__isnull=rowless)
            .order_by("-dispatch_priority", "dispatch_after", "id")
        )
        if not rowless:
            leads = leads.exclude(budget_backlog.behind(now))
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
    now: datetime.datetime,
    without: Mapping[int, Taken],
    unsure: Collection[int],
) -> Iterator[tuple[Lead, ...]]:
    """Batches of `size`, each of one table; a smaller one where a lead has waited long enough or is urgent.

    Leads with other providers to skip, another waterfall to run under or other data known already cannot share
    a trigger, which says it for all. Those of `unsure` are looked for first, and keep nobody else waiting for it.
    """
    waited_since = now - span(settings.CLAY_FLUSH_SECONDS)
    alike: dict[Any, list[Lead]] = {}
    for lead in leads:
        known = tuple(without.get(lead.pk, planning.NOTHING).kinds)
        told = (tuple(lead.skip_providers), tuple(lead.only_providers), lead.trial_id, known, _had(lead))
        there = "" if kind == BatchKind.ROWS else lead.clay_table_id
        key = (there, lead.pk in unsure, told if kind == BatchKind.TRIGGER else ())
        alike.setdefault(key, []).append(lead)
    for group in alike.values():
        rest = iter(group)
        while part := tuple(islice(rest, size)):
            if len(part) == size or any(_leaves(kind, lead, waited_since) for lead in part):
                yield part


def _had(lead: Lead) -> tuple[Any, ...]:
    """What a run that broke off brought already, as a key."""
    answered = ((kind, tuple(names)) for kind, names in sorted(lead.answered.items()))
    return tuple(lead.found_waterfalls), *answered


def _leaves(kind: BatchKind, lead: Lead, waited_since: datetime.datetime) -> bool:
    due = lead.write_back_after if kind == BatchKind.UPDATE else lead.dispatch_after
    urgent = kind != BatchKind.UPDATE and lead.dispatch_priority >= URGENT
    return urgent or (due is not None and due <= waited_since)
