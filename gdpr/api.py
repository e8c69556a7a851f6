"""Requests of data subjects from other programs: a form on a website, a ticket system."""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field, ValidationError

from gdpr.identity.validation import sentences
from gdpr.models import Channel
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline.open import open_request
from swarm_admin.core.deadlocks import retried
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.refusals import ANYWHERE, OF_A_BODY, Problem, check_parameters, json_body

Auth = Callable[[HttpRequest], Any] | Sequence[Callable[[HttpRequest], Any]]


class Opened(Schema):
    reference: str = Field(description="Reference shown to the person and to staff")
    due_on: str = Field(description="Due date, YYYY-MM-DD")
    status: str
    duplicate_of: str = Field(
        description="Reference of an open request that may be a duplicate; empty if there is none"
    )


def build_router(*, auth: Auth) -> Router:
    """`auth` decides who may come in."""
    router = Router(auth=auth, tags=["requests"])
    # Read by hand, so that a fault is said in our words and repeats nothing of the person.
    body = {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": self_contained(RequestIn.model_json_schema())}},
        }
    }
    answers: dict[Any, Any] = {201: Opened, ANYWHERE | OF_A_BODY: Problem}
    router.post("/requests", response=answers, openapi_extra=body, summary="Open a request")(take_in)
    return router


def self_contained(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every definition at the place that refers to it: `#/$defs` is nowhere in the whole document."""
    definitions = schema.pop("$defs", {})

    def put_in(part: Any) -> Any:
        if isinstance(part, list):
            return [put_in(each) for each in part]
        if not isinstance(part, dict):
            return part
        own = {name: put_in(each) for name, each in part.items() if name != "$ref"}
        if "$ref" not in part:
            return own
        return {**put_in(definitions[part["$ref"].removeprefix("#/$defs/")]), **own}

    return dict(put_in(schema))


def take_in(request: HttpRequest) -> Status[Any]:
    """Open a request. Its deadline runs from `received_at`; it is processed like any other request."""
    check_parameters(request)
    body = json_body(request)
    try:
        entry = RequestIn.model_validate(body)
        opened = retried(lambda: open_request(entry, channel=Channel.API))
    except ValidationError as error:
        faults = [{"field": field, "sentence": sentence} for field, sentence in sentences(error)]
        return Status(422, {"error": "The request was rejected.", "faults": faults})
    except ActionNotAllowed as why:
        return Status(422, {"error": str(why), "faults": []})
    duplicate = opened.duplicate_of.reference if opened.duplicate_of else ""
    return Status(
        201,
        {
            "reference": opened.reference,
            "due_on": opened.due_on.isoformat(),
            "status": opened.status,
            "duplicate_of": duplicate,
        },
    )
