"""Leads that are only kept (Art. 18) or objected to (Art. 21): set and lifted here, asked wherever a lead is used."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from enrichment.models import BatchItem, Channel, Handover, Lead, Restriction, Verdict, WebhookDelivery
from enrichment.models.handover import NOTICE_OUTSTANDING
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.score import apply as scoring
from enrichment.states import BatchStatus, DeliveryStatus, HandoverStatus, ItemStatus
from gdpr import audit
from gdpr.stores import Ground
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance

# What is not on its way yet, and can still be kept back.
_QUEUED = (HandoverStatus.PLANNED, HandoverStatus.UNKNOWN)
MAKES_ROWS = (BatchKind.ROWS, BatchKind.SUBMIT)


def restrict(lead_ids: Collection[int], ground: Ground) -> int:
    """Stop every use of these leads from now on, hand-overs that wait included; returns how many are new to it.

    What is on its way to a vendor at this moment cannot be called back: ask `being_delivered` afterwards.
    """
    changed = 0
    with transaction.atomic():
        for lead in _locked(lead_ids):
            after = _with(lead.restriction, ground)
            if after != lead.restriction:
                changed += 1
                _write(lead, after)
                audit.record(Verb.RESTRICT_LEAD, on=lead, reason=ground)
        waiting = Handover.objects.filter(lead__in=lead_ids, status__in=_QUEUED)
        advance(
            waiting,
            HandoverStatus.WITHHELD,
            error_kind="restricted",
            finished_at=timezone.now(),
            in_flight_since=None,
        )
    return changed


def release(lead_ids: Collection[int], ground: Ground) -> int:
    """Lift one ground; a lead with none left is scored and handed over again. Returns how many were changed."""
    changed = 0
    with transaction.atomic():
        for lead in _locked(lead_ids):
            after = _without(lead.restriction, ground)
            if after == lead.restriction:
                continue
            changed += 1
            _write(lead, after)
            audit.record(Verb.RELEASE_LEAD, on=lead, reason=ground)
            if not after:
                _resume_leads(lead)
    return changed


def _resume_leads(lead: Lead) -> None:
    _read_kept_rows(lead)
    if lead.scored_at is not None:
        scoring.apply(lead)
        lead.save(update_fields=["icp_score", "icp_tier", "scorecard", "scored_at", "updated_at"])
    # Withheld, or taken out at the other side: that the payload is the same as before says nothing now.
    planning.plan_deliveries(lead, force=True)


def _read_kept_rows(lead: Lead) -> None:
    """Whole rows that came meanwhile were only kept: they are paid for, and cannot be asked for once more."""
    kept = WebhookDelivery.objects.filter(lead=lead, channel=Channel.ROW, verdict=Verdict.RESTRICTED, erased_at=None)
    advance(kept, DeliveryStatus.RECEIVED, not_before=timezone.now(), tries=0, verdict="", processed_at=None)


def _locked(lead_ids: Collection[int]) -> list[Lead]:
    return list(Lead.objects.select_for_update().filter(pk__in=lead_ids).order_by("pk"))


def _write(lead: Lead, after: str) -> None:
    lead.restriction = after
    lead.save(update_fields=["restriction", "updated_at"])


def _with(present: str, ground: Ground) -> str:
    return str(ground) if present in ("", ground) else str(Restriction.BOTH)


def _without(present: str, ground: Ground) -> str:
    if present == Restriction.BOTH:
        other = {Ground.RESTRICTION: Ground.OBJECTION, Ground.OBJECTION: Ground.RESTRICTION}
        return str(other[ground])
    return "" if present == ground else present


# ---------------------------------------------------------------- what is on its way


def being_delivered(lead_ids: Collection[int], system: str = "") -> bool:
    """Whether a call that hands one of these leads to `system` (empty: to any) is under way.

    Of one system, a call that never told is as good as under way: until it was looked for there, or withheld,
    it may have made a record that a search does not show yet.
    """
    handovers = Handover.objects.filter(lead__in=lead_ids)
    if not system:
        return handovers.filter(status=HandoverStatus.IN_FLIGHT).exists()
    # What waits for its notice is not looked for before; nothing can be waited for there.
    unsure = Q(status=HandoverStatus.UNKNOWN) & ~Q(error_kind=NOTICE_OUTSTANDING)
    return handovers.filter(Q(status=HandoverStatus.IN_FLIGHT) | unsure, system=system).exists()


def being_sent_to_clay(lead_ids: Collection[int]) -> bool:
    """Whether a call to Clay about one of these leads is under way, or one was lost that may have made a row.

    A lost submission is settled by the next tick: from then on its row is known by the run's reference.
    """
    items = BatchItem.objects.filter(lead__in=lead_ids, status=ItemStatus.PLANNED)
    in_flight = items.filter(batch__status=BatchStatus.IN_FLIGHT)
    unsure = items.filter(batch__status=BatchStatus.UNKNOWN, batch__kind__in=MAKES_ROWS)
    return in_flight.exists() or unsure.exists()
