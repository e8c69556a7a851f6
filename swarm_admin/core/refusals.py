"""How the API says no: one shape for every refusal, whoever gives it and whatever stands before the routes."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from swarm_admin.core.deadlocks import is_deadlock

logger = logging.getLogger(__name__)


class Fault(Schema):
    field: str = Field(description="Name of the field or parameter; empty if it concerns several")
    sentence: str


class Problem(Schema):
    """The body of every error."""

    error: str = Field(description="Human-readable message")
    faults: list[Fault] = Field([], description="Fields concerned; may be omitted")


# What any route may answer besides its own; those that a body causes are of routes that take one.
ANYWHERE = frozenset({400, 401, 403, 405, 408, 422, 500, 503})
OF_A_BODY = frozenset({413, 415})


class ApiError(Exception):
    """A request that cannot be served: an HTTP status and a sentence; `faults`: what of it is wrong, one by one."""

    def __init__(self, status: int, sentence: str, faults: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.faults = status, sentence, list(faults)


LONGEST_NAME, MOST_NAMES = 100, 20  # of unknown fields and parameters, as they are told


def check_parameters(request: HttpRequest, *known: str) -> None:
    """Raises ApiError, 422, where the address has a parameter that the call does not know, or one of its own twice."""
    unknown = sorted({name[:LONGEST_NAME] for name in request.GET if name not in known})[:MOST_NAMES]
    if unknown:
        faults = [{"field": name, "sentence": f"Unknown parameter {name}."} for name in unknown]
        raise ApiError(422, f"Unknown parameters: {', '.join(unknown)}.", faults)
    twice = sorted(name for name in known if len(request.GET.getlist(name)) > 1)
    if twice:
        faults = [{"field": name, "sentence": f"{name} is given more than once."} for name in twice]
        raise ApiError(422, f"Given more than once: {', '.join(twice)}.", faults)


def json_body(request: HttpRequest) -> Any:
    """The request's body, read as JSON. Raises ApiError: 400, 413 or 415."""
    if request.content_type != "application/json":
        raise ApiError(415, "The body must be JSON. Send Content-Type: application/json.")
    try:
        return json.loads(request.body)
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise ApiError(413, f"The body must be at most {most:,} bytes.") from None
    except (ValueError, RecursionError):
        raise ApiError(400, "The body is not valid JSON.") from None


def answer_in_json(api: NinjaAPI, *, missing: str) -> None:
    """Every error of the API's as a Problem, without a value of the request in it or in the log.

    `missing`: what a 404 says.
    """

    def problem(request: HttpRequest, status: int, sentence: str, **more: Any) -> HttpResponse:
        return api.create_response(request, {"error": sentence, **more}, status=status)

    def invalid(request: HttpRequest, error: Any) -> HttpResponse:
        wrong = sorted({str(each["loc"][-1]) for each in error.errors})
        faults = [{"field": name, "sentence": f"{name} is not a valid value."} for name in wrong]
        return problem(request, 422, f"Not a valid value: {', '.join(wrong)}.", faults=faults)

    def failed(request: HttpRequest, error: Any) -> HttpResponse:
        if is_deadlock(error):
            logger.warning("API call gave way to others")
            answer = problem(request, 503, "A concurrent change blocked this call. Send it again.")
            answer["Retry-After"] = "1"
            return answer
        logger.error("API call failed: %s", type(error).__name__)
        return problem(request, 500, SENTENCES[500])

    handlers: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
        ApiError: lambda request, error: problem(
            request, error.status, error.sentence, **({"faults": error.faults} if error.faults else {})
        ),
        ValidationError: invalid,
        AuthenticationError: lambda request, error: problem(
            request, 401, "Send an API key: Authorization: Bearer … or X-API-Key: …"
        ),
        HttpError: lambda request, error: problem(request, error.status_code, str(error)),
        Http404: lambda request, error: problem(request, 404, missing),
        Exception: failed,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


SENTENCES = {
    400: "The request can't be read.",
    403: "This is not allowed.",
    404: "Not found. See /api/docs.",
    413: "The body is too large.",
    500: "Internal error. It was logged.",
}


def in_json(answer: HttpResponse, method: str) -> HttpResponse:
    """A refusal of the framework's, which writes for people, as a Problem; what is JSON already stays."""
    if answer.status_code < 400 or answer.get("Content-Type", "").startswith("application/json"):
        return answer
    sentence = SENTENCES.get(answer.status_code, "The request was refused.")
    if answer.status_code == 405:
        sentence = f"Method {method[:20]} is not allowed here."
    problem = HttpResponse(json.dumps({"error": sentence}), content_type="application/json", status=answer.status_code)
    problem["Content-Length"] = str(len(problem.content))  # this is behind what sets it for the others
    if allowed := answer.get("Allow", ""):
        methods = set(allowed.replace(",", " ").split())
        if "GET" in methods:  # what answers GET answers HEAD
            methods.add("HEAD")
        problem["Allow"] = ", ".join(sorted(methods))  # RFC 9110, 15.5.6
    return problem
