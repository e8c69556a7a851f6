"""The API of other programs: leads in, enriched leads out. Who may come in is the mounting package's affair."""

import datetime
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema, Status
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from enrichment.leads.api_schemas import LeadOut, LeadPage
from enrichment.leads.output import payload
from enrichment.leads.provenance import with_provenance
from enrichment.models import Lead
from enrichment.pipeline import intake
from enrichment.pipeline.intake_rows import LeadIn
from enrichment.states import EnrichmentStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.numbers import HIGHEST, require_int
from swarm_admin.core.paging import by_time
from swarm_admin.core.refusals import (
    ANYWHERE,
    LONGEST_NAME,
    OF_A_BODY,
    ApiError,
    Problem,
    check_parameters,
    json_body,
)
from swarm_admin.core.timestamps import require_timestamp

Auth = Callable[[HttpRequest], Any] | Sequence[Callable[[HttpRequest], Any]]
Provenance = Literal["flat", "full"]


class AcceptedLead(Schema):
    """A row that was accepted as a lead."""

    index: int = Field(description="Index of the row in the request, from 0")
    id: int = Field(description="The lead, as in GET /api/leads/{id}")


class RejectedRow(Schema):
    """A validation error of a row; one entry per invalid field."""

    index: int
    field: str
    sentence: str


class IntakeAnswer(Schema):
    accepted: list[AcceptedLead]
    known: list[AcceptedLead] = Field(description="Leads that already exist; not enriched again")
    rejected: list[RejectedRow]
    suppressed: int = Field(description="Rows of suppressed people; nothing was stored")
    ignored_fields: list[str] = Field(description="Unknown field names; ignored")


class IntakeRefused(IntakeAnswer):
    """No valid rows."""

    error: str


def _in_utc(moment: datetime.datetime) -> datetime.datetime:
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError("moved out of the calendar by its offset") from None


class ListQuery(Schema):
    cursor: Annotated[
        int,
        Field(ge=0, le=HIGHEST, description="`next_cursor` of the previous page"),
        BeforeValidator(require_int),
    ] = 0
    limit: Annotated[int, Field(ge=1, le=500), BeforeValidator(require_int)] = 100
    status: EnrichmentStatus | None = None
    tier: Annotated[int, Field(ge=1, le=3), BeforeValidator(require_int)] | None = None
    updated_since: Annotated[AwareDatetime, BeforeValidator(require_timestamp), AfterValidator(_in_utc)] | None = None
    provenance: Provenance = "flat"


LEAD_REF = LeadIn.model_json_schema()
BODY = {
    "requestBody": {
        "required": True,
        "description": (
            f"One lead, a list of leads, or an object with a list of leads; at most {settings.INTAKE_MAX_LEADS:,}."
        ),
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        LEAD_REF,
                        {"type": "array", "items": LEAD_REF},
                        {
                            "type": "object",
                            "required": ["leads"],
                            "properties": {"leads": {"type": "array", "items": LEAD_REF}},
                        },
                    ]
                }
            }
        },
    }
}


def build_router(*, read_auth: Auth, write_auth: Auth) -> Router:
    """The routes under /leads; each kind of access has its own authentication."""
    router = Router(tags=["leads"])
    answers = {202: IntakeAnswer, 422: IntakeRefused | Problem, ANYWHERE - {422} | OF_A_BODY: Problem}
    router.post("/leads", auth=write_auth, response=answers, openapi_extra=BODY, summary="Create leads")(post_leads)
    listed: dict[Any, Any] = {200: LeadPage, ANYWHERE: Problem}
    router.get("/leads", auth=read_auth, response=listed, summary="List enriched leads")(list_leads)
    one: dict[Any, Any] = {200: LeadOut, ANYWHERE | {404}: Problem}
    router.get("/leads/{int:lead_id}", auth=read_auth, response=one, summary="Get an enriched lead")(get_lead)
    return router


