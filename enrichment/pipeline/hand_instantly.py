"""Deliveries to Instantly: new leads added to the campaign together, known ones changed in place."""

import time
from collections.abc import Sequence

from enrichment import fanout, stopping
from enrichment.models import Lead
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.payload import instantly_lead
from enrichment.pipeline.sent import Asked, NotSent, Outcome, Sent
from enrichment.vendors import limiter
from enrichment.vendors.connections import instantly
from enrichment.vendors.errors import NotFound, Permanent, VendorError
from enrichment.vendors.instantly import LIMIT
from enrichment.vendors.instantly import Lead as CampaignLead
from swarm_admin.core.identifiers.emails import key as email_key


def scope() -> str:
    return instantly().scope()


def send_all(asked: Sequence[Asked], until: float) -> list[Outcome]:
    """Add or change each lead; none is begun after `until`, in the process's monotonic seconds."""
    outcomes: dict[int, Outcome] = _add([one.lead for one in asked if not one.unsure and _is_new(one.lead)])
    alone = [one for one in asked if one.lead.pk not in outcomes]

    def call(one: Asked) -> Sent | NotSent:
        return NotSent() if stopping.asked() or time.monotonic() > until else _send(one.lead, one.unsure)

    answers = fanout.each(alone, call, vendor="instantly", changes=True)
    outcomes |= {one.lead.pk: answer for one, answer in zip(alone, answers, strict=True)}
    return [outcomes[one.lead.pk] for one in asked]


def _is_new(lead: Lead) -> bool:
    return not lead.instantly_lead_id


def _add(leads: Sequence[Lead]) -> dict[int, Outcome]:
    """New leads in one call; what became of them, by their keys.

    Left out are those it does not tell the id of (in the campaign already, blocked, refused), and all of them
    where the call as a whole was refused for one of them: each is then sent alone, and answered for itself.
    """
    if len(leads) < 2 or limiter.take(LIMIT, scope()):
        return {}
    try:
        added = instantly().add_leads([instantly_lead(lead) for lead in leads], skip_if_in_campaign=True)
    except (Permanent, ValueError):  # by Instantly, or by our own rules before anything left
        return {}
    except VendorError as error:
        return {lead.pk: error for lead in leads}
    return {leads[made.index].pk: Sent(made.id) for made in added.created}


def _send(lead: Lead, unsure: bool) -> Sent | NotSent:
    """Raises VendorError. All slots it may need are taken at once, and the others given back."""
    slots = limiter.reserve(LIMIT, scope(), 1 + unsure + bool(lead.instantly_lead_id or unsure))
    if slots.wait:
        return NotSent(slots.wait)
    sent = _deliver(lead, unsure, slots)
    slots.give_back()
    return sent


def _deliver(lead: Lead, unsure: bool, slots: limiter.Slots) -> Sent:
    client = instantly()
    values = instantly_lead(lead)
    known = lead.instantly_lead_id or (_find(lead.email, slots) if unsure else "")
    if known:
        changes = {name: value for name, value in values.items() if name != "email"}
        slots.use()
        try:
            return Sent(known, _differences(lead, client.patch_lead(known, changes)))
        except NotFound:
            pass  # removed at the other side by somebody: it is wanted there, so it is added anew
    slots.use()
    added = client.add_lead({**values, "skip_if_in_campaign": True})
    return Sent(added.id, _differences(lead, added))


def _differences(lead: Lead, stored: CampaignLead) -> set[str]:
    """The fields that the answer tells otherwise than they were sent."""
    wanted = compare.sent(lead, System.INSTANTLY)
    return compare.differing(lead, wanted, compare.in_campaign(stored, wanted))


def _find(email: str, slots: limiter.Slots) -> str:
    """The campaign's lead with this e-mail; empty where there is none."""
    client = instantly()
    after: str | None = None
    while True:
        slots.use()
        page = client.list_leads(email, starting_after=after)
        for lead in page.items:
            if lead.campaign in ("", client.campaign_id) and email_key(lead.email) == email_key(email):
                return lead.id
        after = page.next_starting_after
        if after is None:
            return ""
