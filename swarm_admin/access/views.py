"""Staff and keys: who may do what?"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from swarm_admin.access import staff
from swarm_admin.access.models import ApiKey, Scope, User
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

PEOPLE = "access.change_user"
KEYS = "access.add_apikey"


class InviteForm(forms.Form):
    email = forms.EmailField(max_length=254, label="E-mail")
    first_name = forms.CharField(max_length=150, label="First name")
    last_name = forms.CharField(max_length=150, label="Last name", required=False)
    role = forms.ChoiceField(choices=[(role, role) for role in staff.ROLES], label="Role")


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100, label="Name")
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple, label="Scopes")


@screen(PEOPLE)
def show(request: HttpRequest) -> HttpResponse:
    return _page(request)


@never_cache
def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    people = list(staff.people())
    context = {
        "people": people,
        "active": sum(person.is_active for person in people),
        "without_second": sum(person.is_active and not person.has_second_factor for person in people),  # type: ignore[attr-defined]
        "role_choices": staff.ROLES,
        "keys": ApiKey.objects.select_related("created_by"),
        "live_keys": ApiKey.objects.filter(revoked_at=None).count(),
        "scopes": dict(Scope.choices),
        "invite": InviteForm(auto_id="invite_%s"),
        "key_form": KeyForm(auto_id="key_%s"),
    }
    return render(request, "access/staff.html", context | more, status=status)


@screen(PEOPLE, "POST")
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST, auto_id="invite_%s")
    if not form.is_valid():
        return _page(request, 422, invite=form)
    try:
        invitation = staff.invite(**form.cleaned_data, by=request.user)
    except ActionNotAllowed as impossible:
        form.add_error("email", str(impossible))
        return _page(request, 422, invite=form)
    return _page(request, invitation=invitation)


def _new_link(person: User, request: HttpRequest) -> HttpResponse | str:
    return _page(request, invitation=staff.new_password_link(person, by=request.user))


def _change_role(person: User, request: HttpRequest) -> str:
    staff.change_role(person, request.POST.get("role", ""), by=request.user)
    return "Role saved. It applies from their next click."


def _deactivate(person: User, request: HttpRequest) -> str:
    staff.deactivate(person, by=request.user)
    return "Account deactivated and signed out everywhere."


def _reactivate(person: User, request: HttpRequest) -> str:
    staff.reactivate(person, by=request.user)
    return "Account reactivated."


def _end_sessions(person: User, request: HttpRequest) -> str:
    ended = staff.end_sessions(person, by=request.user)
    return f"{ended} session{'' if ended == 1 else 's'} ended."


def _remove_second_factor(person: User, request: HttpRequest) -> str:
    staff.remove_second_factor(person, by=request.user)
    return "Two-factor authentication removed. Ask them to set it up again."


ACTIONS: dict[str, Callable[[User, HttpRequest], HttpResponse | str]] = {
    "link": _new_link,
    "role": _change_role,
    "shut-out": _deactivate,
    "let-in": _reactivate,
    "end-sessions": _end_sessions,
    "second-factor": _remove_second_factor,
}


@screen(PEOPLE, "POST")
def run_action(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """One of ACTS on one person."""
    person = get_object_or_404(User, pk=pk)
    try:
        done = ACTIONS[name](person, request)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("staff")
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, done)
    return redirect("staff")


@screen(KEYS, "POST")
def issue_key(request: HttpRequest) -> HttpResponse:
    """The plain text stands on the answer, and nowhere after it."""
    form = KeyForm(request.POST, auto_id="key_%s")
    if not form.is_valid():
        return _page(request, 422, key_form=form)
    key, plaintext = staff.issue_key(**form.cleaned_data, by=request.user)
    return _page(request, issued=key, plaintext=plaintext)


@screen(KEYS, "POST")
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    staff.revoke_key(get_object_or_404(ApiKey, pk=pk), by=request.user)
    messages.success(request, "API key revoked.")
    return redirect("staff")
