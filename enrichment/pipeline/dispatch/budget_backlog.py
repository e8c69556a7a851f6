"""Leads behind batches that wait for a provider's budget: not frozen too, or a better use could not pass them."""

import datetime

from django.db.models import Count, Max, Q

from enrichment.models import Batch
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus

AWAITS_BUDGET = "provider_budget"  # why a planned batch waits
ENOUGH = 2  # of one sort wait already: the budget has somebody to serve when it opens


def behind(now: datetime.datetime) -> Q:
    """The leads whose trigger would ask the same as those that wait, and is no more urgent."""
    waiting = Batch.objects.filter(
        kind=BatchKind.TRIGGER, status=BatchStatus.PLANNED, not_before__gt=now, error_kind=AWAITS_BUDGET
    )
    sorts = waiting.values("skip_providers", "only_providers", "answered", "waterfall_id").order_by()
    found = Q(pk__in=[])
    for sort in sorts.annotate(batches=Count("pk"), priority=Max("priority")).filter(batches__gte=ENOUGH):
        found |= Q(
            skip_providers=sort["skip_providers"],
            only_providers=sort["only_providers"],
            answered=sort["answered"],
            trial_id=sort["waterfall_id"],
            dispatch_priority__lte=sort["priority"],
        )
    return found
