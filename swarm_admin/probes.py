"""`/healthz`: the process lives. `/readyz`: it can serve, and background work moves.

Asked by machines, every few seconds, by whatever address they know us: before everything that serves people, without a
login, a session, a check of the host's name or a way to HTTPS. They say names of stages and times, nothing of anybody.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from enrichment.monitoring import standstill

GetResponse = Callable[[HttpRequest], HttpResponse]
WITHIN_SECONDS = 2  # a server that does not answer by then does not answer
KEPT_SECONDS = 2.0  # an answer is given again for so long
METHODS = ("GET", "HEAD")

_lock = threading.Lock()
_kept: list[tuple[float, dict[str, Any]]] = []


def middleware(get_response: GetResponse) -> GetResponse:
    """Answers the two addresses; everything else goes on."""

    def answer(request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is None:
            return get_response(request)
        response = probe() if request.method in METHODS else HttpResponseNotAllowed(METHODS)
        response["Cache-Control"] = "no-store"
        return response

    return answer


def healthz() -> HttpResponse:
    """It lives: no server is asked."""
    return JsonResponse({"status": "alive"})


def readyz() -> HttpResponse:
    """503 with what is wrong: a server that does not answer, or stages that stand still."""
    with _lock:  # one asks, however many want to know
        if not _kept or time.monotonic() - _kept[0][0] > KEPT_SECONDS:
            found = _run_checks()
            _kept[:] = [(time.monotonic(), found)]
        found = _kept[0][1]
    return JsonResponse(found, status=200 if found["status"] == "ready" else 503)


def forget() -> None:
    """As at the start of a process."""
    _kept.clear()


PROBES: dict[str, Callable[[], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}


def _run_checks() -> dict[str, Any]:
    found: dict[str, Any] = {"database": _database(), "redis": _redis(), "standing_still": [], "beat": "ok"}
    if found["database"] == "ok":
        try:
            report = standstill.cached_report()
        except DatabaseError:
            connection.close()
            found["database"] = "no answer"
        else:
            found["standing_still"] = [
                {"stage": stage.name, "since": stage.since.isoformat(timespec="seconds")} for stage in report.stages
            ]
            if report.beat_since:
                found["beat"] = f"not seen since {report.beat_since.isoformat(timespec='seconds')}"
    well = all(found[name] == "ok" for name in ("database", "redis", "beat")) and not found["standing_still"]
    return {"status": "ready" if well else "not ready", **found}


def _database() -> str:
    """Over a connection of its own: one that hangs must not hold the question as well."""
    parameters = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password", "sslmode", "service")
    given = {name: parameters[name] for name in names if parameters.get(name)}
    try:
        with psycopg.connect(
            **given,
            connect_timeout=WITHIN_SECONDS,
            options=f"-c statement_timeout={WITHIN_SECONDS}s",
            autocommit=True,
        ) as asked:
            asked.execute("SELECT 1")
    except psycopg.Error:
        return "no answer"
    return "ok"


def _redis() -> str:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=WITHIN_SECONDS, socket_connect_timeout=WITHIN_SECONDS
    )
    try:
        client.ping()
    except redis.RedisError:
        return "no answer"
    finally:
        client.close()
    return "ok"
