"""One spelling for one person: the canonical address of a LinkedIn profile."""

import re
import unicodedata
from urllib.parse import unquote_to_bytes, urlsplit

from swarm_admin.core.identifiers.text import is_missing_text, lower, visible

PREFIX = "https://www.linkedin.com/in/"
MAX_LENGTH = 2000  # characters as given; the canonical form is far shorter
MAX_SLUG = 100  # LinkedIn's own limit
MAX_DECODINGS = 10  # times a slug may have been percent-encoded on its way here
NFKC_SHRINKS = 4  # a character of NFKC stands for at most so many of what it was made of
# What programs write for a slug they do not have, beside what `text` knows; "me" and "edit" are LinkedIn's own pages
# of whoever is signed in. Words are joined by one hyphen, whatever stood between them.
PLACEHOLDERS = frozenset(
    "me edit na nan false true void n-a n-d 404 not-found notfound no-profile private-profile unavailable "
    "username user-name your-username yourusername your-name yourname your-profile your-profile-name profile "
    "profile-name profilename profile-id public-id public-identifier vanity-name vanityname slug id "
    "first-name-last-name firstname-lastname first-last linkedin-member linkedinmember linkedin-url".split()
)

ALREADY_CANONICAL = re.compile(rf"{re.escape(PREFIX)}[a-z0-9](?:[a-z0-9-]{{0,98}}[a-z0-9])?", re.ASCII)
HOST = re.compile(r"(?:(?:www|m|mobile|touch|[a-z]{2}(?:-[a-z]{2})?)\.)?linkedin\.com", re.ASCII)
# The internal id that Sales Navigator and scrapers give in place of a slug; unlike a slug it has a case.
MEMBER_ID = re.compile(r"AC[a-z]AA[A-Za-z0-9_-]{34}", re.ASCII)
SLUG_CATEGORIES = ("L", "N", "M", "So", "Sk")  # letters, digits, marks, emoji and their skin tones
SLUG_PUNCTUATION = frozenset("-_.~'&\u2019\u200c\u200d")  # the last two join letters in Persian, and emoji
INVISIBLE_ENDS = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00a0"  # what copying brings along


def key(url: str) -> str:
    """The canonical form; what is no address of a profile is compared as it stands."""
    try:
        return canonical(url)
    except ValueError:
        return visible(url)


def canonical(url: str) -> str:
    """`https://www.linkedin.com/in/slug`, the slug readable (not percent-encoded), NFKC and lower case.

    Accepts http and https or no scheme, a locale or mobile subdomain, the default port, a query, a
    fragment, doubled slashes, percent-encoding applied up to ten times, and what follows the slug
    (`/en`, `/details/…`). The old `/pub/` form is refused: it does not name the slug of today, and a
    guessed slug is another person. Sales Navigator's addresses of leads and people, and those of the old
    mobile site, are the profile they name. Letters of another width or font are the plain ones. A slug that
    stands for none ("undefined", "n-a", "me") would be one person for every row that lost its own, and is
    refused. Idempotent.

    Raises:
        ValueError: a sentence that names the rule and never the value.
    """
    if ALREADY_CANONICAL.fullmatch(url):
        _refuse_placeholder(url.removeprefix(PREFIX))
        return url
    url = url.strip().strip(INVISIBLE_ENDS).strip()
    if len(url) > MAX_LENGTH:
        raise ValueError(f"must be at most {MAX_LENGTH} characters long.")
    if "\\" in url or any(c.isspace() or unicodedata.category(c) == "Cc" for c in url):
        raise ValueError("must not contain spaces, backslashes or control characters.")
    return PREFIX + _slug(_path(url))


def _path(url: str) -> list[str]:
    """The path's segments, once the host is LinkedIn's beyond doubt."""
    if not re.match(r"[a-z][a-z0-9+.-]*://", url, re.IGNORECASE):
        url = f"https://{url.removeprefix('//')}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL.") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must start with https:// or http://.")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or password.")
    if not HOST.fullmatch((parts.hostname or "").removesuffix(".")):
        raise ValueError("must be a linkedin.com URL.")
    if port not in (None, 80, 443):
        raise ValueError("must not include a port.")
    return [segment for segment in parts.path.split("/") if segment]


def _slug(segments: list[str]) -> str:
    if [s.lower() for s in segments[:1]] == ["mwlite"]:  # the old mobile site
        segments = segments[1:]
        segments = segments[1:] if [s.lower() for s in segments[:2]] == ["profile", "in"] else segments
    kind = segments[0].lower() if segments else ""
    if kind == "sales":
        return _member(segments[1:])
    if kind == "pub":
        raise ValueError("must be a /in/ URL; old /pub/ URLs are no longer supported.")
    if kind != "in":
        raise ValueError("must be a person's profile (linkedin.com/in/…).")
    if len(segments) < 2:
        raise ValueError("must include the profile name after /in/.")
    slug = _decoded(segments[1])
    if MEMBER_ID.fullmatch(slug):
        return slug
    slug = _lower(slug) if len(slug) <= NFKC_SHRINKS * MAX_SLUG else slug
    if len(slug) > MAX_SLUG:
        raise ValueError(f"must have a profile name of at most {MAX_SLUG} characters.")
    if not any(c.isalnum() or unicodedata.category(c) == "So" for c in slug) or not all(map(_may_stand, slug)):
        raise ValueError("must have a profile name of letters, digits and hyphens.")
    _refuse_placeholder(slug)
    return slug


def _refuse_placeholder(slug: str) -> None:
    words = re.findall(r"[^\W_]+", slug)
    nothing = is_missing_text(" ".join(words)) or all(map(is_missing_text, words))
    if words and (nothing or "-".join(words) in PLACEHOLDERS):
        raise ValueError("must be a person's profile; this is a placeholder for an unknown profile.")


def _lower(slug: str) -> str:
    """NFKC and lower case; each can undo the other, so until nothing changes."""
    while (lowered := lower(unicodedata.normalize("NFKC", slug))) != slug:
        slug = lowered
    return slug


def _member(segments: list[str]) -> str:
    """The member that Sales Navigator names: `lead/<id>,<how found>,<token>`; its lists and accounts are nobody."""
    if len(segments) < 2 or segments[0].lower() not in ("lead", "people"):
        raise ValueError("must be a person's profile (linkedin.com/in/… or linkedin.com/sales/lead/…).")
    member = _decoded(segments[1]).partition(",")[0]
    if not MEMBER_ID.fullmatch(member):
        raise ValueError("must include LinkedIn's profile ID after /sales/lead/.")
    return member


def _decoded(segment: str) -> str:
    """Without percent-encoding, also where it was applied to itself."""
    for _ in range(MAX_DECODINGS):
        if "%" not in segment:
            break
        try:
            decoded = unquote_to_bytes(segment).decode()
        except UnicodeError:
            raise ValueError("must be percent-encoded as UTF-8.") from None
        if decoded == segment:
            break
        segment = decoded
    else:
        raise ValueError("must not be percent-encoded repeatedly.")
    return unicodedata.normalize("NFKC", segment.strip().strip(INVISIBLE_ENDS)).strip().strip(INVISIBLE_ENDS)


def _may_stand(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith(SLUG_CATEGORIES) or character in SLUG_PUNCTUATION
