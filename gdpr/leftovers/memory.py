"""Redis, and sessions, whose contents no search of the table shows: they are packed."""

import pickle
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing

from gdpr.leftovers.database import Hit, said
from gdpr.leftovers.needles import Finder, Needle


def scan_redis(needles: Iterable[Needle]) -> list[Hit]:
    """Every key and value: queue, cache, limits, whatever stands there."""
    finder = Finder(needles)
    hits = []
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter(count=500):
            found = finder.find(key)
            for value in _values(client, key):
                found |= finder.find(value) | finder.find(_unpacked(value))
            if found:
                kind = client.type(key).decode()
                hits.append(Hit(f"Redis, a {kind}", 1, tuple(sorted(said(needle) for needle in found))))
    return hits


def _values(client: Any, key: bytes) -> Iterator[bytes]:
    kind = client.type(key).decode()
    if kind == "string":
        yield client.get(key) or b""
    elif kind == "list":
        yield from client.lrange(key, 0, -1)
    elif kind == "set":
        yield from client.sscan_iter(key)
    elif kind == "zset":
        yield from (member for member, _ in client.zscan_iter(key))
    elif kind == "hash":
        for field, value in client.hscan_iter(key):
            yield field + b"\n" + value
    elif kind == "stream":
        for _, fields in client.xrange(key):
            yield b"\n".join([*fields.keys(), *fields.values()])


def _unpacked(value: bytes) -> bytes:
    """What a compressed value holds; nothing where it is not compressed."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""


def scan_sessions(needles: Iterable[Needle]) -> list[Hit]:
    """What sessions hold, unpacked; one that cannot be opened is invalid, and Django drops it."""
    finder = Finder(needles)
    found: set[Needle] = set()
    count = 0
    for session in Session.objects.iterator():
        try:
            held = finder.find(repr(session.get_decoded()).encode())
        except (signing.BadSignature, ValueError, pickle.UnpicklingError):
            continue
        count += bool(held)
        found |= held
    return [Hit("django_session", count, tuple(sorted(said(needle) for needle in found)))] if found else []
