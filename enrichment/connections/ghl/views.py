"""Connect GoHighLevel: can the token do what we need, and does the location have our fields?"""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment.connections import checks
from enrichment.connections.ghl import setup
from enrichment.connections.rights import MANAGE, check_can_manage
from enrichment.connections.steps import key_step, progress, result_step, scopes_step
from enrichment.models import ConnectionCheck
from enrichment.vendors.errors import VendorError
from enrichment.vendors.gohighlevel.custom_fields import FieldState
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed
from swarm_admin.core.screens import screen


@screen("enrichment.view_lead")
def ghl_connect(request: HttpRequest) -> HttpResponse:
    """The checklist; nothing is called."""
    made = checks.current(GOHIGHLEVEL)
    scopes, fields = setup.scope_rows(), setup.field_rows(made.get(setup.FIELDS))
    steps = [
        key_step(GOHIGHLEVEL, scopes, "Token"),
        scopes_step(scopes),
        result_step("Custom fields", made.get(setup.FIELDS), "All there", "Needs attention"),
    ]
    context = {
        "vendor": GOHIGHLEVEL,
        "steps": steps,
        "progress": progress(steps),
        "key": steps[0],
        "scopes_step": steps[1],
        "fields_step": steps[2],
        "scopes": scopes,
        "fields": fields,
        "fields_error": _fields_error(made.get(setup.FIELDS)),
        "why_no_create": "No field is missing." if made.get(setup.FIELDS) else "Check the fields first.",
        "missing": sum(each["state"] == FieldState.MISSING for each in fields),
        "location_id": settings.GHL_LOCATION_ID,
        "location": made.get(setup.LOCATION),
        "why_not": check_can_manage(request.user),
        "why_no_test": check_can_manage(request.user) or why_not_allowed(setup.check_can_test),
    }
    return render(request, "enrichment/connections/ghl/ghl_connect.html", context)


def _fields_error(check: ConnectionCheck | None) -> str:
    """Why the last look saw no fields; "" where it did."""
    return check.detail if check else ""


@screen(MANAGE, "POST")
def ghl_test(request: HttpRequest) -> HttpResponse:
    """Every scope of the token, one by one."""
    try:
        messages.info(request, setup.test_token())
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
    except VendorError as error:
        messages.error(request, f"The token wasn't tested: {error}. {error.advice}")
    return redirect("ghl_connect")


@screen(MANAGE, "POST")
def ghl_check_fields(request: HttpRequest) -> HttpResponse:
    """Which of our fields there are."""
    try:
        reports = setup.check_fields()
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
    except VendorError as error:
        messages.error(request, f"The fields weren't read: {error}. {error.advice}")
    else:
        ready = sum(each.state == FieldState.READY for each in reports)
        messages.info(request, f"{ready} of {len(reports)} fields are ready.")
    return redirect("ghl_connect")


@screen(MANAGE, "POST")
def ghl_create_fields(request: HttpRequest) -> HttpResponse:
    """Create those that are missing."""
    try:
        created = setup.create_fields(by=request.user)
    except ActionNotAllowed as refusal:
        messages.error(request, str(refusal))
    except VendorError as error:
        messages.error(request, f"No field was created: {error}. {error.advice}")
    else:
        (messages.error if created.error else messages.success)(request, setup.created_sentence(created))
    return redirect("ghl_connect")
