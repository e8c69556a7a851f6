"""Where Clay's webhooks arrive."""

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


def _store(request: HttpRequest, channel: Channel) -> JsonResponse:
    """Store the raw body and answer; a tick reads it. 401 without the secret, 413 over WEBHOOK_MAX_BYTES."""
    if not has_secret(request.META.get("HTTP_X_WEBHOOK_SECRET", "")):
        refused.count_refusal(refused.UNSIGNED)
        return JsonResponse({"error": "The X-Webhook-Secret header is missing or wrong."}, status=401)
    length = request.META.get("CONTENT_LENGTH", "")
    if length.isdecimal() and parse_int(length, most=settings.WEBHOOK_MAX_BYTES) is None:
        return too_large_answer()
    body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    if len(body) > settings.WEBHOOK_MAX_BYTES:
        return too_large_answer()
    storing.store(body, storing.headers_in(request.META), channel)
    return JsonResponse({"status": "stored"})


def has_secret(given: str) -> bool:
    """Compared in constant time with the secret, and with the one before it while both are live."""
    live = [s for s in (settings.CLAY_WEBHOOK_SECRET, settings.CLAY_WEBHOOK_SECRET_PREVIOUS) if s]
    matches = [hmac.compare_digest(given.encode(), secret.encode()) for secret in live]  # all, always
    return any(matches)


def count_incomplete(environment: Mapping[str, Any]) -> None:
    """A request of this environment was refused before a view saw it: its body did not come whole, or not in time."""
    if environment.get("PATH_INFO") in (reverse("clay_webhook"), reverse("clay_row")):
        given = environment.get("HTTP_X_WEBHOOK_SECRET", "")
        refused.count_refusal(refused.INCOMPLETE if has_secret(given) else refused.UNSIGNED)


def too_large_answer() -> JsonResponse:
    refused.count_refusal(refused.TOO_LARGE)
    return JsonResponse({"error": f"The body is larger than {settings.WEBHOOK_MAX_BYTES} bytes."}, status=413)
