"""The files of a request: taken by staff, each time with an event; and the certificate to read and print."""

import json
from typing import Any

from django.contrib import messages
from django.db.models import TextChoices
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime

from gdpr import stores
from gdpr.kinds import Action
from gdpr.models import CheckMethod, DocumentKind, RequestDocument, SubjectRequest
from gdpr.package import files
from gdpr.requests import certificate as certificates
from gdpr.states import StepStatus
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_request"
HANDLE = "gdpr.handle_request"


@screen(HANDLE, "POST")
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """By POST: no link, history or prefetch takes a person's data. HTML is given as a file, never shown as a page."""
    kept = get_object_or_404(RequestDocument.objects.select_related("request"), pk=pk)
    try:
        content = files.download(kept, by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
        return redirect("request", pk=kept.request_id)
    answer = HttpResponse(content, content_type=files.TYPES[DocumentKind(kept.kind)])
    answer["Content-Disposition"] = f'attachment; filename="{files.file_name(kept)}"'
    answer["Cache-Control"] = "no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@screen(VIEW)
def certificate(request: HttpRequest, pk: int) -> HttpResponse:
    """What was done, free of personal data, as it was issued: the newest version, or the one that is asked for."""
    subject = get_object_or_404(SubjectRequest, pk=pk)
    found = certificates.versions(subject)
    number = parse_int(request.GET.get("version"), most=9_999)
    kept = (found if number is None else found.filter(number=number)).first()
    if kept is None:
        raise Http404
    try:
        document = json.loads(files.download(kept, by=request.user))
    except ActionNotAllowed as why:
        messages.error(request, str(why))
        return redirect("request", pk=pk)
    context = {
        "each": subject,
        "told": document,
        "kept": kept,
        "versions": found,
        "rows": _rows(document),
        "by": _methods(document),
    }
    return render(request, "gdpr/requests/certificate.html", context)


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a certificate in the words of the screens: those on records, then the others."""
    of_records = [(step, record["key_hash"]) for record in document["records"] for step in record["steps"]]
    return [
        {
            "system": stores.label_of(step["store"]) if step["store"] else "Swarm Admin",
            "record": key_hash,
            "action": _label(Action, step["action"]),
            "status": step["status"],
            "status_label": _label(StepStatus, step["status"]),
            "by_hand": step["by_hand"],
            "done_at": parse_datetime(step["done_at"]) if step["done_at"] else None,
            "proof": step["proof"],
        }
        for step, key_hash in [*of_records, *((step, "") for step in document["steps"])]
    ]


def _methods(document: dict[str, Any]) -> list[str]:
    return [_label(CheckMethod, method) for method in document["identified_by"]]


def _label(choices: type[TextChoices], value: str) -> str:
    """The word for a value; the value itself where a later version does not know it any more."""
    return str(choices(value).label) if value in choices.values else value
