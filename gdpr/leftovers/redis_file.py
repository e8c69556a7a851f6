"""What Redis keeps on disk of values that are gone: it is written anew from what there is."""

import time
from collections.abc import Callable

import redis
from django.conf import settings

from gdpr.leftovers.hits import no_heartbeat

PATIENCE_SECONDS = 120.0
REWRITING = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
SAVING = ("rdb_bgsave_in_progress",)
LOOKED_EVERY_SECONDS = 0.05


def rewrite(heartbeat: Callable[[], None] = no_heartbeat) -> str:
    """Write Redis' append-only file, and its snapshot where it makes any, anew; "" or a sentence that says why not.

    A server of one's own may forbid it; then whoever runs it has to.
    """
    try:
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            info = client.info("persistence")
            if info["aof_enabled"]:
                _wait_for_rewrite(client, REWRITING, heartbeat)  # one that began before holds what has gone since
                client.bgrewriteaof()
                _wait_for_rewrite(client, REWRITING, heartbeat)
                if client.info("persistence")["aof_last_bgrewrite_status"] != "ok":
                    return "Redis couldn't rewrite its append-only file."
            if client.config_get("save").get("save"):
                _wait_for_rewrite(client, SAVING, heartbeat)
                client.bgsave(schedule=True)
                _wait_for_rewrite(client, SAVING, heartbeat)
    except (redis.ResponseError, TimeoutError) as error:
        kind = type(error).__name__
        return f"Redis' files on disk weren't rewritten ({kind}). Run BGREWRITEAOF and BGSAVE on it."
    return ""


def _wait_for_rewrite(client: "redis.Redis", marks: tuple[str, ...], heartbeat: Callable[[], None]) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_SECONDS
    while any(client.info("persistence").get(mark) for mark in marks):
        if time.monotonic() > end:
            raise TimeoutError
        heartbeat()
        time.sleep(LOOKED_EVERY_SECONDS)
