"""Search words behind a key, so that an address that is logged or sent on holds no person's name."""

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.core.cache import cache

from gdpr import audit
from gdpr.identity import Identity, digest, keys
from swarm_admin.core.audit_verbs import Verb

KEPT_SECONDS = 12 * 3600  # as long as a session
LONGEST = 200
KEY_LENGTH = 24
KEPT_PATTERN = "search:*"  # the keys of the cache under which words are kept


def remember_search(words: str, *, by: Any) -> str:
    """The key under which `words` are found again; "" for blank ones.

    A search for an e-mail address is a search for a person: it is audited, with the address's keyed hash.
    """
    words = " ".join(words.replace("\x00", "").split())[:LONGEST]
    if not words:
        return ""
    key = hmac.new(settings.SECRET_KEY.encode(), words.encode(), hashlib.sha256).hexdigest()[:KEY_LENGTH]
    fresh = cache.add(f"search:{key}:{by.pk}", 1, 3600)
    cache.set(f"search:{key}", words, KEPT_SECONDS)
    if fresh and "@" in words:
        identifier = Identity(emails=(words,)).identifiers()[0]
        audit.record(
            Verb.SEARCH_EMAIL,
            by=by,
            object_type="identifier",
            object_id=digest(identifier, keys()[0][1]),
        )
    return key


def search_words(key: str) -> str | None:
    """The words behind a key; None when they are kept no longer, or it is none of ours; "" for no key."""
    if not key:
        return ""
    return cache.get(f"search:{key}") if len(key) == KEY_LENGTH and key.isascii() and key.isalnum() else None
