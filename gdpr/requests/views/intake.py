"""New request: written down the day it is read, counted from the day it came."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from pydantic import ValidationError

from gdpr import audit, data_subjects, rectifiable
from gdpr.models import Channel, SubjectRequest
from gdpr.requests import intake, intake_csv, intake_email
from gdpr.requests.pipeline.open import open_request
from gdpr.requests.request_forms import Intake
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

HANDLE = "gdpr.handle_request"


@screen(HANDLE, "GET", "POST")
def new(request: HttpRequest) -> HttpResponse:
    """The form; `?of=` names a record of ours that fills it in, `?kind=` what is asked for."""
    if request.method == "GET":
        return _page(request, Intake(initial=_initial(request)))
    form = Intake(request.POST)
    opened = _open_request(form, request.user) if form.is_valid() else None
    if opened is None:
        return _page(request, form, 422)
    if opened.duplicate_of_id:
        messages.warning(
            request,
            f"{opened.reference} may duplicate {opened.duplicate_of}. It is linked and still processed in full.",
        )
    messages.success(request, f"{opened.reference} opened. Due on {opened.due_on:%-d %B %Y}.")
    return redirect("request", pk=opened.pk)


def _page(request: HttpRequest, form: Intake, status: int = 200) -> HttpResponse:
    return render(
        request, "gdpr/requests/request_new.html", {"form": form, "fields": rectifiable.fields()}, status=status
    )


def _initial(request: HttpRequest) -> dict[str, Any]:
    first = {
        "kind": request.GET.get("kind", ""),
        "received_at": timezone.now(),
        "regime": settings.COMPLIANCE_REGIME,
        "calendar": settings.COMPLIANCE_CALENDAR,
    }
    store, _, key = request.GET.get("of", "").partition("/")
    source = data_subjects.source_of(store)
    kept = source.retained_record(key) if source and key else None
    if kept is None:
        return first
    who = kept.record.identity
    audit.record(Verb.PREFILL_REQUEST, by=request.user, object_type=store, object_id=key)
    found = {"linkedin_url": who.linkedin_url, "emails": ", ".join(who.emails), "phone": who.phone}
    return first | found | {"contact_email": next(iter(who.emails), "")}


def _open_request(form: Intake, by: Any) -> SubjectRequest | None:
    """The request; None where the form now says what is wrong."""
    try:
        return open_request(intake.read(form.row()), channel=form.cleaned_data["channel"], by=by)
    except ValidationError as error:
        form.add_errors(error)
    except ActionNotAllowed as why:
        form.add_error(None, str(why))
    return None


@screen(HANDLE, "GET", "POST")
def paste(request: HttpRequest) -> HttpResponse:
    """A pasted e-mail becomes the form, filled in; an officer looks at every guess before it is opened."""
    pasted = request.POST.get("pasted", "")
    if not pasted.strip():
        status = 422 if request.method == "POST" else 200
        context = {"problem": "Paste the e-mail, including its headers."} if status == 422 else {}
        return render(request, "gdpr/requests/request_paste.html", context, status=status)
    draft = intake_email.parse(pasted)
    guessed = {name: value for name, value in draft.initial().items() if value}
    for note in draft.notes:
        messages.warning(request, note)
    first = {
        "regime": settings.COMPLIANCE_REGIME,
        "calendar": settings.COMPLIANCE_CALENDAR,
        "channel": Channel.EMAIL,
    }
    return _page(request, Intake(initial=first | guessed))


class RequestList(forms.Form):
    """A file, or what the file read before held: a browser does not send a file a second time by itself."""

    file = forms.FileField(label="CSV file", required=False)
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("file") and not given.get("text"):
            self.add_error("file", "Choose a file.")
        return given

    def content(self) -> bytes:
        file = self.cleaned_data["file"]
        return bytes(file.read(intake_csv.LONGEST + 1)) if file else self.cleaned_data["text"].encode()


@screen(HANDLE, "GET", "POST")
def upload(request: HttpRequest) -> HttpResponse:
    """A list of requests: what is wrong with which row is said first; the good rows are opened together."""
    form = RequestList(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "columns": intake_csv.COLUMNS}
    if request.method == "POST" and form.is_valid():
        try:
            content = form.content()
            context["rows"] = rows = intake_csv.parse(content)
            context["good"] = sum(not row.errors for row in rows)
            context["text"] = content.decode("utf-8-sig")
            if "open" in request.POST or not any(row.errors for row in rows):
                opened = intake_csv.open_requests(rows, by=request.user)
                messages.success(request, f"Requests opened: {len(opened):,}.")
                return redirect("requests")
        except ActionNotAllowed as why:
            form.add_error("file", str(why))
    wrong = bool(form.is_bound and (form.errors or context.get("rows")))
    return render(request, "gdpr/requests/request_list.html", context, status=422 if wrong else 200)
