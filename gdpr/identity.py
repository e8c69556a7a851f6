"""A person's identifiers, normalised and hashed under the keys of the environment (D16, D17)."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Identity:
    """What a person can be found by. Values are expected normalised: canonical URL, E.164 phone."""

    linkedin_url: str = ""
    emails: tuple[str, ...] = ()
    phone: str = ""

    def identifiers(self) -> list[str]:
        """Each known identifier with its kind before it, so that equal texts of two kinds stay apart."""
        emails = (f"email:{e.strip().casefold()}" for e in self.emails if e.strip())
        url = [f"linkedin:{self.linkedin_url.strip().casefold()}"] if self.linkedin_url.strip() else []
        phone = [f"phone:{self.phone.strip()}"] if self.phone.strip() else []
        return [*url, *emails, *phone]


def parse_keys(text: str, *, shortest: int = 1) -> list[tuple[str, bytes]]:
    """(key id, key) pairs of "id:key,id:key", in their order; `shortest` counts a key's characters.

    Raises:
        ValueError: what is wrong with which pair, without its text: a key is a secret.
    """
    pairs: dict[str, bytes] = {}
    for number, part in enumerate(text.split(","), start=1):
        key_id, colon, key = (word.strip() for word in part.partition(":"))
        if not colon or not key_id or not key:
            raise ValueError(f"pair {number} lacks its {'key' if key_id and colon else 'id or key'}")
        if ":" in key:
            raise ValueError(f"pair {number} has more than one colon")
        if len(key) < shortest:
            raise ValueError(f"the key of pair {number} has fewer than {shortest} characters")
        if key_id in pairs:
            raise ValueError(f"pair {number} has the id of another one")
        pairs[key_id] = key.encode()
    return list(pairs.items())


def keys() -> list[tuple[str, bytes]]:
    """(key id, key) pairs of IDENTITY_HASH_KEYS; the first writes, all look up."""
    return parse_keys(settings.IDENTITY_HASH_KEYS)


def digest(identifier: str, key: bytes) -> str:
    return hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()


def digests(identifiers: Iterable[str]) -> dict[str, str]:
    """{digest: identifier} under every live key."""
    live = keys()
    return {digest(identifier, key): identifier for identifier in identifiers for _, key in live}
