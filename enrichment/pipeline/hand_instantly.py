"""Deliveries to Instantly: new leads added to the campaign together, known ones changed in place."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.models import Lead
from enrichment.models.campaign_move import MoveStatus
from enrichment.models.handover import System
from enrichment.pipeline import campaign_moves, compare, fanout
from enrichment.pipeline.delivery_outcomes import DeliveryRequest, NeedsDecision, NotSent, Outcome, Sent, Withheld
from enrichment.vendors import limiter, registry
from enrichment.vendors.connections import instantly
from enrichment.vendors.errors import NotFound, NotOffered, Permanent, Recovery, VendorError
from enrichment.vendors.instantly import chosen
from enrichment.vendors.instantly import fields as campaign_fields
from enrichment.vendors.instantly.campaigns import LIMIT
from enrichment.vendors.instantly.chosen import OurCampaigns
from enrichment.vendors.instantly.client import Lead as CampaignLead
from swarm_admin.core import shutdown
from swarm_admin.core.identifiers.emails import key as email_key


def scope() -> str:
    return registry.delivery_to(System.INSTANTLY).scope()


def send_all(asked: Sequence[DeliveryRequest], until: float) -> list[Outcome]:
    """Add or change each lead; none is begun after `until`, in the process's monotonic seconds."""
    ours = chosen.campaigns()
    if not ours.current:
        return [chosen.none_chosen() for _ in asked]
    outcomes = _add([one.lead for one in asked if not one.unsure and _is_new(one.lead)], ours.current)
    alone = [(one.lead, one.unsure) for one in asked if one.lead.pk not in outcomes]
    hidden = campaign_moves.suppressed_while_moving([lead for lead, _ in alone])
    outcomes |= {pk: Withheld(campaign_moves.SUPPRESSED) for pk in hidden}
    alone = [(lead, unsure) for lead, unsure in alone if lead.pk not in hidden]
    outcomes |= _readdress(_send_each(alone, lambda lead, unsure: _send(lead, unsure, ours), until), ours)
    campaign_moves.complete_moves({pk: each.external_id for pk, each in outcomes.items() if isinstance(each, Sent)})
    return [outcomes[one.lead.pk] for one in asked]


@dataclass(frozen=True)
class _AtAnotherAddress:
    """The lead's record has another address; `slots` are those left of the lead's."""

    record: CampaignLead
    slots: limiter.Slots


_Answer = Outcome | _AtAnotherAddress


def _send_each(
    asked: Sequence[tuple[Lead, Any]], send: Callable[[Lead, Any], _Answer], until: float
) -> dict[Lead, _Answer]:
    def call(one: tuple[Lead, Any]) -> _Answer:
        return NotSent() if shutdown.is_requested() or time.monotonic() > until else send(*one)

    answers = fanout.call_each(asked, call, vendor="instantly", changes=True)
    return {lead: answer for (lead, _), answer in zip(asked, answers, strict=True)}


def _readdress(answers: dict[Lead, _Answer], ours: OurCampaigns) -> dict[int, Outcome]:
    """The outcome of each; what was found under another address is decided about first, then moved or left."""
    found = [(lead, answer) for lead, answer in answers.items() if isinstance(answer, _AtAnotherAddress)]
    steps = campaign_moves.decide_moves([(lead, elsewhere.record) for lead, elsewhere in found])
    asked = [(lead, (elsewhere, step)) for (lead, elsewhere), step in zip(found, steps, strict=True)]
    moved = _send_each(asked, lambda lead, one: _follow(lead, one[0], one[1], ours), math.inf)
    return {
        lead.pk: answer for lead, answer in {**answers, **moved}.items() if not isinstance(answer, _AtAnotherAddress)
    }


def _follow(lead: Lead, elsewhere: _AtAnotherAddress, step: campaign_moves.Step | None, ours: OurCampaigns) -> Outcome:
    """In the campaign where the record is, which may be an earlier one. Raises VendorError."""
    record, slots = elsewhere.record, elsewhere.slots
    campaign = record.campaign if record.campaign in ours and record.campaign else ours.current
    try:
        if isinstance(step, NeedsDecision | Withheld):
            return step
        if step == MoveStatus.STAYS:
            return _update(record.id, lead, slots) or _add_one(lead, slots, campaign)
        if step is not None:
            _remove(record.id, slots)
        return _add_one(lead, slots, campaign)
    finally:
        slots.give_back()


