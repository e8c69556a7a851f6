"""Which deliveries a lead is due for."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils import timezone

from enrichment.models import Handover, Lead
from enrichment.models.handover import System
from enrichment.pipeline.payload import is_deliverable, payload, payload_hash
from enrichment.states import DELIVERED, HandoverStatus
from swarm_admin.core import work
from swarm_admin.core.states import advance

OPEN = (HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT, HandoverStatus.UNKNOWN)


def plan_deliveries(lead: Lead, *, force: bool = False, systems: Sequence[str] = System.values) -> list[Handover]:
    """`plan_all` of one lead."""
    return plan_all([lead], force=force, systems=systems)


def plan_all(leads: Sequence[Lead], *, force: bool = False, systems: Sequence[str] = System.values) -> list[Handover]:
    """Plan what is due of these leads, inside the caller's transaction and under its lock on them.

    Nothing is planned where the last delivery that is done carried the same payload (unless `force`), or
    where one is open: that one takes the lead as it is when it is sent. At most two statements.
    """
    asked = [(lead, system) for lead in leads for system in systems if is_deliverable(lead, system)]
    if not asked:
        return []
    past = Handover.objects.filter(lead__in={lead.pk for lead, _ in asked}, system__in=systems).order_by("id")
    is_open: set[tuple[int, str]] = set()
    last_sent: dict[tuple[int, str], str] = {}
    for lead_id, system, status, sent in past.values_list("lead_id", "system", "status", "payload_hash"):
        if status in OPEN:
            is_open.add((lead_id, system))
        elif status == HandoverStatus.DONE:
            last_sent[lead_id, system] = sent
    return insert_planned(
        (lead, system)
        for lead, system in asked
        if (lead.pk, system) not in is_open
        and (force or not is_sent(lead, system, last_sent.get((lead.pk, system), "")))
    )


def deliver_found(lead_ids: Sequence[int]) -> None:
    """What was found before a run was given up belongs in the CRM all the same; under the caller's lock."""
    deliverable = Lead.objects.usable().filter(pk__in=lead_ids, enrichment_status__in=DELIVERED)
    plan_all(list(deliverable.defer("raw", "search")))


def is_sent(lead: Lead, system: str, sent: str) -> bool:
    """Whether `sent`, the hash of a payload, is that of the lead as it is now."""
    return bool(sent) and sent == payload_hash(payload(lead, system))


def record_already_written(handover: Handover, lead: Lead) -> str:
    """The record that this delivery itself has brought up to date, if the lead has not changed since; "" else."""
    is_up_to_date = handover.external_id and is_sent(lead, handover.system, handover.payload_hash)
    return handover.external_id if is_up_to_date else ""


def insert_planned(due: Iterable[tuple[Lead, str]]) -> list[Handover]:
    """Planned deliveries; where another worker planned one in this moment, that one is kept instead."""
    new = [Handover(lead=lead, system=system) for lead, system in due]
    new.sort(key=lambda each: (each.lead_id, each.system))  # two who plan the same wait for each other in turn
    return Handover.objects.bulk_create(new, ignore_conflicts=True) if new else []


def plan_retry(ids: Iterable[int]) -> None:
    """Deliveries that failed or were withheld are due once more, as a person asked, inside the caller's transaction.

    One whose worker was lost may have arrived: it is read back before anything is sent (D12).
    """
    chosen = Handover.objects.filter(pk__in=list(ids))
    afresh: dict[str, Any] = {
        "not_before": timezone.now(),
        "in_flight_since": None,
        "finished_at": None,
        "tries": 0,
        "error_kind": "",
        "error_message": "",
    }
    advance(chosen.filter(error_kind=work.LOST), HandoverStatus.UNKNOWN, **afresh)
    advance(chosen, HandoverStatus.PLANNED, **afresh)
