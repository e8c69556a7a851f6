"""JavaScript: what has to stand in Clay's formula columns, and what stands there now?"""

import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pydantic import ValidationError

from enrichment.models import Lead, ScorecardVersion
from enrichment.scoring import clay_formula
from enrichment.states import VersionStatus
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.errors import VendorError
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
EDIT = "enrichment.edit_scorecard"
MANAGE = "enrichment.manage_connections"
NO_EDIT = "You don't have permission to edit the scorecard. Ask an admin."
NO_MANAGE = "You don't have permission to manage connections. Ask an admin."


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The formulas of a version (`?version=`, else the published one), beside what Clay has."""
    version = _version(request.GET.get("version", ""))
    table = clay_formula.formula_place()
    there = clay_formula.last_placement(table)
    context = {
        "version": version,
        "versions": _versions(),
        "table": table,
        "there": there,
        "history": clay_formula.placements(),
        "is_draft": version.status == VersionStatus.DRAFT,
        "now": timezone.now(),
        "why_no_paste": _why_no_paste(request, version, table),
        "why_no_table": _why_no_table(request, version),
    }
    try:
        made = clay_formula.formula_of(version)
    except ValidationError:  # a draft in the middle of being edited
        return render(request, "enrichment/scoring/icp_javascript.html", {**context, "formula": None})
    before = clay_formula.formula_of(there.scorecard).source if there else ""
    context |= {
        "formula": made,
        "not_in_clay": clay_formula.missing_columns(version),
        "is_there": bool(there and before == made.source),
        "changes": clay_formula.changes(before, made.source) if there else [],
    }
    return render(request, "enrichment/scoring/icp_javascript.html", context)


@screen(EDIT, "POST")
def pasted(request: HttpRequest) -> HttpResponse:
    """Record that both formulas were pasted into Clay's columns."""
    version = _version(request.POST.get("version", ""))
    try:
        placement = clay_formula.confirm_pasted(
            version,
            table=request.POST.get("table", ""),
            fingerprint=request.POST.get("fingerprint", ""),
            at=_moment(request.POST.get("at", "")),
            by=request.user,
        )
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(
            request,
            f"Saved: {placement.table_id} uses scorecard version {version.number}. Clay recalculates its rows; "
            f"see the Clay scores report for progress.",
        )
    return redirect(f"{reverse('icp_javascript')}?version={version.number}")


@screen(MANAGE)
def table_plan(request: HttpRequest) -> HttpResponse:
    """What creating a new table would do."""
    version = _version("")
    why_not = _why_no_table(request, version)
    if why_not:
        messages.error(request, why_not)
        return redirect("icp_javascript")
    old = clay_table()
    context = {
        "version": version,
        "name": clay_formula.table_name(version),
        "old": old,
        "there": clay_formula.last_placement(old),
        "staying": Lead.objects.filter(clay_table_id=old).count(),
    }
    return render(request, "enrichment/scoring/icp_javascript_table.html", context)


@screen(MANAGE, "POST")
def create_table(request: HttpRequest) -> HttpResponse:
    """A new table in Clay, with the published scorecard's formulas in it."""
    try:
        placement = clay_formula.create_table(_version(request.POST.get("version", "")), by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    except VendorError as error:
        messages.error(request, f"The table wasn't created: {error}. {error.advice}")
    else:
        messages.success(request, f"Created {placement.table_id}. New leads go there.")
    return redirect("icp_javascript")


def _version(number: str) -> ScorecardVersion:
    """The version of this number, the published one where none is named. 404 where there is none."""
    versions = ScorecardVersion.objects.exclude(status=VersionStatus.DISCARDED)
    if not number:
        return versions.get(status=VersionStatus.PUBLISHED)
    return get_object_or_404(versions, number=parse_int(number, most=10**9) or 0)


def _moment(text: str) -> datetime.datetime:
    """A form's date and time, which has no offset: UTC, as the label says."""
    try:
        read = parse_datetime(text)
    except ValueError:  # the 30th of February
        read = None
    if read is None:
        raise ActionNotAllowed("Enter the date and time you pasted it.")
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)


def _versions() -> list[dict[str, Any]]:
    """Those that can be looked at, the newest first."""
    versions = ScorecardVersion.objects.exclude(status=VersionStatus.DISCARDED).order_by("-number")
    return [
        {
            "number": version.number,
            "status": version.get_status_display(),
            "is_draft": version.status == "draft",
        }
        for version in versions.only("number", "status")
    ]


def _why_no_paste(request: HttpRequest, version: ScorecardVersion, table: str) -> str:
    if not request.user.has_perm(EDIT):
        return NO_EDIT
    if not table:
        return "Clay's table isn't set up yet."
    return clay_formula.NO_FORMULA if version.status == VersionStatus.DRAFT else ""


def _why_no_table(request: HttpRequest, version: ScorecardVersion) -> str:
    if not request.user.has_perm(MANAGE):
        return NO_MANAGE
    try:
        clay_formula.check_can_create_table()
    except ActionNotAllowed as impossible:
        return str(impossible)
    return ""
