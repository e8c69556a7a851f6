"""Audit: who did what, and does the ledger hold?"""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from gdpr import audit
from gdpr.audit import anchor, check, pack, reading, seal
from gdpr.models import AuditAnchor, AuditCheck, AuditSeal, UnsealedEvent
from swarm_admin.core import mail
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.csv_export import attachment
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_auditevent"
VERIFY = "gdpr.verify_audit"
NO_RIGHT = "You don't have permission to verify the audit log. Ask a compliance officer."


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """A page of the ledger under its verdict; for htmx the verdict alone, while a check runs."""
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "gdpr/audit/_audit_verdict.html", verdict(request))
    filters = reading.Filters.read(request.GET)
    before = request.GET.get("before", "")
    entries, following = reading.page(filters, before=parse_int(before) or 0)
    context = {
        "filters": filters,
        "entries": entries,
        "next": following,
        "before": before,
        **reading.choices(),
    }
    return render(request, "gdpr/audit/audit.html", context | verdict(request))


def verdict(request: HttpRequest) -> dict[str, object]:
    """The last finished check, what came after it, one under way, the chain's length and the last anchor."""
    checks = AuditCheck.objects.order_by("-id")
    last = AuditSeal.objects.order_by("-position").first()
    last_check = checks.filter(finished_at__isnull=False).first()
    return {
        "last_check": last_check,
        "unchecked": max(last.position - last_check.links, 0) if last and last_check else 0,
        "open_check": check.unfinished().order_by("-id").first(),
        "links": last.position if last else 0,
        "waiting": UnsealedEvent.objects.count(),
        "anchor": AuditAnchor.objects.first(),
        "no_mail": mail.why_not(),
        "why_not": "" if request.user.has_perm(VERIFY) else NO_RIGHT,
    }


@screen(VERIFY, "POST")
def verify(request: HttpRequest) -> HttpResponse:
    """Have the worker read the whole ledger; one check at a time."""
    with transaction.atomic():
        asked, is_new = check.request_check(by=request.user)
        if is_new:
            audit.record(Verb.VERIFY_AUDIT, by=request.user, on=asked)
    messages.success(request, "Verifying the audit log. The result appears here.")
    return redirect("audit")


@screen(VIEW)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Every event that the filters leave, as CSV. The export is an event itself."""
    filters = reading.Filters.read(request.GET)
    audit.record(Verb.EXPORT_AUDIT, by=request.user, object_type="auditevent")
    return attachment(reading.EXPORTED, reading.export_rows(filters), "audit.csv")


@screen(VERIFY)
def regulator_pack(request: HttpRequest) -> StreamingHttpResponse:
    """The ledger with its verifier and the registers, as a ZIP. Taking it is an event itself, and in the pack.

    So is an anchor of the chain as it is then.
    """
    audit.record(Verb.EXPORT_REGULATOR_PACK, by=request.user)
    seal.run_due(wait=True)
    answer = StreamingHttpResponse(pack.stream(anchor.anchor_for_pack()), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="regulator-pack-{timezone.now():%Y-%m-%d}.zip"'
    answer["Cache-Control"] = "no-store"
    return answer
