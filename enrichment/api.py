"""The API of other programs: leads in, enriched leads out. Who may come in is the mounting package's affair."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Query, Router, Schema, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import AwareDatetime, Field

from enrichment.models import Lead
from enrichment.output import payload
from enrichment.pipeline import intake
from enrichment.pipeline.intake_rows import LeadIn
from enrichment.provenance import with_ledger
from enrichment.states import EnrichmentStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb

logger = logging.getLogger(__name__)
Auth = Callable[[HttpRequest], Any] | Sequence[Callable[[HttpRequest], Any]]
Provenance = Literal["flat", "full"]


class Refused(Exception):
    """A request that cannot be served: an HTTP status and a sentence; with a 405 the methods there are."""

    def __init__(self, status: int, sentence: str, *, allow: str = "") -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.allow = status, sentence, allow


class Taken(Schema):
    """A row that is a lead now."""

    index: int = Field(description="Place of the row in the request, from 0")
    id: int = Field(description="The lead, as in GET /api/leads/{id}")


class RejectedRow(Schema):
    """A rule that a row breaks; a row has an entry for each field that breaks one."""

    index: int
    field: str
    sentence: str


class IntakeAnswer(Schema):
    accepted: list[Taken]
    known: list[Taken] = Field(description="People who are leads already; not enriched again")
    rejected: list[RejectedRow]
    suppressed: int = Field(description="Rows of people who must not be taken in; nothing of them was kept")
    ignored_fields: list[str] = Field(description="Names of fields we do not know; they were not read")


class Problem(Schema):
    error: str


class ListQuery(Schema):
    cursor: Annotated[int, Field(ge=0, description="`next_cursor` of the page before")] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    status: EnrichmentStatus | None = None
    tier: Annotated[int, Field(ge=1, le=3)] | None = None
    updated_since: AwareDatetime | None = None
    provenance: Provenance = "flat"


LEAD_REF = LeadIn.model_json_schema()
BODY = {
    "requestBody": {
        "required": True,
        "description": f"One lead, a list of leads, or an object with them; at most {settings.INTAKE_MAX_LEADS:,}.",
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
    answers = {202: IntakeAnswer, 422: IntakeAnswer | Problem, frozenset({400, 401, 403, 413, 415}): Problem}
    router.post("/leads", auth=write_auth, response=answers, openapi_extra=BODY, summary="Hand in leads")(
        post_leads
    )
    router.get("/leads", auth=read_auth, summary="Enriched leads, page by page")(list_leads)
    router.get("/leads/{int:lead_id}", auth=read_auth, summary="One enriched lead")(get_lead)
    rest: dict[str, Any] = {"auth": None, "include_in_schema": False}
    others = ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]
    router.api_operation(others, "/leads", **rest)(refuse_for_all)
    router.api_operation(["POST", *others], "/leads/{int:lead_id}", **rest)(refuse_for_one)
    return router


def refuse_for_all(request: HttpRequest) -> None:
    """405 in JSON; the framework's own answer is plain text."""
    raise Refused(405, f"{request.method} is not a method of this address.", allow="GET, POST")


def refuse_for_one(request: HttpRequest, lead_id: int) -> None:
    """405 in JSON."""
    raise Refused(405, f"{request.method} is not a method of this address.", allow="GET")


def post_leads(request: HttpRequest) -> Status:
    """202 with what became of each row; 422 when no row could be used.

    A row that appears in none of the lists was suppressed. Rows are taken in whatever the others hold.
    """
    result = intake.accept(_rows(request))
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
        "ignored_fields": result.ignored_fields,
    }
    return Status(202 if usable else 422, answer)


