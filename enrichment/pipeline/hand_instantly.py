"""One delivery to Instantly: added to the campaign once, changed in place afterwards."""

from enrichment.models import Lead
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.hand_ghl import Sent
from enrichment.pipeline.payload import instantly_lead
from enrichment.vendors.connections import instantly
from enrichment.vendors.errors import NotFound
from enrichment.vendors.instantly import Lead as CampaignLead


def scope() -> str:
    return instantly().scope()


def send(lead: Lead, unsure: bool) -> Sent:
    """Add or change the campaign's lead; after an unknown outcome it is looked up first (D12)."""
    client = instantly()
    values = instantly_lead(lead)
    known = lead.instantly_lead_id or (_find(lead.email) if unsure else "")
    if known:
        changes = {name: value for name, value in values.items() if name != "email"}
        try:
            return Sent(known, _differences(lead, client.patch_lead(known, changes)))
        except NotFound:
            pass  # removed at the other side by somebody: it is wanted there, so it is added anew
    added = client.add_lead({**values, "skip_if_in_campaign": True})
    return Sent(added.id, _differences(lead, added))


def _differences(lead: Lead, stored: CampaignLead) -> set[str]:
    """The fields that the answer tells otherwise than they were sent."""
    wanted = compare.sent(lead, System.INSTANTLY)
    return compare.differing(lead, wanted, compare.in_campaign(stored, wanted))


def _find(email: str) -> str:
    """The campaign's lead with this e-mail; empty where there is none."""
    client = instantly()
    after: str | None = None
    while True:
        page = client.list_leads(email, starting_after=after)
        for lead in page.items:
            if lead.campaign in ("", client.campaign_id) and lead.email.casefold() == email.casefold():
                return lead.id
        after = page.next_starting_after
        if after is None:
            return ""
