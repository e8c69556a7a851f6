"""The web process's entry point: `granian --interface wsgi swarm_admin.wsgi:application`."""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "swarm_admin.settings")
django_application = get_wsgi_application()

from enrichment.connections.setup import WEBHOOK_PATH  # noqa: E402 - once Django is set up
from enrichment.webhooks.views import clay_enrichment_complete  # noqa: E402


class WebhookHandler(WSGIHandler):
    """Django without what serves people: a delivery has no session, no page and no browser, and comes by the thousand.

    HTTPS and the check of the host name stay. There is one address, so none is looked up.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = convert_exception_to_response(clay_enrichment_complete)
        for middleware in (CommonMiddleware, SecurityMiddleware):
            handler = convert_exception_to_response(middleware(handler))
        self._middleware_chain = handler


webhook_application = WebhookHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django's application, with the length of a chunked body found out first.

    Django takes a body without a Content-Length for an empty one, so a chunked delivery would be stored as
    nothing. One byte over the upload limit is read, which the views then refuse as too large.
    """
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and not environ.get("CONTENT_LENGTH"):
        body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
    serve = webhook_application if environ.get("PATH_INFO") == WEBHOOK_PATH else django_application
    return serve(environ, start_response)
