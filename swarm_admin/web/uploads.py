"""How long a body may be, by who sends it and where to."""

import io
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.urls import reverse

from enrichment.imports.importing import PERMISSION
from swarm_admin.access.models import find_key

MULTIPART = 64 * 1024  # what a form adds to the file in it


def most_bytes(environ: dict[str, Any]) -> int:
    """Bytes of this request's body that are kept; strangers could fill the disk otherwise.

    WEBHOOK_MAX_BYTES of anybody, DATA_UPLOAD_MAX_MEMORY_SIZE of a live API key or a person who is signed in,
    IMPORT_MAX_BYTES of whoever may import, at the page that takes files.
    """
    close_old_connections()
    try:
        return _most_bytes(WSGIRequest({**environ, "CONTENT_LENGTH": "0", "wsgi.input": io.BytesIO()}))
    finally:
        close_old_connections()


def _most_bytes(request: WSGIRequest) -> int:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = token if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    if key and key.isascii() and key.isprintable() and find_key(key):
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if cookie:
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie)
        user = get_user(request)
        if user.is_authenticated:
            imports = request.path_info == reverse("import") and user.has_perm(PERMISSION)
            return settings.IMPORT_MAX_BYTES + MULTIPART if imports else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return int(settings.WEBHOOK_MAX_BYTES)
