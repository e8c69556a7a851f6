"""One key for one mailbox: NFC, nothing invisible, lower case, the host as an IDNA 2008 A-label (UTS 46).

Nothing else is folded: plus signs and dots stay, since only the host that takes the mail knows what they mean.
"""

import functools
import unicodedata
from collections.abc import Iterable

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from swarm_admin.core.identifiers.text import lower, visible

MAX_LENGTH = 254  # characters of a whole address: RFC 5321 4.5.3.1.3, less the angle brackets
MAX_LOCAL = 64  # RFC 5321 4.5.3.1.1
MAX_HOST = 253  # RFC 1035 2.3.4, as text
# Mailboxes of an office and not of a person: RFC 2142, and what firms use besides.
ROLES = frozenset(
    "abuse accounting accounts admin administrator billing bookings bounce careers compliance contact contracts "
    "customerservice datenschutz dpo enquiries enquiry events feedback finance founders ftp gdpr hello help helpdesk "
    "hostmaster hr info inquiries investors invoices it jobs kontakt legal list listmaster mail mailer-daemon "
    "marketing media membership news newsletter no-reply noc noreply office orders partners payments postmaster "
    "press privacy purchasing reception recruiting recruitment root rsvp sales security service services shop "
    "spam staff subscribe support team tech unsubscribe usenet vertrieb webmaster welcome www".split()
)  # fmt: skip
# What programs put together where no address is known: "null@acme.com", "jo@undefined.com".
_NOTHING = frozenset(
    "null none undefined nan n/a unknown noemail nomail notavailable notprovided nullnull nonenone "
    "undefinedundefined".split()
)
_NO_DOMAIN = frozenset({"null", "undefined"})
_NOBODY_READS = frozenset("noreply donotreply dontreply mailerdaemon".split())
_ascii_address = EmailValidator()


def canonical(address: str) -> str:
    """The key of the mailbox: what is stored, compared, hashed and sent to vendors. Idempotent.

    Raises:
        ValueError: it is no e-mail address.
    """
    # Longer than any spelling of an address: invisible characters may stand between all of its own.
    if len(address) > 4 * MAX_LENGTH:
        raise ValueError(f"must be at most {MAX_LENGTH} characters long.")
    return _canonical(address)


@functools.lru_cache(maxsize=4096)
def _canonical(address: str) -> str:
    text = visible(address)
    if text[:7].lower() == "mailto:":
        text = visible(text[7:])
    local, at, host = text.rpartition("@")
    if not at or not local or not host:
        raise ValueError("must be an e-mail address.")
    return checked(lower(local), ascii_host(host))


def checked(local: str, host: str) -> str:
    """`local@host`, both canonical, where that may be an address. Raises ValueError."""
    address = f"{local}@{host}"
    if len(local) > MAX_LOCAL or len(address) > MAX_LENGTH:
        raise ValueError(f"must be at most {MAX_LENGTH} characters long, {MAX_LOCAL} before the @.")
    # Django knows the rules for ASCII; a mailbox in another script (RFC 6531) is held to the same ones.
    plain = local if local.isascii() else _stand_in(local)
    try:
        _ascii_address(f"{plain}@{host}")
    except ValidationError:
        raise ValueError("must be an e-mail address.") from None
    return address


def _stand_in(local: str) -> str:
    """`local` with an ASCII letter for each letter, digit or mark of another script."""
    return "".join("x" if not c.isascii() and unicodedata.category(c)[0] in "LNM" else c for c in local)


def ascii_host(host: str) -> str:
    """The host as it goes over the wire: A-labels, lower case, no closing dot. Idempotent.

    Raises:
        ValueError: it is no host name.
    """
    host = visible(host)
    if not host or len(host) > MAX_HOST:  # bounded before anything is encoded
        raise ValueError("must include a domain.")
    host = lower(host).removesuffix(".")
    if host.isascii() and "xn--" not in host:
        return host
    try:
        encoded = idna.encode(host, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        encoded = _older_host(host)
    if not encoded:
        raise ValueError("must include a domain.")
    return encoded.lower().removesuffix(".")


def _older_host(host: str) -> str:
    """By IDNA 2003, which knows a few hosts that IDNA 2008 refuses (emoji); "" where it knows none either."""
    try:
        return host.encode("idna").decode().lower()
    except UnicodeError:
        return ""


def readable(address: str) -> str:
    """A canonical address as people write it: its host in its own script, where that leads back to the same key."""
    local, _, host = address.rpartition("@")
    if "xn--" not in host:
        return address
    shown = unicode_host(host)
    try:
        return f"{local}@{shown}" if ascii_host(shown) == host else address
    except ValueError:
        return address


def unicode_host(host: str) -> str:
    """A host of A-labels in its own script; the host itself where it is not to be read so."""
    try:
        return idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        pass
    try:
        return host.encode().decode("idna")
    except UnicodeError:
        return host


def spellings(address: str) -> tuple[str, ...]:
    """The key of the mailbox first, then the keys that older software would send its mail to.

    Under IDNA 2003 "straße.de" is "strasse.de". Whoever is suppressed under one must not be written to under the
    other: blocking one too many is safe, telling a person's data to another is not. So the gate asks for all.

    Raises:
        ValueError: it is no e-mail address.
    """
    key = canonical(address)
    local, _, host = key.rpartition("@")
    older = _older_host(unicode_host(host)).removesuffix(".") if "xn--" in host else host
    return (key,) if older in ("", host) else (key, f"{local}@{older}")


def is_role(address: str) -> bool:
    """Whether a canonical address is an office's: whoever works there reads it, so it tells nobody apart (D28)."""
    return address.partition("@")[0].partition("+")[0] in ROLES


def is_nothing(address: str) -> bool:
    """Whether a canonical address only says that none is known."""
    return _name(address) in _NOTHING or address.partition("@")[2].partition(".")[0] in _NO_DOMAIN


def is_unread(address: str) -> bool:
    """Whether a canonical address is one that mail is sent from and nobody reads."""
    return _name(address) in _NOBODY_READS


def _name(address: str) -> str:
    """What stands before the @ and any plus sign, its words run together."""
    local = address.partition("@")[0].partition("+")[0]
    return local.replace("-", "").replace("_", "").replace(".", "")


def key(address: str) -> str:
    """The canonical form; what is no address is compared as it stands, in lower case."""
    try:
        return canonical(address)
    except ValueError:
        return lower(visible(address))


def as_kept_elsewhere(keys: Iterable[str]) -> list[str]:
    """Each canonical address and its readable form: whoever got it in another spelling looks it up by that."""
    return list(dict.fromkeys(form for each in keys for form in (each, readable(each))))
