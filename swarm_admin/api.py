"""The API at /api/: which key opens which route. Documentation at /api/docs."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.openapi.docs import Swagger
from ninja.security import APIKeyHeader, HttpBearer

from enrichment.api import build_router
from gdpr.api import build_router as build_requests
from swarm_admin.access.models import ApiKey, Scope, find_key
from swarm_admin.core.refusals import SENTENCES, answer_in_json, in_json


def authorized_key(plaintext: str | None, scope: Scope) -> ApiKey | None:
    """The key if it is live and has the scope; None for no or an unknown key.

    Raises:
        HttpError: 403, the key is good but not for this.
    """
    key = find_key(plaintext) if plaintext and plaintext.isascii() and plaintext.isprintable() else None
    if key and not key.allows(scope):
        raise HttpError(403, f"This API key doesn't have the scope {scope}.")
    return key


class BearerKey(HttpBearer):
    """`Authorization: Bearer <key>`."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        return authorized_key(token, self.scope)


class HeaderKey(APIKeyHeader):
    """`X-API-Key: <key>`."""

    param_name = "X-API-Key"

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, key: str | None) -> ApiKey | None:
        return authorized_key(key, self.scope)


def auth_for(scope: Scope) -> list[Any]:
    """Either way of sending a key."""
    return [BearerKey(scope), HeaderKey(scope)]


def unknown_route(request: HttpRequest) -> JsonResponse:
    """What is not in the API, in the API's own tongue."""
    return JsonResponse({"error": SENTENCES[404]}, status=404)


def refusals_in_json(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """A middleware: whoever refuses a call of the API, a program gets to read it as it reads all others.

    HEAD is answered as GET is, status and headers alike (RFC 9110, 9.3.2); the server leaves the body out.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return get_response(request)
        is_head = request.method == "HEAD"
        if is_head:
            request.method = "GET"
        answer = in_json(get_response(request), request.method or "")
        if is_head:
            request.method = "HEAD"
        return answer

    return middleware


api = NinjaAPI(
    title="Swarm Admin",
    version="1",
    description="Create leads and read enriched leads. Every call needs an API key with the endpoint's scope.",
    docs=Swagger(settings={"deepLinking": False}),  # its links stand inside buttons
)
answer_in_json(api, missing="Lead not found.")
api.add_router("", build_router(read_auth=auth_for(Scope.LEADS_READ), write_auth=auth_for(Scope.LEADS_WRITE)))
api.add_router("", build_requests(auth=auth_for(Scope.REQUESTS_WRITE)))
