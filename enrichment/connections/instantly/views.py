"""Connect Instantly: can the key do what we need, and to which campaign do new leads go?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment.connections import checks, scope_checks
from enrichment.connections.instantly import setup
from enrichment.connections.instantly.setup import ChosenCampaign
from enrichment.connections.rights import MANAGE, check_can_manage
from enrichment.connections.steps import Step, key_step, progress, result_step, scopes_step
from enrichment.models import ConnectionCheck
from enrichment.vendors.errors import VendorError
from enrichment.vendors.instantly.record import INSTANTLY
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed
from swarm_admin.core.screens import screen


@screen("enrichment.view_lead")
def instantly_connect(request: HttpRequest) -> HttpResponse:
    """The checklist; nothing is called."""
    campaign, scopes = setup.chosen_campaign(), setup.scope_rows()
    check = _check_of(campaign)
    native, custom = setup.sent_fields()
    steps = [key_step(INSTANTLY, scopes, "API key"), scopes_step(scopes), _campaign_step(campaign, check)]
    context = {
        "vendor": INSTANTLY,
        "steps": steps,
        "progress": progress(steps),
        "key": steps[0],
        "scopes_step": steps[1],
        "campaign_step": steps[2],
        "scopes": scopes,
        "campaign": campaign,
        "check": check,
        "native": native,
        "custom": custom,
        "why_not": check_can_manage(request.user),
        "why_no_test": check_can_manage(request.user) or why_not_allowed(scope_checks.check_can_test, INSTANTLY),
    }
    return render(request, "enrichment/connections/instantly/instantly_connect.html", context)


@screen(MANAGE, "POST")
def instantly_test(request: HttpRequest) -> HttpResponse:
    """Every scope of the key, one by one."""
    try:
        messages.info(request, setup.test_key())
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
    except VendorError as error:
        messages.error(request, f"The key wasn't tested: {error}. {error.advice}")
    return redirect("instantly_connect")


@screen(MANAGE, "POST")
def instantly_check_campaign(request: HttpRequest) -> HttpResponse:
    """Whether the campaign in use is there and sends."""
    try:
        messages.info(request, setup.check_campaign())
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
    except VendorError as error:
        messages.error(request, f"The campaign wasn't read: {error}. {error.advice}")
    return redirect("instantly_connect")


@screen(MANAGE, "GET", "POST")
def instantly_campaign(request: HttpRequest) -> HttpResponse:
    """The workspace's campaigns, and what a change means for the leads there are."""
    if request.method == "POST":
        return _choose(request)
    try:
        listed = setup.listing()
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("instantly_connect")
    except VendorError as error:
        messages.error(request, f"The campaigns weren't listed: {error}. {error.advice}")
        return redirect("instantly_connect")
    context = {
        "campaigns": [{"campaign": each, "sentence": setup.sending(each)} for each in listed.campaigns],
        "cut": listed.cut,
        "current": setup.chosen_campaign(),
        "added": setup.added_leads(),
        "waiting": setup.waiting_deliveries(),
    }
    return render(request, "enrichment/connections/instantly/instantly_campaign.html", context)


def _choose(request: HttpRequest) -> HttpResponse:
    try:
        campaign = setup.choose(request.POST.get("campaign", ""), by=request.user)
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("instantly_campaign")
    except VendorError as error:
        messages.error(request, f"The campaign wasn't changed: {error}. {error.advice}")
        return redirect("instantly_connect")
    messages.success(request, f"New leads now go to {campaign.name or campaign.id}. {setup.sending(campaign)}")
    return redirect("instantly_connect")


def _check_of(campaign: ChosenCampaign) -> ConnectionCheck | None:
    """The last look at the campaign in use; one at another says nothing of it."""
    check = checks.current(INSTANTLY).get(setup.CAMPAIGN)
    return check if check and check.seen.get("id") == campaign.id else None


def _campaign_step(campaign: ChosenCampaign, check: ConnectionCheck | None) -> Step:
    if not campaign.id:
        return Step("Campaign", "trouble", "None chosen")
    status = check.seen.get("status") if check else ""
    return result_step("Campaign", check, status or "Active", status or "Not found")
