"""Instantly made ready: what the key may do, and the campaign that new leads are added to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from enrichment.connections import checks, scope_checks
from enrichment.connections.scope_checks import KeyWords, ScopeRow
from enrichment.models import Connection, Finding, Handover, Lead
from enrichment.models.handover import System
from enrichment.states import HandoverStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import connections as clients
from enrichment.vendors import scopes as vendor_scopes
from enrichment.vendors.errors import Recovery, VendorError
from enrichment.vendors.instantly import campaigns as wire
from enrichment.vendors.instantly import chosen
from enrichment.vendors.instantly.campaigns import PAGES, Campaign
from enrichment.vendors.instantly.fields import CUSTOM
from enrichment.vendors.instantly.record import INSTANTLY
from enrichment.vendors.instantly.scopes import scopes
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

CAMPAIGN: Final = "campaign"
LONGEST_ID: Final = 100
WORDS: Final = KeyWords("API key", "Instantly: Settings → Integrations → API keys")
# The lead's own fields, as `instantly.fields` sends them.
NATIVE: Final = ("email", "first_name", "last_name", "company_name", "job_title", "phone", "website")
SENDING: Final = {
    wire.ACTIVE: "Active. New leads are written to.",
    wire.PAUSED: "Paused. Leads are added, but nobody is written to until it is resumed in Instantly.",
    wire.DRAFT: "Draft. Leads are added, but nobody is written to until it is launched in Instantly.",
    wire.COMPLETED: "Completed. It has finished sending: choose another, or resume it in Instantly.",
    wire.SUBSEQUENCES: "Running subsequences only: its main sequence has finished. Choose another campaign.",
}


@dataclass(frozen=True)
class Listing:
    """The workspace's campaigns; `cut`: there are more than were read."""

    campaigns: Sequence[Campaign]
    cut: bool = False


@dataclass(frozen=True)
class ChosenCampaign:
    """`name` "" where it is not known; `is_default`: of INSTANTLY_CAMPAIGN_ID."""

    id: str
    name: str
    is_default: bool


def scope_rows() -> list[ScopeRow]:
    """Empty without a key that can be sent."""
    try:
        return scope_checks.rows(INSTANTLY, scopes(clients.instantly()), WORDS)
    except VendorError:
        return []


def test_key() -> str:
    """Every scope; what came of it. Raises ActionNotAllowed, VendorError where the key cannot be sent at all."""
    scope_checks.check_can_test(INSTANTLY)
    return scope_checks.summary(INSTANTLY, scope_checks.test(INSTANTLY, scopes(clients.instantly())))


def chosen_campaign() -> ChosenCampaign:
    """Where new leads go; its id is "" where none is chosen."""
    kept = Connection.objects.filter(system=INSTANTLY.slug).first()
    if kept and kept.campaign_id:
        return ChosenCampaign(kept.campaign_id, kept.campaign_name, False)
    default = chosen.campaigns().current
    check = checks.current(INSTANTLY).get(CAMPAIGN)
    name = check.seen.get("name", "") if check and check.seen.get("id") == default else ""
    return ChosenCampaign(default, name, True)


def sending(campaign: Campaign) -> str:
    """Whether it writes to leads that are added now, in a sentence."""
    words = SENDING.get(campaign.status) if campaign.status is not None else None
    return words or f"{campaign.status_words}. It isn't sending: look at it in Instantly."


# ---------------------------------------------------------------- the campaign


def check_campaign() -> str:
    """Look at the campaign in use; what it says. Raises ActionNotAllowed, VendorError."""
    scope_checks.check_can_test(INSTANTLY)
    current = chosen.campaigns().current
    if not current:
        raise ActionNotAllowed("No campaign is chosen.")
    campaign = _look(current)
    if campaign is None:
        words = "Instantly has no such campaign. It may have been deleted, or belong to another workspace."
        checks.save(INSTANTLY, CAMPAIGN, Finding.WRONG, words, {"id": current})
        return words
    return _keep_check(campaign)


