"""Every way of trying many rows again: the failures' own, and what staff choose in the lists."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet

from enrichment import actions
from enrichment.deliveries import redelivery
from enrichment.failures import failure_retry
from enrichment.failures.failure_retry import BULK_PRIORITY, Way, at_dispatch, in_enrichment, under_way
from enrichment.models import Handover, Lead, TierMove
from enrichment.scoring import moves
from enrichment.states import HandoverStatus

FEW = 100  # so many leads a person may well wait for


def _retry_leads(priority: int) -> Callable[[Sequence[int], Any], dict[int, str]]:
    def again(ids: Sequence[int], by: Any) -> dict[int, str]:
        leads = list(Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update())
        ready = {lead.pk for lead in actions.sort_for_retry(leads).ready}
        why = dict.fromkeys(set(ids) - {lead.pk for lead in leads}, "The lead is gone.")
        for lead in leads:
            if lead.pk not in ready:
                why[lead.pk] = actions.reason_against(actions.check_can_retry, lead)
        if ready:
            actions.retry_leads([lead for lead in leads if lead.pk in ready], by=by, priority=priority)
        return why

    return again


def _leads(priority: int) -> Way:
    return Way(Lead, _retry_leads(priority), in_enrichment, at_dispatch, Lead.objects.failing, "clay")


def _failed_deliveries() -> QuerySet[Handover]:
    return Handover.objects.filter(status__in=(HandoverStatus.FAILED, HandoverStatus.WITHHELD))


LEADS, FEW_LEADS, DELIVERIES = "leads", "few_leads", "deliveries"
WAYS: dict[str, Way] = {
    **failure_retry.WAYS,
    LEADS: _leads(BULK_PRIORITY),
    FEW_LEADS: _leads(actions.STAFF_PRIORITY),
    DELIVERIES: Way(Handover, redelivery.again, under_way, under_way, _failed_deliveries, ""),
    moves.WAY: Way(TierMove, moves.again, moves.under_way, moves.under_way, moves.failed, ""),
}


def outcome(what: str, subjects: QuerySet[Any]) -> dict[str, int]:
    """What became of the rows tried again: `under_way`, `failed` again, `mended`; by the rows as they are now."""
    way = WAYS[what]
    rows = way.model._default_manager.filter(pk__in=subjects)
    open_rows = rows.filter(way.open()).count()
    failed = way.failed().filter(pk__in=subjects).exclude(way.open()).count()
    return {"under_way": open_rows, "failed": failed, "mended": rows.count() - open_rows - failed}
