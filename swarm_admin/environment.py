"""How a setting is read from the environment, and refused: each error is one sentence that names it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from gdpr.identity import parse_keys

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
INSECURE_DEFAULT = "insecure-only-for-demo-and-test"
PLACEHOLDERS = ("insecure-", "your_", "change")  # what examples hold, ours and the vendors'
SHORTEST_IDENTITY_KEY = 16  # characters; a shorter key lets the hash of an address be guessed
PORT_MAX = 65_535


class Environment(environ.Env):
    """Texts without the blanks around them; a value of the wrong kind is refused by its name."""

    def get_value(self, var: str, cast: Any = None, *args: Any, **options: Any) -> Any:
        try:
            value = super().get_value(var, cast, *args, **options)
        except ValueError:  # its message would repeat the value, which may be a secret
            kind = "a whole number" if cast is int else "a number" if cast is float else "of another form"
            raise ImproperlyConfigured(f"{var} must be {kind}. See .env.example.") from None
        return value.strip() if isinstance(value, str) else value


env = Environment()
# The demo and the tests never see `.env`: it holds the real systems.
if os.environ.get("SWARM_MODE", "production") == "production" and (BASE_DIR / ".env").exists():
    env.read_env(str(BASE_DIR / ".env"))

MODE = env("SWARM_MODE", default="production")
PRODUCTION = MODE == "production"
if MODE not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"SWARM_MODE is {MODE!r}; it must be production, demo or test.")

VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))
DATA_DIR = VAR_DIR if PRODUCTION else VAR_DIR / MODE  # a reset of the demo touches nothing else

_missing: list[str] = []


def secret(name: str, default: str = INSECURE_DEFAULT) -> str:
    """A secret from the environment; a stand-in outside production, an error inside it."""
    value: str = env(name, default="")
    if PRODUCTION and (not value or any(word in value.lower() for word in PLACEHOLDERS)):
        _missing.append(name)
    return value or default


def one_of(name: str, choices: tuple[str, ...]) -> str:
    """One of these words, in any case; the first where none is given."""
    word = str(env(name, default="") or choices[0]).lower()
    if word not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}. See .env.example.")
    return word


def port(name: str, default: int, apart_from: int | None = None) -> int:
    """A TCP port; empty means `default`. `apart_from` is the other one that is listened on."""
    text = env(name, default="") or str(default)
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number <= PORT_MAX:
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number from 1 to {PORT_MAX}.")
    if number == apart_from:
        raise ImproperlyConfigured(f"{name} and PORT are both {number}. Change one of them.")
    return number


def public_url(name: str, default: str) -> str:
    """Our own address; in production it begins with https://, unless ALLOW_HTTP says otherwise."""
    url: str = (env(name, default="") or default).rstrip("/")
    plain = not PRODUCTION or env.bool("ALLOW_HTTP", default=False)
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (plain and parts.scheme == "http")):
        return url
    if PRODUCTION and url == default:  # missing, and said so with the others
        return url
    allowed = "http:// or https://" if plain else "https:// in production (ALLOW_HTTP=True allows http://)"
    raise ImproperlyConfigured(f"{name} must start with {allowed} and include a host.")


def vendor_url(name: str, real: str, stand_in: str) -> str:
    """A vendor's base address; outside production on this machine: no demo reaches a real system."""
    url = str(env(name, default=real if PRODUCTION else stand_in)).rstrip("/")
    if not PRODUCTION and urlsplit(url).hostname not in LOOPBACK:
        raise ImproperlyConfigured(f"{name} must be a loopback address in {MODE} mode; it is {url}.")
    return url


def slack_url() -> str:
    """Where alerts are posted; outside production on this machine, in production over TLS."""
    url = str(env("SLACK_WEBHOOK_URL", default=""))
    parts = urlsplit(url)
    if url and parts.hostname not in LOOPBACK and (not PRODUCTION or parts.scheme != "https"):
        raise ImproperlyConfigured(
            "SLACK_WEBHOOK_URL must start with https:// in production and be a loopback address elsewhere."
        )
    return url


def mail_server() -> dict[str, Any]:
    """EMAIL_BACKEND, EMAIL_HOST and so on from EMAIL_URL; `none` says that no e-mail leaves."""
    text = env("EMAIL_URL", default="")
    if text.lower() == "none" or (PRODUCTION and not text):  # missing, and said so with the others
        return {"EMAIL_BACKEND": "swarm_admin.core.smtp.NoServer"}
    try:
        found: dict[str, Any] = env.email_url("EMAIL_URL", default="consolemail://")
    except (ImproperlyConfigured, ValueError):  # its message would repeat the address, and the password in it
        raise ImproperlyConfigured("EMAIL_URL must be like smtp+tls://user:password@host:587, or none.") from None
    if found["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
        found["EMAIL_BACKEND"] = "swarm_admin.core.smtp.EmailBackend"  # bounded as a whole
    return found


def mail_timeout(lease: float) -> float:
    """Seconds for a whole mail: well below the lease, or a second worker would send it while the first still does."""
    seconds: float = env.float("EMAIL_TIMEOUT", default=min(30.0, lease / 3))
    if env("EMAIL_TIMEOUT", default="") and not 0 < seconds <= lease / 2:
        raise ImproperlyConfigured(
            f"EMAIL_TIMEOUT is {seconds:g}; it must be more than 0 and at most half of LEASE_SECONDS ({lease:g})."
        )
    return seconds


def refuse_incomplete(*names: str) -> None:
    """In production: one sentence with every secret that was read and every one of `names` that is not set."""
    missing = _missing + [name for name in names if not env(name, default="")]
    if PRODUCTION and missing:
        raise ImproperlyConfigured(
            "Production mode requires these environment variables, set to non-default values: "
            + ", ".join(missing)
            + ". See .env.example."
        )


def require_identity_keys(text: str) -> None:
    """Refuse IDENTITY_HASH_KEYS that would hash people under an empty or, in production, a short key."""
    try:
        parse_keys(text, shortest=SHORTEST_IDENTITY_KEY if PRODUCTION else 1)
    except ValueError as error:
        raise ImproperlyConfigured(f"IDENTITY_HASH_KEYS must be id:key pairs, comma-separated; {error}.") from None
