"""What htmx needs of every answer, and what a browser shows of an address that is no page."""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.http import urlencode

from swarm_admin.core.htmx import HtmxRequest

GetResponse = Callable[[HtmxRequest], HttpResponse]


def htmx(get_response: GetResponse) -> GetResponse:
    """Sends an expired session to the login, turns messages into toasts, keeps pages out of caches.

    A page and its fragment share one address, so answers vary by `HX-Request`.
    """

    def middleware(request: HtmxRequest) -> HttpResponse:
        response = get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])
            if request.user.is_authenticated and "Cache-Control" not in response:
                add_never_cache_headers(response)  # personal data stays in no browser's cache after sign-out
        if not request.htmx:
            return response
        if _goes_to_login(response):
            return _to_login(request)
        if response.status_code < 300 and not {"HX-Redirect", "HX-Refresh"} & set(response.headers):
            _add_toasts(request, response)
        return response

    return middleware


def readable_405(get_response: GetResponse) -> GetResponse:
    """Gives a person who opens the address of a button words instead of an empty page; programs keep theirs."""

    def middleware(request: HtmxRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code != 405 or response.content or not request.accepts("text/html"):
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response.get("Allow", "")
        return page

    return middleware


def _goes_to_login(response: HttpResponse) -> bool:
    location = urlsplit(response.get("Location", "")).path
    return response.status_code == 302 and location == resolve_url(settings.LOGIN_URL)


def _to_login(request: HtmxRequest) -> HttpResponse:
    """A redirect would be followed within the fragment and draw the login form there."""
    page = request.htmx.current_url_abs_path or "/"
    answer = HttpResponse(status=204)
    answer["HX-Redirect"] = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page})}"
    return answer


def _add_toasts(request: HttpRequest, response: HttpResponse) -> None:
    toasts = [{"text": str(message), "level": message.level_tag} for message in get_messages(request)]
    if toasts:
        events = json.loads(response.get("HX-Trigger", "{}"))
        response["HX-Trigger"] = json.dumps({**events, "toasts": toasts})
