"""A request as the asynchronous server describes it, in WSGI's terms (PEP 3333)."""

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

Scope = dict[str, Any]
Environ = dict[str, Any]

PLAIN = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_of(scope: Scope) -> Environ:
    """The environment of an ASGI scope, without the body."""
    server, client = scope.get("server") or ("", None), scope.get("client") or ("", None)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # WSGI has the bytes of the path in the guise of Latin-1.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or ""),
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        _add(environ, name, value.decode("latin-1"))
    return environ


def _add(environ: Environ, name: bytes, value: str) -> None:
    if b"_" in name:
        return  # X_Webhook_Secret would pass for X-Webhook-Secret, past a proxy that takes that one away
    key = PLAIN.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    if key in environ:
        value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    environ[key] = value
