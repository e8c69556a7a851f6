"""The request as the views see it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """For the types: what `HtmxMiddleware` adds. `bool(request.htmx)`: htmx asks for a fragment."""

    htmx: HtmxDetails
