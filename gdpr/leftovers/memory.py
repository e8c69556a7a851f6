"""Redis, and sessions, whose contents no search of the table shows: they are packed."""

import pickle
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import cache

from gdpr.identity import digest, keys
from gdpr.leftovers.hits import Hit, describe, no_heartbeat
from gdpr.leftovers.names import NameFinder
from gdpr.leftovers.search_patterns import Finder, SearchPattern

AT_ONCE = 500
UNPACKED_AT_MOST = 64 * 1024 * 1024  # bytes of one value
IN_CACHE = "Redis cache"  # the place whose keys may go at any time, as a cache's may
KEYS_NAMED = 20
_TELLABLE = re.compile(r"[A-Za-z0-9:._-]{1,100}")
_HASHED = "#"  # before the hash of a key whose name is not told
Forget = Callable[[Iterable[tuple[str, str]]], int]
_forgetters: list[Forget] = []


def register_forgetter(forget: Forget) -> None:
    """Who keeps words of people for a while: given (kind, identifier) pairs, it deletes what tells the person.

    The person may be in no table of ours: they were searched for, and not found.
    """
    if forget not in _forgetters:
        _forgetters.append(forget)


def forget(identifiers: Iterable[tuple[str, str]]) -> int:
    """How many values that were kept for a while are deleted."""
    pairs = list(identifiers)
    return sum(each(pairs) for each in _forgetters)


def scan_redis(
    patterns: Iterable[SearchPattern], heartbeat: Callable[[], None] = no_heartbeat, names: NameFinder | None = None
) -> list[Hit]:
    """Every key and value: queue, cache, limits, whatever stands there; `where` names the keys.

    A key that tells somebody itself, by an identifier or one of `names`, is named by a hash of it.
    """
    finder = Finder(patterns)
    places: dict[str, list[tuple[str, set[SearchPattern]]]] = {}
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for number, key in enumerate(client.scan_iter(count=AT_ONCE)):
            if number % AT_ONCE == 0:
                heartbeat()
            found = finder.find(key)
            for value in _values(client, key):
                found |= finder.find(value) | finder.find(_unpacked(value))
            if found:
                place = IN_CACHE if key.startswith(_cache_prefix()) else f"Redis, a {client.type(key).decode()}"
                tells = bool(finder.find(key)) or bool(names and names.find(key))
                places.setdefault(place, []).append((_key_name(key, tells=tells), found))
    return [_hit(place, found) for place, found in places.items()]


def _hit(place: str, found: list[tuple[str, set[SearchPattern]]]) -> Hit:
    what = sorted({describe(pattern) for _, patterns in found for pattern in patterns})
    where = sorted(name for name, _ in found)[:KEYS_NAMED]
    return Hit(place, len(found), tuple(what), tuple(where), table=place if place == IN_CACHE else "")


def _cache_prefix() -> bytes:
    """What every key of the cache begins with."""
    return cache.make_key("").encode()


def _key_name(key: bytes, *, tells: bool) -> str:
    text = key.decode(errors="replace")
    return text if not tells and _TELLABLE.fullmatch(text) else _hashed(key)


def _hashed(key: bytes) -> str:
    return _HASHED + digest(f"redis:{key.hex()}", keys()[0][1])[:24]


def delete_cached(name: str) -> bool:
    """Delete the key of the cache that a search named so; whether there was one. No other key of Redis goes."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        if not name.startswith(_HASHED):
            return name.encode().startswith(_cache_prefix()) and bool(client.unlink(name))
        every = client.scan_iter(match=_cache_prefix() + b"*", count=AT_ONCE)
        return int(sum(client.unlink(key) for key in every if _hashed(key) == name)) > 0


def _values(client: Any, key: bytes) -> Iterator[bytes]:
    kind = client.type(key).decode()
    if kind == "string":
        yield client.get(key) or b""
    elif kind == "list":
        for start in range(0, client.llen(key), AT_ONCE):
            yield from client.lrange(key, start, start + AT_ONCE - 1)
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
        return zlib.decompressobj().decompress(value, UNPACKED_AT_MOST)
    except zlib.error:
        return b""


def scan_sessions(patterns: Iterable[SearchPattern], heartbeat: Callable[[], None] = no_heartbeat) -> list[Hit]:
    """What sessions hold, unpacked; one that cannot be opened is invalid, and Django drops it."""
    finder = Finder(patterns)
    found: set[SearchPattern] = set()
    count = 0
    for number, session in enumerate(Session.objects.iterator(chunk_size=AT_ONCE)):
        if number % AT_ONCE == 0:
            heartbeat()
        try:
            held = finder.find(repr(session.get_decoded()).encode())
        except (signing.BadSignature, ValueError, pickle.UnpicklingError):
            continue
        count += bool(held)
        found |= held
    return [Hit("django_session", count, tuple(sorted(describe(pattern) for pattern in found)))] if found else []
