"""Where Clay's webhooks arrive."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from enrichment.models import Channel
from enrichment.pipeline.receive import refused, storing
from swarm_admin.core.numbers import parse_int


@csrf_exempt
@require_POST
def clay_enrichment_complete(request: HttpRequest) -> JsonResponse:
    """The news of a row (specification). See `_store`."""
    return _store(request, Channel.EVENT)


@csrf_exempt
@require_POST
def clay_row(request: HttpRequest) -> JsonResponse:
    """A whole row, by a table's HTTP API column. See `_store`."""
    return _store(request, Channel.ROW)


@csrf_exempt
@require_POST
def clay_run(request: HttpRequest) -> JsonResponse:
    """The pointer to a finished run of a routine, signed over its raw body: stored and answered, see `_store`."""
    body = _read_body(request)
    if body is None:
        return too_large_answer()
    if not is_signed(body, request.META.get("HTTP_X_CLAY_SIGNATURE", "")):
        return _unsigned_answer("The X-Clay-Signature header is missing or wrong.")
    return _keep(request, body, Channel.RUN)


def _store(request: HttpRequest, channel: Channel) -> JsonResponse:
    """Store the raw body and answer; a tick reads it. 401 without the secret, 413 over WEBHOOK_MAX_BYTES."""
    if not has_secret(request.META.get("HTTP_X_WEBHOOK_SECRET", "")):
        return _unsigned_answer("The X-Webhook-Secret header is missing or wrong.")
    body = _read_body(request)
    return too_large_answer() if body is None else _keep(request, body, channel)


def _read_body(request: HttpRequest) -> bytes | None:
    """None where it is larger than WEBHOOK_MAX_BYTES."""
    length = request.META.get("CONTENT_LENGTH", "")
    if length.isdecimal() and parse_int(length, most=settings.WEBHOOK_MAX_BYTES) is None:
        return None
    body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    return body if len(body) <= settings.WEBHOOK_MAX_BYTES else None


def _keep(request: HttpRequest, body: bytes, channel: Channel) -> JsonResponse:
    storing.store(body, storing.headers_in(request.META), channel)
    return JsonResponse({"status": "stored"})


def _unsigned_answer(sentence: str) -> JsonResponse:
    refused.count_refusal(refused.UNSIGNED)
    return JsonResponse({"error": sentence}, status=401)


def is_signed(body: bytes, given: str) -> bool:
    """By Clay, with the signing secret or the one before it; compared in constant time."""
    live = [s for s in (settings.CLAY_SIGNING_SECRET, settings.CLAY_SIGNING_SECRET_PREVIOUS) if s]
    expected = ["sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in live]
    matches = [hmac.compare_digest(given.encode(), each.encode()) for each in expected]  # all, always
    return any(matches)


def has_secret(given: str) -> bool:
    """Compared in constant time with the secret, and with the one before it while both are live."""
    live = [s for s in (settings.CLAY_WEBHOOK_SECRET, settings.CLAY_WEBHOOK_SECRET_PREVIOUS) if s]
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in live]  # all, always
    return any(matches)


def count_incomplete(environment: Mapping[str, Any]) -> None:
    """A request of this environment was refused before a view saw it: its body did not come whole, or not in time."""
    if environment.get("PATH_INFO") == reverse("clay_run"):
        refused.count_refusal(refused.UNSIGNED)  # without the whole body nobody can tell who signed it
    if environment.get("PATH_INFO") in (reverse("clay_webhook"), reverse("clay_row")):
        given = environment.get("HTTP_X_WEBHOOK_SECRET", "")
        refused.count_refusal(refused.INCOMPLETE if has_secret(given) else refused.UNSIGNED)


def too_large_answer() -> JsonResponse:
    refused.count_refusal(refused.TOO_LARGE)
    return JsonResponse({"error": f"The body is larger than {settings.WEBHOOK_MAX_BYTES} bytes."}, status=413)
