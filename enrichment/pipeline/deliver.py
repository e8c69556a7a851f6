"""Deliveries to GoHighLevel and Instantly: planned with the mirror's change, sent by a tick, read back when unsure."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment import fanout, holds, recovery
from enrichment.clock import in_seconds
from enrichment.leases import claim, release
from enrichment.models import Disclosure, Handover, Lead
from enrichment.models.handover import System
from enrichment.pipeline import hand_ghl, hand_instantly
from enrichment.pipeline.payload import payload, payload_hash, wanted
from enrichment.states import HandoverStatus, advance_one
from enrichment.vendors import limiter
from enrichment.vendors.errors import VendorError
from gdpr import gate

log = logging.getLogger(__name__)
# Few enough that all are sent well within a lease, however slowly the vendor answers.
CLAIMED_AT_ONCE = 16
OPEN = (HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT, HandoverStatus.UNKNOWN)


@dataclass(frozen=True)
class Channel:
    """One system: the limit its calls fall under, the calls one delivery makes, and how it is sent."""

    limit: str
    calls: int
    scope: Callable[[], str]
    send: Callable[[Lead, bool], "hand_ghl.Sent"]
    reference: str
    action: str


CHANNELS: dict[str, Channel] = {
    System.GHL: Channel("ghl.calls", 2, hand_ghl.scope, hand_ghl.send, "ghl_contact_id", "create_contact"),
    System.INSTANTLY: Channel(
        "instantly.calls",
        1,
        hand_instantly.scope,
        hand_instantly.send,
        "instantly_lead_id",
        "add_to_campaign",
    ),
}


def plan(lead: Lead, *, force: bool = False, systems: Sequence[str] = System.values) -> list[Handover]:
    """Plan what is due of this lead, inside the caller's transaction and under its lock on the lead.

    Nothing is planned where the last delivery that is done carried the same payload (unless `force`), or
    where one is open: that one takes the lead as it is when it is sent.
    """
    past = list(lead.handovers.order_by("-id").values_list("system", "status", "payload_hash"))
    due = []
    for system in systems:
        if not wanted(lead, system) or any(s == system and status in OPEN for s, status, _ in past):
            continue
        done = [sent for s, status, sent in past if s == system and status == HandoverStatus.DONE]
        if force or not done or done[0] != payload_hash(payload(lead, system)):
            due.append(Handover(lead=lead, system=system))
    # One that another worker planned in this moment is kept instead.
    return Handover.objects.bulk_create(due, ignore_conflicts=True) if due else []


def run_due(system: str) -> int:
    """Send what is due to one system until nothing is, or its limit is reached; returns how many were sent."""
    done = 0
    channel = CHANNELS[system]
    while not holds.held(system):
        order = Handover.objects.filter(system=system).order_by("not_before", "id")
        handovers = claim(order, HandoverStatus, CLAIMED_AT_ONCE)
        if not handovers:
            break
        leads = Lead.objects.in_bulk([h.lead_id for h in handovers])
        ready = _screen(handovers, leads)
        granted = (
            limiter.take_up_to(channel.limit, channel.scope(), len(ready) * channel.calls) // channel.calls
        )
        refused = ready[granted:]
        if refused:
            wait = max(limiter.peek(channel.limit, channel.scope()).resets_in / 4, 0.05)
            for handover in refused:
                release(handover, not_before=in_seconds(wait), counted=False)
        done += _send(channel, ready[:granted], leads)
        if refused:
            break
    return done


def _screen(handovers: Sequence[Handover], leads: dict[int, Lead]) -> list[Handover]:
    """The third gate (D18): what is suppressed, or no longer wanted there, is withheld."""
    blocked = gate.screen([leads[h.lead_id].identity for h in handovers], "delivery")
    ready = []
    for position, handover in enumerate(handovers):
        if position in blocked or not wanted(leads[handover.lead_id], handover.system):
            reason = "suppressed" if position in blocked else "not_wanted"
            advance_one(
                handover,
                HandoverStatus.WITHHELD,
                error_kind=reason,
                finished_at=timezone.now(),
                in_flight_since=None,
            )
        else:
            ready.append(handover)
    return ready


def _send(channel: Channel, handovers: Sequence[Handover], leads: dict[int, Lead]) -> int:
    def call(handover: Handover) -> "hand_ghl.Sent":
        unsure = handover.claimed_from == HandoverStatus.UNKNOWN  # type: ignore[attr-defined]
        return channel.send(leads[handover.lead_id], unsure)

    done = 0
    for handover, outcome in zip(handovers, fanout.each(handovers, call), strict=True):
        lead = leads[handover.lead_id]
        if isinstance(outcome, VendorError):
            _after_error(channel, handover, outcome)
        else:
            _record(channel, handover, lead, outcome)
            done += 1
    return done


def _record(channel: Channel, handover: Handover, lead: Lead, sent: "hand_ghl.Sent") -> None:
    document = payload(lead, handover.system)
    now = timezone.now()
    with transaction.atomic():
        advance_one(
            handover,
            HandoverStatus.DONE,
            external_id=sent.external_id,
            payload_hash=payload_hash(document),
            differences=sorted(sent.differences),
            finished_at=now,
            in_flight_since=None,
            error_kind="",
            error_message="",
        )
        Disclosure.objects.create(
            lead=lead, system=handover.system, action=channel.action, fields=sorted(document), occurred_at=now
        )
        current = Lead.objects.select_for_update().get(pk=lead.pk)
        if getattr(current, channel.reference) != sent.external_id:
            setattr(current, channel.reference, sent.external_id)
            current.write_back_after = current.write_back_after or now
            current.save(update_fields=[channel.reference, "write_back_after", "updated_at"])
        plan(current, systems=[handover.system])  # it may have changed while this was under way


def _after_error(channel: Channel, handover: Handover, error: VendorError) -> None:
    log.warning("handover %s: %s", handover.pk, error)
    step = recovery.next_step(error, tries=handover.tries, limit=channel.limit, scope=channel.scope())
    values: dict[str, Any] = {
        "error_kind": error.recovery,
        "error_message": str(error)[:300],
        "in_flight_since": None,
    }
    if step.action == "again":
        release(handover, not_before=step.not_before, counted=step.counted, error=error)
    elif step.action == "read_back":
        advance_one(handover, HandoverStatus.UNKNOWN, not_before=step.not_before, **values)
    else:
        advance_one(handover, HandoverStatus.FAILED, finished_at=timezone.now(), **values)
