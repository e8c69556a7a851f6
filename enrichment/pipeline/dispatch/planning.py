"""What is not asked of Clay although it is due: there is no money for it now, or the mirror knows it already."""

from collections.abc import Mapping, Sequence

from django.db.models import Q
from django.utils import timezone

from enrichment.documents.waterfall import active_waterfall
from enrichment.models import Lead, SpendCap
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.models.spend import CapPeriod
from enrichment.pipeline.deliver.planning import plan_all
from enrichment.pipeline.dispatch import company_cache
from enrichment.pipeline.dispatch.company_cache import Taken
from enrichment.pipeline.status import status_of
from enrichment.states import DELIVERED, EnrichmentStatus
from enrichment.waterfall import spend_limits
from enrichment.waterfall.prices import price
from swarm_admin.core.states import advance_one

NOTHING = Taken()


def affordable(due: LeadQuerySet, most: int) -> LeadQuerySet:
    """The first of those due for whom the caps leave room, `most` at most; the others stay due."""
    if not SpendCap.objects.exists() or not due.exists():
        return due[:most]
    left = spend_limits.room(price(active_waterfall()).amount)
    found = due.exclude(source_type__in=left.without)
    for source, spent in left.most_spent.items():
        too_dear = Q(enrichment_cost__gt=spent) & (Q(source_type=source) if source else Q())
        spend_limits.tell(_lead_cap(source), holds=due.filter(too_dear).exists())
        found = found.exclude(too_dear)
    return found[: most if left.leads is None else min(most, left.leads)]


def _lead_cap(source: str) -> SpendCap:
    return SpendCap.objects.get(period=CapPeriod.LEAD, source_type=source)


def known(leads: Sequence[Lead]) -> dict[int, Taken]:
    """What the mirror knows of them; a pilot buys everything, or it would measure nothing."""
    return company_cache.known(
        [lead for lead in leads if lead.company_domain and not lead.trial_id], active_waterfall()
    )


def take_over(group: Sequence[Lead], found: Mapping[int, Taken]) -> tuple[Lead, ...]:
    """Write what is known onto the leads of a group that goes now; returns those that still have to go.

    One that only was to be filled in, and is, goes no further. All of a group know the same.
    """
    kinds = found.get(group[0].pk, NOTHING).kinds
    if not kinds:
        return tuple(group)
    company_cache.take_over(group, dict(found))
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
    _end(leads)
    return ()


def _end(leads: LeadQuerySet) -> None:
    """Of those whose run had broken off, nothing is left to ask: they have their status, and are delivered."""
    broken_off = list(leads.filter(enrichment_status=EnrichmentStatus.PENDING).defer("raw", "search"))
    for lead in broken_off:
        told = {"error_kind": "", "error_message": "", "error_provider": "", "error_at": None}
        advance_one(lead, status_of(lead, None), field="enrichment_status", dispatch_tries=0, **told)
    plan_all([lead for lead in broken_off if lead.enrichment_status in DELIVERED and not lead.restriction])
