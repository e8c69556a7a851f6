"""Every way of trying many rows again: the failures' own, and what staff choose in the lists."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet

from enrichment.deliveries import redelivery
from enrichment.estimates.estimating import Work
from enrichment.failures import failure_retry
from enrichment.failures.failure_retry import (
    BULK_PRIORITY,
    Way,
    at_dispatch,
    delivered,
    deliveries_to_send,
    enriched,
    in_enrichment,
    leads_to_enrich,
    under_way,
)
from enrichment.leads import actions
from enrichment.models import Handover, Lead, TierMove
from enrichment.models.handover import System
from enrichment.scoring import moves
from enrichment.states import HandoverStatus

FEW = 100  # so many leads a person may well wait for


def _retry_leads(priority: int) -> Callable[[Sequence[int], Any], dict[int, str]]:
    def again(ids: Sequence[int], by: Any) -> dict[int, str]:
        leads = list(Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update())
        ready = {lead.pk for lead in actions.sort_for_retry(leads).ready}
        why = dict.fromkeys(set(ids) - {lead.pk for lead in leads}, "The lead no longer exists.")
        for lead in leads:
            if lead.pk not in ready:
                why[lead.pk] = actions.reason_against(actions.check_can_retry, lead)
        if ready:
            actions.retry_leads([lead for lead in leads if lead.pk in ready], by=by, priority=priority)
        return why

    return again


def _leads(priority: int) -> Way:
    again, work = _retry_leads(priority), leads_to_enrich(priority)
    return Way(Lead, again, in_enrichment, at_dispatch, Lead.objects.failing, enriched, "clay", work)


def _failed_deliveries() -> QuerySet[Handover]:
    return Handover.objects.filter(status__in=(HandoverStatus.FAILED, HandoverStatus.WITHHELD))


def _moves_to_send(keys: QuerySet[Any]) -> Work:
    count = keys.count()
    return Work(deliveries={System.GHL: count, System.INSTANTLY: count})


LEADS, FEW_LEADS, DELIVERIES = "leads", "few_leads", "deliveries"
WAYS: dict[str, Way] = {
    **failure_retry.WAYS,
    LEADS: _leads(BULK_PRIORITY),
    FEW_LEADS: _leads(actions.STAFF_PRIORITY),
    DELIVERIES: Way(
        Handover,
        redelivery.again,
        under_way,
        under_way,
        _failed_deliveries,
        delivered,
        "",
        deliveries_to_send,
    ),
    moves.WAY: Way(
        TierMove,
        moves.again,
        moves.under_way,
        moves.under_way,
        moves.failed,
        moves.delivered,
        "",
        _moves_to_send,
    ),
}
