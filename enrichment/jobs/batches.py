"""Hand-overs to Clay as the Jobs screen shows them: each batch with its items by state."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from enrichment.jobs.outcomes import Outcome
from enrichment.labels import LOOKS
from enrichment.models import Batch, BatchItem
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus, ItemStatus

DAY = datetime.timedelta(days=1)


def filter_batches(kind: str, status: str) -> QuerySet[Batch]:
    """Newest first; an unknown kind or status narrows nothing."""
    batches = Batch.objects.order_by("-id")
    if kind in BatchKind.values:
        batches = batches.filter(kind=kind)
    if status in BatchStatus.values:
        batches = batches.filter(status=status)
    return batches


def with_items(batches: Sequence[Batch]) -> list[tuple[Batch, int, list[tuple[str, int]], Outcome]]:
    """(batch, items, [(state, how many)], its outcome) of one page, in one query."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    rows = BatchItem.objects.filter(batch__in=[batch.pk for batch in batches]).values("batch", "status")
    for row in rows.annotate(count=Count("pk")).order_by():
        counts[row["batch"]][row["status"]] = row["count"]
    return [
        (
            batch,
            sum(counts[batch.pk].values()),
            [(state, counts[batch.pk][state]) for state in ItemStatus.values if state in counts[batch.pk]],
            batch_outcome(batch, counts[batch.pk]),
        )
        for batch in batches
    ]


def batch_outcome(batch: Batch, items: Mapping[str, int]) -> Outcome:
    """How a batch stands; one that ended, by its `items` {state: how many}: those set aside did not go."""
    icon, colour = LOOKS[str(batch.status)]
    aside, total = items.get(ItemStatus.SET_ASIDE, 0), sum(items.values())
    if batch.status != BatchStatus.DONE or not aside:
        return Outcome(str(batch.get_status_display()), icon, colour)
    if aside == total:
        return Outcome("Finished: all set aside", "alert-triangle", "red")
    return Outcome(f"Finished: {aside:,} of {total:,} set aside", "circle-half-2", "amber")


def batch_figures() -> dict[str, int]:
    """How many are planned, in flight, unknown; and how many failed or were done in the last 24 hours."""
    since = timezone.now() - DAY
    open_ones = Batch.objects.filter(
        status__in=[BatchStatus.PLANNED, BatchStatus.IN_FLIGHT, BatchStatus.UNKNOWN]
    ).aggregate(
        planned=Count("pk", filter=Q(status=BatchStatus.PLANNED)),
        in_flight=Count("pk", filter=Q(status=BatchStatus.IN_FLIGHT)),
        unknown=Count("pk", filter=Q(status=BatchStatus.UNKNOWN)),
    )
    ended = Batch.objects.filter(created_at__gte=since).aggregate(
        done=Count("pk", filter=Q(status=BatchStatus.DONE)),
        failed=Count("pk", filter=Q(status=BatchStatus.FAILED)),
    )
    return {**open_ones, **ended}
