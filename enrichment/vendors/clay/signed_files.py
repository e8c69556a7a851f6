"""Files that Clay keeps with somebody else, behind addresses that it signs: our key goes to neither of them."""

import ipaddress
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from enrichment.vendors.calls import Call
from enrichment.vendors.errors import Permanent, Recovery
from enrichment.vendors.transport import Transport

UPLOAD: Final = Call("upload_file", repeatable=True, acknowledges=True)  # the same file at the same address
DOWNLOAD: Final = Call("download_file", reads=True, repeatable=True, once=True)
LINE_BYTES: Final = 1_000_000
LONGEST: Final = 8_000  # characters of an address
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def upload(address: str, content: bytes) -> None:
    """Puts JSON lines at a signed address. Raises `VendorError`."""
    with _Place(UPLOAD, address) as place:
        place.http.send(UPLOAD, "PUT", place.path, content=content, kind="application/jsonl")


def download(address: str) -> Iterator[bytes]:
    """The lines at a signed address as they come; VENDOR_MAX_ANSWER_BYTES in all. Raises `VendorError`."""
    with _Place(DOWNLOAD, address) as place:
        yield from place.http.lines(DOWNLOAD, place.path, LINE_BYTES)


class _Place:
    """Where a file is, for one call; connections there are closed after it."""

    def __init__(self, call: Call, address: str) -> None:
        parts = _checked(call, address)
        self.path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self.http = Transport("clay", f"{parts.scheme}://{parts.netloc}", {})

    def __enter__(self) -> "_Place":
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()


def _checked(call: Call, address: str) -> SplitResult:
    """The address may be on any public host, over TLS; outside production on this machine. Nothing else is opened."""
    try:
        parts = urlsplit(address)
        is_public = parts.scheme == "https" and parts.port in (None, 443) and _is_name(parts.hostname or "")
    except ValueError:
        parts, is_public = SplitResult("", "", "", "", ""), False
    is_ours = not settings.PRODUCTION and parts.scheme in ("http", "https") and parts.hostname in LOOPBACK
    if not (is_public or is_ours) or "@" in parts.netloc or not _is_plain(address):
        message = "Clay returned an address for a file that is not opened"
        raise Permanent("clay", call.name, code="bad_address", message=message, recovery=Recovery.NEEDS_PERSON)
    return parts


def _is_plain(address: str) -> bool:
    return len(address) <= LONGEST and address.isascii() and address.isprintable() and " " not in address


def _is_name(host: str) -> bool:
    """A name in the public DNS: no number, no machine of our own network."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." in host and not last.isdecimal() and last not in ("local", "internal", "localhost", "lan")
    return False
