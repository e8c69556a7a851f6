"""The files of a request: written with random names, downloaded by staff with a log entry, erased when they expire."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from gdpr import audit
from gdpr.models import DocumentKind, RequestDocument, SubjectRequest
from gdpr.package import document, pdf, render
from swarm_admin.core import timing
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

MAKERS = {
    DocumentKind.JSON: render.as_json,
    DocumentKind.CSV: render.as_csv,
    DocumentKind.HTML: render.as_html,
    DocumentKind.PDF: pdf.as_pdf,
}
TYPES = {
    DocumentKind.JSON: "application/json",
    DocumentKind.CSV: "text/csv; charset=utf-8",
    DocumentKind.HTML: "text/html; charset=utf-8",
    DocumentKind.PDF: "application/pdf",
    DocumentKind.CERTIFICATE: "application/json",
}


def build(request: SubjectRequest) -> list[RequestDocument]:
    """Every form of the package; a second run takes the place of the first, and leaves no file of it."""
    package = document.compose(request)
    until = timezone.now() + timing.span(settings.PACKAGE_DAYS * 86_400)
    return [store(request, kind, make(package), expires_at=until) for kind, make in MAKERS.items()]


def store(request: SubjectRequest, kind: DocumentKind, content: bytes, *, expires_at: Any = None) -> RequestDocument:
    """One file of the package, under a name that says nothing; it takes the place of an earlier one."""
    kept, _ = RequestDocument.objects.get_or_create(request=request, kind=kind, superseded_at=None)
    before = kept.file.name
    kept.file.save(f"{uuid4().hex}.{kind.value}", ContentFile(content), save=False)
    kept.size, kept.sha256 = len(content), hashlib.sha256(content).hexdigest()
    kept.created_at, kept.expires_at, kept.erased_at = timezone.now(), expires_at, None
    kept.save(update_fields=["file", "size", "sha256", "created_at", "expires_at", "erased_at"])
    if before and before != kept.file.name:
        kept.file.storage.delete(before)
    return kept


def add_version(request: SubjectRequest, kind: DocumentKind, content: bytes, *, number: int) -> RequestDocument:
    """A version that counts from now on, in the caller's transaction; those before stay as they were written.

    Raises IntegrityError where another one counts.
    """
    kept = RequestDocument(
        request=request,
        kind=kind,
        number=number,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    kept.file.save(f"{uuid4().hex}.json", ContentFile(content), save=False)
    try:
        kept.save()
    except Exception:
        kept.file.storage.delete(str(kept.file.name))  # no row tells of it
        raise
    return kept


def check_can_download(kept: RequestDocument) -> None:
    """Raises ActionNotAllowed where it has expired."""
    if not kept.available or not kept.file:
        raise ActionNotAllowed("This file has expired and was erased.")


def file_name(kept: RequestDocument) -> str:
    """What a browser saves it as; the reference alone."""
    suffix = "json" if kept.kind == DocumentKind.CERTIFICATE else kept.kind
    what = f"certificate-{kept.number}" if kept.kind == DocumentKind.CERTIFICATE else "data"
    return f"{kept.request.reference}-{what}.{suffix}"


def download(kept: RequestDocument, *, by: Any) -> bytes:
    """The file's content, and the event that `by` has taken it.

    Raises:
        ActionNotAllowed: it has expired, or is not what was written.
    """
    check_can_download(kept)
    try:
        with kept.file.storage.open(str(kept.file.name)) as opened:
            content: bytes = opened.read()
    except FileNotFoundError:
        raise ActionNotAllowed("This file is missing.") from None
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise ActionNotAllowed("This file was altered. Create the package again.")
    with transaction.atomic():
        RequestDocument.objects.filter(pk=kept.pk).update(
            downloads=F("downloads") + 1, last_download_at=timezone.now(), last_download_by=by
        )
        audit.record(Verb.DOWNLOAD_DOCUMENT, by=by, on=kept.request, counts={"document": kept.pk}, reason=kept.kind)
    return content


def expire_due() -> int:
    """Erase what has expired; returns how many files."""
    due = RequestDocument.objects.filter(expires_at__lte=timezone.now(), erased_at=None)
    return sum(erase_file(kept) for kept in due.select_related("request"))


def erase_file(kept: RequestDocument) -> bool:
    """The file first: a row that says erased with its file still there would be a lie."""
    if kept.file:
        kept.file.storage.delete(str(kept.file.name))
    with transaction.atomic():
        done = RequestDocument.objects.filter(pk=kept.pk, erased_at=None).update(erased_at=timezone.now(), file="")
        if done:
            audit.record(Verb.ERASE_DOCUMENT, on=kept.request, counts={"document": kept.pk}, reason=kept.kind)
    return bool(done)