def listing() -> Listing:
    """All campaigns of the workspace, page by page. Raises ActionNotAllowed, VendorError."""
    scope_checks.check_can_test(INSTANTLY)
    client, found, start = clients.instantly(), list[Campaign](), ""
    slots = checks.reserve(INSTANTLY, PAGES)
    try:
        for _ in range(PAGES):
            slots.use()
            page, start = client.campaigns(start)
            found += page
            if not start:
                return Listing(found)
    finally:
        slots.give_back()
    return Listing(found, cut=True)


def choose(campaign_id: str, *, by: Any) -> Campaign:
    """New leads go to this campaign from now on; those added before stay where they are.

    Raises:
        ActionNotAllowed: no such campaign, or it is the one in use.
        VendorError: it could not be looked at.
    """
    scope_checks.check_can_test(INSTANTLY)
    campaign_id = campaign_id.strip(". \t\r\n")
    campaign = _look(campaign_id) if 0 < len(campaign_id) <= LONGEST_ID else None
    if campaign is None:
        raise ActionNotAllowed("Instantly has no such campaign. Choose one from the list.")
    with transaction.atomic():
        Connection.objects.get_or_create(system=INSTANTLY.slug)
        connection = Connection.objects.select_for_update().get(system=INSTANTLY.slug)
        ours = chosen.campaigns()
        if campaign.id == ours.current:
            raise ActionNotAllowed(f"New leads already go to {campaign.name or campaign.id}.")
        earlier = [each for each in (*connection.earlier_campaigns, ours.current) if each and each != campaign.id]
        connection.earlier_campaigns = list(dict.fromkeys(earlier))
        is_default = campaign.id == str(settings.INSTANTLY_CAMPAIGN_ID).strip()
        connection.campaign_id = "" if is_default else campaign.id
        connection.campaign_name = "" if is_default else campaign.name[:200]
        connection.save(update_fields=["earlier_campaigns", "campaign_id", "campaign_name"])
        audit.record(
            Verb.CHOOSE_CAMPAIGN, by=by, on=connection, fields=["campaign"], reason=f"{ours.current} → {campaign.id}"
        )
        _keep_check(campaign)
        hold = pauses.open_pause(INSTANTLY.slug)
        if hold is not None and hold.reason == Recovery.CHECK_ADDRESS:
            pauses.end_pause(hold, by=by, reason="a campaign was chosen")
    return campaign


def added_leads() -> int:
    """Leads that have a record in a campaign."""
    return Lead.objects.exclude(instantly_lead_id="").count()


def waiting_deliveries() -> int:
    """Leads that are on their way to Instantly."""
    open_ones = (HandoverStatus.PLANNED, HandoverStatus.UNKNOWN)
    return Handover.objects.filter(system=System.INSTANTLY, status__in=open_ones).count()


def _look(campaign_id: str) -> Campaign | None:
    """Raises VendorError, which is kept as the result of the check where it is of the campaign in use."""
    slots = checks.reserve(INSTANTLY, 1)
    try:
        slots.use()
        return clients.instantly().campaign(campaign_id)
    except VendorError as error:
        if campaign_id == chosen.campaigns().current:
            checks.save(INSTANTLY, CAMPAIGN, vendor_scopes.judge(error), str(error), {"id": campaign_id})
        raise
    finally:
        slots.give_back()


def _keep_check(campaign: Campaign) -> str:
    words = sending(campaign)
    finding = Finding.OK if campaign.sends else Finding.WRONG
    seen = {"id": campaign.id, "name": campaign.name, "status": campaign.status_words}
    checks.save(INSTANTLY, CAMPAIGN, finding, words, seen)
    return words


def sent_fields() -> tuple[Sequence[str], Sequence[str]]:
    """(the lead's own fields, custom variables) as a campaign's texts can use them."""
    return NATIVE, CUSTOM
