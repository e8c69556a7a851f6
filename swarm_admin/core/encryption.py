"""Secrets that people enter, kept in the database: encrypted under a key made of SECRET_KEY.

Whoever has the database alone can read none of them. SECRET_KEY_FALLBACKS still open what they closed.
"""

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(ValueError):
    """It was encrypted under a key that is not known any more: it has to be entered again."""


def encrypt(text: str) -> bytes:
    """Empty stays empty."""
    return _keys(_secrets()).encrypt(text.encode()) if text else b""


def decrypt(token: bytes | memoryview) -> str:
    """Raises Unreadable."""
    if not token:
        return ""
    try:
        return _keys(_secrets()).decrypt(bytes(token)).decode()
    except InvalidToken:
        raise Unreadable from None


def _secrets() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@functools.lru_cache(maxsize=4)
def _keys(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(secret)) for secret in secrets])


def _derived(secret: str) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"swarm-admin stored secrets")
    return base64.urlsafe_b64encode(derivation.derive(secret.encode()))
