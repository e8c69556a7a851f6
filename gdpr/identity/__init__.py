"""A person's identifiers in their one canonical form (D27), and hashed under the keys of the environment (D16, D17)."""

import contextlib
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from swarm_admin.core.identifiers import emails, linkedin, phones
from swarm_admin.core.identifiers.text import visible

_phone_country: Callable[[], str] = lambda: "US"  # noqa: E731 - replaced by `set_phone_country`


def set_phone_country(country: Callable[[], str]) -> None:
    """Who tells the country (ISO 3166) of numbers that name none: whoever decides on it for the leads."""
    global _phone_country
    _phone_country = country


def phone_key(number: str) -> str:
    """E.164 of a valid number; what is none is compared as it stands."""
    if not number:
        return ""
    if number.startswith("+"):
        with contextlib.suppress(ValueError):
            return phones.canonical(number, phones.NO_COUNTRY)  # names its country, so nobody is asked for one
    try:
        return phones.canonical(number, _phone_country())
    except ValueError:
        return visible(number)


@dataclass(frozen=True)
class Identity:
    """What a person can be found by, given in any spelling and kept in the canonical one.

    Two are equal when they are one person's.
    """

    linkedin_url: str = ""
    emails: tuple[str, ...] = ()
    phone: str = ""

    def __post_init__(self) -> None:
        keys = dict.fromkeys(emails.key(each) for each in self.emails)
        object.__setattr__(self, "linkedin_url", linkedin.key(self.linkedin_url))
        object.__setattr__(self, "emails", tuple(key for key in keys if key))
        object.__setattr__(self, "phone", phone_key(self.phone))

    def identifiers(self) -> list[str]:
        """Each known identifier with its kind before it, so that equal texts of two kinds stay apart."""
        url = [f"linkedin:{self.linkedin_url.casefold()}"] if self.linkedin_url else []
        phone = [f"phone:{self.phone}"] if self.phone else []
        return [*url, *(f"email:{each}" for each in self.emails), *phone]

    def spellings(self) -> list[str]:
        """`identifiers`, and beside them every spelling under which the person may stand on the suppression list.

        Older software sends mail for some hosts elsewhere; and hashes made before there was a canonical form are of
        an address in its own script. Blocking one too many is safe, writing to one too many is not.
        """
        return list(dict.fromkeys([*self.identifiers(), *(f"email:{e}" for each in self.emails for e in _older(each))]))


def _older(address: str) -> list[str]:
    if address.isascii() and "xn--" not in address:
        return []
    try:
        forms = emails.spellings(address)
    except ValueError:
        return [address.casefold()]
    return [spelt.casefold() for form in forms for spelt in (form, emails.readable(form))]


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