def list_leads(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """Leads in the order they came in: the output payload with `id`, `enrichment_status` and `updated_at`.

    `fill_in_providers` are still to be asked about a lead whose result stands, from `fill_in_due_at` on (null: now).
    Go on with `cursor=next_cursor` until it is null. What comes in meanwhile is at the end, so no lead is
    missed or given twice. With `updated_since`, ask from a minute before the last time: a change that is being
    written while you read has a time before it can be seen. Leads that may only be kept are left out.
    """
    leads = Lead.objects.usable().filter(id__gt=query.cursor, id__lte=intake.newest_settled())
    if query.status:
        leads = leads.filter(enrichment_status=query.status)
    if query.tier:
        leads = leads.in_tier(query.tier)
    if query.updated_since:
        leads = leads.filter(updated_at__gte=query.updated_since)
    page = list(with_ledger(leads.order_by("id").defer("raw", "search"))[: query.limit + 1])
    more, page = len(page) > query.limit, page[: query.limit]
    audit.record(Verb.API_READ, object_type="lead", counts={"leads": len(page)}, reason=_caller(request))
    own = ("id", "enrichment_status", "updated_at")
    full = query.provenance == "full"
    items = [lead.values(*own) | _fill_in(lead) | payload(lead, full=full) for lead in page]
    return {"leads": items, "next_cursor": page[-1].pk if more else None}


def _fill_in(lead: Lead) -> dict[str, Any]:
    waits = lead.awaits_fill_in
    return {
        "fill_in_providers": list(lead.only_providers) if waits else [],
        "fill_in_due_at": lead.dispatch_after if waits else None,
    }


def get_lead(request: HttpRequest, lead_id: int, provenance: Provenance = "flat") -> dict[str, Any]:
    """The output payload of the specification; `provenance=full` gives the nested document."""
    if lead_id > 2**63 - 1:
        raise Http404
    lead = get_object_or_404(with_ledger(Lead.objects.defer("raw", "search")), pk=lead_id)
    if lead.restriction:
        raise Refused(403, "This person's data may only be kept; they are not given out.")
    audit.record(Verb.API_READ, on=lead, counts={"leads": 1}, reason=_caller(request))
    return payload(lead, full=provenance == "full")


def _caller(request: HttpRequest) -> str:
    """The API key by its number: an audit event has a column for staff only."""
    return f"API key {getattr(getattr(request, 'auth', None), 'pk', 'unknown')}"


def _rows(request: HttpRequest) -> list[Any]:
    if request.content_type != "application/json":
        raise Refused(415, "The body must be JSON: send Content-Type: application/json.")
    try:
        body = json.loads(request.body)
    except RequestDataTooBig:
        raise Refused(
            413, f"The body must be at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."
        ) from None
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not valid JSON.") from None
    rows = body["leads"] if isinstance(body, dict) and "leads" in body else body
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not rows:
        raise Refused(422, 'The body must be a lead, a list of leads, or {"leads": [...]}, and not empty.')
    if len(rows) > settings.INTAKE_MAX_LEADS:
        raise Refused(413, f"At most {settings.INTAKE_MAX_LEADS:,} leads in one call; {len(rows):,} came.")
    return rows


def answer_in_json(api: NinjaAPI) -> None:
    """Every error as `{"error": sentence}`, without a value of the request in it or in the log."""

    def problem(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
        return api.create_response(request, {"error": sentence}, status=status)

    def refused(request: HttpRequest, error: Any) -> HttpResponse:
        answer = problem(request, error.status, error.sentence)
        if error.allow:
            answer["Allow"] = error.allow  # RFC 9110, 15.5.6
        return answer

    def invalid(request: HttpRequest, error: Any) -> HttpResponse:
        wrong = sorted({str(each["loc"][-1]) for each in error.errors})
        return problem(request, 422, f"Not a valid value: {', '.join(wrong)}.")

    def failed(request: HttpRequest, error: Any) -> HttpResponse:
        logger.error("API call failed: %s", type(error).__name__)
        return problem(request, 500, "The call failed on our side; it was logged.")

    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        Refused: refused,
        ValidationError: invalid,
        AuthenticationError: lambda request, error: problem(
            request, 401, "An API key is needed: Authorization: Bearer … or X-API-Key: …"
        ),
        HttpError: lambda request, error: problem(request, error.status_code, str(error)),
        Http404: lambda request, error: problem(request, 404, "There is no such lead."),
        Exception: failed,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)