def _remove(lead_id: str, slots: limiter.Slots) -> None:
    """Looked at afterwards: while it is there, both addresses would be written to."""
    slots.use()
    instantly().delete_lead(lead_id)
    slots.use()
    if instantly().get_lead(lead_id) is not None:
        raise NotOffered("instantly", "delete_lead", code="still_there", recovery=Recovery.BY_HAND)


def _is_new(lead: Lead) -> bool:
    return not lead.instantly_lead_id


def _add(leads: Sequence[Lead], campaign: str) -> dict[int, Outcome]:
    """New leads in one call; what became of them, by their keys.

    Left out are those it does not tell the id of (in the campaign already, blocked, refused), and all of them
    where the call as a whole was refused for one of them: each is then sent alone, and answered for itself.
    """
    if len(leads) < 2 or limiter.take(LIMIT, scope()):
        return {}
    try:
        sent = [campaign_fields.lead_of(lead) for lead in leads]
        added = instantly().add_leads(sent, campaign, skip_if_in_campaign=True)
    except (Permanent, ValueError):  # by Instantly, or by our own rules before anything left
        return {}
    except VendorError as error:
        return {lead.pk: error for lead in leads}
    return {leads[made.index].pk: Sent(made.id) for made in added.created}


def _send(lead: Lead, unsure: bool, ours: OurCampaigns) -> _Answer:
    """Raises VendorError. All slots it may need are taken at once, and the others given back."""
    known = bool(lead.instantly_lead_id)
    slots = limiter.reserve(LIMIT, scope(), 1 + (unsure or known) + known)
    if slots.wait:
        return NotSent(slots.wait)
    answer: _Answer | None = None
    try:
        answer = _deliver(lead, unsure, slots, ours)
        return answer
    finally:
        if not isinstance(answer, _AtAnotherAddress):
            slots.give_back()


def _deliver(lead: Lead, unsure: bool, slots: limiter.Slots, ours: OurCampaigns) -> _Answer:
    record = _linked_record(lead, slots)
    if record is not None and record.email and email_key(record.email) != email_key(lead.email):
        return _AtAnotherAddress(record, slots)
    known = record.id if record is not None else ""
    # What is gone may have been moved: a call of ours deleted it, and the next one's answer was lost.
    if not known and (unsure or lead.instantly_lead_id):
        known = _find(lead.email, slots, ours)
    return (_update(known, lead, slots) if known else None) or _add_one(lead, slots, ours.current)


def _linked_record(lead: Lead, slots: limiter.Slots) -> CampaignLead | None:
    """The record that the lead is linked to; None also where it is gone."""
    if not lead.instantly_lead_id:
        return None
    slots.use()
    return instantly().get_lead(lead.instantly_lead_id)


def _update(known: str, lead: Lead, slots: limiter.Slots) -> Sent | None:
    """In place; None where it is gone: it is wanted there, so it is added anew."""
    changes = {name: value for name, value in campaign_fields.lead_of(lead).items() if name != "email"}
    slots.use()
    try:
        return Sent(known, _differences(lead, instantly().patch_lead(known, changes)))
    except NotFound:
        return None


def _add_one(lead: Lead, slots: limiter.Slots, campaign: str) -> Sent:
    slots.use()
    added = instantly().add_lead({**campaign_fields.lead_of(lead), "skip_if_in_campaign": True}, campaign)
    return Sent(added.id, _differences(lead, added))


def _differences(lead: Lead, stored: CampaignLead) -> set[str]:
    """The fields that the answer tells otherwise than they were sent."""
    wanted = compare.sent_values(lead, System.INSTANTLY)
    return compare.differing_fields(lead, wanted, campaign_fields.stored_values(stored, wanted))


def _find(email: str, slots: limiter.Slots, ours: OurCampaigns) -> str:
    """The lead with this e-mail in a campaign of ours, the present one or one before it; empty where there is none."""
    client = instantly()
    after: str | None = None
    while True:
        slots.use()
        page = client.list_leads(email, starting_after=after)
        for lead in page.items:
            if lead.campaign in ours and email_key(lead.email) == email_key(email):
                return lead.id
        after = page.next_starting_after
        if after is None:
            return ""
