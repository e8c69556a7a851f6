"""Claimed deliveries, screened and sent."""

import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.utils import timezone

from enrichment.leases import claim, release_all
from enrichment.models import Handover, Lead
from enrichment.models.handover import NOTICE_OUTSTANDING, System
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline import hand_ghl, hand_instantly, suppressed_identifiers
from enrichment.pipeline.deliver import recording
from enrichment.pipeline.deliver.planning import record_already_written
from enrichment.pipeline.delivery_outcomes import DeliveryRequest, NotSent, Outcome, PartlySent, Sent
from enrichment.pipeline.payload import is_deliverable
from enrichment.states import HandoverStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter, registry
from enrichment.vendors.errors import VendorError
from enrichment.vendors.vendor import Delivery
from gdpr.suppression import gate
from swarm_admin.core import shutdown
from swarm_admin.core.states import advance
from swarm_admin.core.timing import in_seconds

# {system: what sends the asked, none begun after a monotonic time, and answers in their order}
SENDERS: dict[str, Callable[[Sequence[DeliveryRequest], float], list[Outcome]]] = {
    System.GHL: hand_ghl.send_all,
    System.INSTANTLY: hand_instantly.send_all,
}
STARTED_WITHIN = 1 / 3  # of the lease: what has not begun by then goes back, however slowly the vendor answers
SHORTEST_SECONDS = 1.0  # a round begins something, however short the lease
UNTOLD_SECONDS = 3600.0  # a hand-over that waits for its notice is looked at again so often
SOON = 0.02  # of a limit: worth claiming for, where the limit is what holds the work back


def run_due(system: str) -> int:
    """Send what is due to one system until nothing is, or its limit is reached; returns how many were sent."""
    done = 0
    channel = registry.delivery_to(system)
    while not (shutdown.is_requested() or pauses.open_pause(system)):
        room = limiter.free_slots(channel.limit, channel.scope()) // channel.calls
        if not room:
            break
        order = Handover.objects.filter(system=system).order_by("not_before", "id")
        handovers = claim(order, HandoverStatus, min(room, channel.at_once), stage=system)
        if not handovers:
            break
        sent, refused = _send(channel, handovers)
        done += sent
        if refused:
            break
    return done


def seconds_until_slot(system: str) -> float:
    """Real seconds until the system's limit has room again for more than a few calls; 0.0: it has."""
    channel = registry.delivery_to(system)
    return limiter.wait_for(channel.limit, channel.scope(), share=SOON, at_least=channel.calls)


def _send(channel: Delivery, handovers: Sequence[Handover]) -> tuple[int, bool]:
    """(how many were sent, whether the limit refused one) of what was claimed."""
    until = time.monotonic() + max(settings.LEASE_SECONDS * STARTED_WITHIN, SHORTEST_SECONDS)
    leads = Lead.objects.defer("raw", "search").in_bulk([h.lead_id for h in handovers])
    ready = _withhold_disallowed(handovers, leads)
    asked = []
    for handover in ready:
        lead, is_unsure = leads[handover.lead_id], handover.claimed_from == HandoverStatus.UNKNOWN  # type: ignore[attr-defined]
        asked.append(DeliveryRequest(lead, is_unsure, record_already_written(handover, lead)))
    outcomes = list(zip(ready, SENDERS[handovers[0].system](asked, until), strict=True))
    recording.record_sent(
        channel, [(h, leads[h.lead_id], outcome) for h, outcome in outcomes if isinstance(outcome, Sent)]
    )
    recording.record_errors(channel, [(h, outcome) for h, outcome in outcomes if isinstance(outcome, VendorError)])
    recording.record_partly_sent(
        channel, [(h, leads[h.lead_id], outcome) for h, outcome in outcomes if isinstance(outcome, PartlySent)]
    )
    recording.record_without_calls(outcomes)
    refused = [(h, outcome.wait) for h, outcome in outcomes if isinstance(outcome, NotSent)]
    if refused:
        wait = max(wait for _, wait in refused)
        release_all([h for h, _ in refused], not_before=in_seconds(wait))
    return sum(isinstance(outcome, Sent) for _, outcome in outcomes), bool(refused)


def _withhold_disallowed(handovers: Sequence[Handover], leads: dict[int, Lead]) -> list[Handover]:
    """The third gate (D18): what is suppressed, restricted, undecided, or no longer wanted there, is withheld."""
    screening = gate.examine([leads[h.lead_id].identity for h in handovers], "delivery")
    suppressed_identifiers.drop_identifiers(
        (leads[handovers[place].lead_id], identifiers) for place, identifiers in screening.shared.items()
    )
    ready: list[Handover] = []
    withheld: dict[str, list[int]] = {}
    untold: list[Handover] = []
    for position, handover in enumerate(handovers):
        lead = leads[handover.lead_id]
        if position in screening.blocked:
            withheld.setdefault("suppressed", []).append(handover.pk)
        elif lead.restriction:
            withheld.setdefault("restricted", []).append(handover.pk)
        elif lead.awaits_word:
            withheld.setdefault(NAMED_SUPPRESSED, []).append(handover.pk)
        elif not is_deliverable(lead, handover.system):
            withheld.setdefault("not_wanted", []).append(handover.pk)
        elif settings.NOTICE_BEFORE_DELIVERY and lead.notified_at is None:
            untold.append(handover)
        else:
            ready.append(handover)
    for reason, ids in withheld.items():
        advance(
            Handover.objects.filter(pk__in=ids),
            HandoverStatus.WITHHELD,
            error_kind=reason,
            finished_at=timezone.now(),
            in_flight_since=None,
        )
    _wait_for_notice(untold)
    _clear_wait_notes(ready)
    return ready


def _wait_for_notice(handovers: Sequence[Handover]) -> None:
    """Nobody is delivered untold (Art. 14) where the policy says so; the notice makes them due at once."""
    if handovers:
        Handover.objects.filter(pk__in=[h.pk for h in handovers]).update(error_kind=NOTICE_OUTSTANDING)
        release_all(handovers, not_before=in_seconds(UNTOLD_SECONDS))


def _clear_wait_notes(handovers: Sequence[Handover]) -> None:
    """What it waited for is over: nobody takes one that goes out for one that still waits."""
    waited = [h for h in handovers if h.error_kind == NOTICE_OUTSTANDING]
    for handover in waited:
        handover.error_kind = ""
    if waited:
        Handover.objects.filter(pk__in=[h.pk for h in waited]).update(error_kind="")
