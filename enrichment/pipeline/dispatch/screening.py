"""Who may not go to Clay although a batch has them: what a person asked for counts until the call is made."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Lead
from enrichment.models.work import BatchKind
from enrichment.states import ItemStatus
from gdpr.suppression import gate
from swarm_admin.core.states import advance


def passing(batch: Batch, items: Sequence[BatchItem]) -> list[BatchItem]:
    """The items that may go.

    The others leave the batch: a restricted lead is due again and waits for its release; one that is suppressed
    or past its retention is not sent any more.
    """
    now = timezone.now()
    restricted = [item for item in items if item.lead.restriction]
    blocked = gate.screen([item.lead.identity for item in items], "enrichment") if items else set()
    over = [
        item
        for position, item in enumerate(items)
        if not item.lead.restriction and (position in blocked or item.lead.retention_until <= now)
    ]
    if not restricted and not over:
        return list(items)
    due = "write_back_after" if batch.kind == BatchKind.UPDATE else "dispatch_after"
    leads = Lead.objects.filter(pk__in=[item.lead_id for item in restricted])
    with transaction.atomic():
        leads.lock()
        _leave(restricted, ItemStatus.AGAIN, "restricted")
        _leave(over, ItemStatus.SET_ASIDE, "suppressed")
        leads.update(**{due: now})
    gone = {item.pk for item in (*restricted, *over)}
    return [item for item in items if item.pk not in gone]


def _leave(items: Sequence[BatchItem], status: ItemStatus, reason: str) -> None:
    chosen = BatchItem.objects.filter(pk__in=[item.pk for item in items])
    advance(chosen, status, error_kind=reason)