def post_leads(request: HttpRequest) -> Status[Any]:
    """Returns 202 with the result of each row, or 422 if no row is valid.

    A row that appears in none of the lists was suppressed. Each row is accepted or rejected independently.
    """
    check_parameters(request)
    rows, beside = _rows(request)
    result = intake.accept(rows)
    counts = {
        "accepted": len(result.accepted),
        "known": len(result.known),
        "rejected": result.rejected_rows,
        "suppressed": result.suppressed,
    }
    audit.record(Verb.API_INTAKE, object_type="lead", counts=counts, reason=_caller(request))
    usable = counts["accepted"] or counts["known"] or counts["suppressed"]
    answer = {
        "accepted": [{"index": index, "id": lead_id} for index, lead_id in result.accepted],
        "known": [{"index": index, "id": lead_id} for index, lead_id in result.known],
        "rejected": [vars(rejection) for rejection in result.rejected],
        "suppressed": result.suppressed,
        "ignored_fields": sorted({*beside, *result.ignored_fields}),
    }
    return Status(202, answer) if usable else Status(422, {"error": "No valid rows.", **answer})


def list_leads(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """Leads in the order they were received: the output payload with `id`, `enrichment_status` and `updated_at`.

    `fill_in_providers` are still due to fill in an enriched lead, from `fill_in_due_at` (null: now). Repeat with
    `cursor=next_cursor` until it is null. New leads are added at the end, so no lead is missed or returned twice.
    With `updated_since`, start one minute before your last call: a change written while you read may carry an
    earlier time. Leads whose data may only be stored are excluded.
    """
    check_parameters(request, *ListQuery.model_fields)
    leads = Lead.objects.usable().filter(id__lte=intake.visible_up_to())
    if query.status:
        leads = leads.filter(enrichment_status=query.status)
    if query.tier:
        leads = leads.in_tier(query.tier)
    if query.updated_since:
        leads = leads.filter(updated_at__gte=query.updated_since)
    with_facts = with_provenance(leads.defer("raw", "search"))
    page = by_time(with_facts, size=query.limit, after=query.cursor, oldest_first=True)
    audit.record(Verb.API_READ, object_type="lead", counts={"leads": len(page.rows)}, reason=_caller(request))
    return {"leads": [_lead_out(lead, query.provenance) for lead in page.rows], "next_cursor": page.after}


def _lead_out(lead: Lead, provenance: Provenance) -> dict[str, Any]:
    """The same of a lead in the list and alone: a `LeadOut`."""
    waits = lead.awaits_fill_in
    return {
        **lead.values("id", "enrichment_status", "updated_at"),
        "fill_in_providers": list(lead.only_providers) if waits else [],
        "fill_in_due_at": lead.dispatch_after if waits else None,
        **payload(lead, full=provenance == "full"),
    }


def get_lead(request: HttpRequest, lead_id: int, provenance: Provenance = "flat") -> dict[str, Any]:
    """The lead as in the list. `provenance=full` returns the nested provenance document."""
    check_parameters(request, "provenance")
    if lead_id > HIGHEST:
        raise Http404
    lead = get_object_or_404(with_provenance(Lead.objects.defer("raw", "search")), pk=lead_id)
    if lead.restriction:
        raise ApiError(403, "This person's data may only be stored and is not returned.")
    audit.record(Verb.API_READ, on=lead, counts={"leads": 1}, reason=_caller(request))
    return _lead_out(lead, provenance)


def _caller(request: HttpRequest) -> str:
    """The API key by its number: an audit event has a column for staff only."""
    return f"API key {getattr(getattr(request, 'auth', None), 'pk', 'unknown')}"


def _rows(request: HttpRequest) -> tuple[list[Any], list[str]]:
    """(the rows, names that stand beside `leads` and mean nothing to us)."""
    body = json_body(request)
    wrapped = isinstance(body, dict) and "leads" in body
    rows = body["leads"] if wrapped else body
    beside = sorted(name[:LONGEST_NAME] for name in body if name != "leads") if wrapped else []
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not rows:
        raise ApiError(422, 'The body must be a lead, a list of leads, or {"leads": [...]}, and must not be empty.')
    if len(rows) > settings.INTAKE_MAX_LEADS:
        raise ApiError(413, f"At most {settings.INTAKE_MAX_LEADS:,} leads per call; you sent {len(rows):,}.")
    return rows, beside[: intake.MAX_IGNORED]
