"""A WSGI application with long answers, behind the product's bridge: `/long`, `/broken` and `/made`."""

import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "swarm_admin.settings")


from swarm_admin.web.bridge import Bridge

PIECE = b"x" * 100_000
PIECES = 600
made = 0


def long_answer() -> Iterator[bytes]:
    global made
    yield from (PIECE for _ in range(PIECES))
    made += 1


def broken_answer() -> Iterator[bytes]:
    yield from (PIECE for _ in range(10))
    raise ValueError("broken")


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/long":
        return long_answer()
    if environ["PATH_INFO"] == "/broken":
        return broken_answer()
    return [str(made).encode()]


application = Bridge(wsgi, threads=2, always_kept=1_000, most_bytes=lambda environ: 1_000)
