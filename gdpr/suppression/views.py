"""Suppression: whom must we not take in, keep or contact?"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from pydantic import ValidationError

from gdpr.identity import validation
from gdpr.models import Suppression
from gdpr.suppression import suppressions
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int, parse_ints
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_suppression"
HANDLE = "gdpr.handle_request"
PAGE = 50


class IdentifierForm(forms.Form):
    """Whom it is about: typed, used, and kept nowhere."""

    linkedin_url = forms.CharField(max_length=300, required=False, label="LinkedIn URL")
    email = forms.CharField(max_length=320, required=False, label="E-mail")
    phone = forms.CharField(max_length=40, required=False, label="Phone")

    def clean(self) -> dict[str, Any]:
        """Read as those of a request are, so that the same spelling comes out."""
        given = super().clean() or {}
        row = {name: given.get(name, "") for name in ("linkedin_url", "phone")}
        try:
            given["identity"] = validation.read_identity({**row, "emails": given.get("email", "")})
        except ValidationError as error:
            labels = {name: str(field.label) for name, field in self.fields.items()}
            for field, sentence in validation.sentences(error, labels | {"emails.*": labels["email"]}):
                name = "email" if field.startswith("emails") else field
                self.add_error(name if name in self.fields else None, sentence)
        return given


class BlockForm(IdentifierForm):
    reason = forms.CharField(max_length=64, label="Reason (don't name the person)")


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    live = request.GET.get("state", "live")
    rows = (
        Suppression.objects.filter(released_at=None)
        if live != "released"
        else Suppression.objects.exclude(released_at=None)
    )
    context = {
        "figures": suppressions.figures(),
        "keys": suppressions.key_use(),
        "page": Paginator(rows.order_by("-id"), PAGE).get_page(parse_int(request.GET.get("page"))),
        "state": live,
        "who": IdentifierForm(auto_id="who_%s"),
        "blocking": BlockForm(auto_id="block_%s"),
        "why_not": ""
        if request.user.has_perm(HANDLE)
        else "You don't have permission to change the suppression list. Ask a compliance officer.",
    }
    return render(request, "gdpr/suppression/suppressions.html", context | more, status=status)


@screen(VIEW, "POST")
def look_up(request: HttpRequest) -> HttpResponse:
    """By POST, so that no address holds the person."""
    form = IdentifierForm(request.POST, auto_id="who_%s")
    if not form.is_valid():
        return _page(request, 422, who=form)
    found = suppressions.look_up(form.cleaned_data["identity"], by=request.user)
    return _page(request, who=form, found=found, looked=True)


@screen(HANDLE, "POST")
def add(request: HttpRequest) -> HttpResponse:
    form = BlockForm(request.POST, auto_id="block_%s")
    if not form.is_valid():
        return _page(request, 422, blocking=form)
    try:
        new = suppressions.add(form.cleaned_data["identity"], reason=form.cleaned_data["reason"], by=request.user)
    except ActionNotAllowed as why:
        form.add_error("reason", str(why))
        return _page(request, 422, blocking=form)
    messages.success(request, f"{_describe_identifiers(new)} now suppressed." if new else "Already suppressed.")
    return redirect("suppressions")


def _describe_identifiers(identifiers: int) -> str:
    return "1 identifier is" if identifiers == 1 else f"{identifiers:,} identifiers are"


@screen(HANDLE, "POST")
def release(request: HttpRequest) -> HttpResponse:
    """Let the chosen ones in again, with a reason."""
    ids = parse_ints(request.POST.getlist("id"))
    try:
        released = suppressions.release(ids, reason=request.POST.get("reason", ""), by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    else:
        messages.success(request, f"{_describe_identifiers(released)} released.")
    return redirect("suppressions")
