"""What to look for: a person's identifiers in every usual spelling and encoding."""

import base64
import binascii
import hashlib
import html
import json
import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, urlsplit

import phonenumbers
import polars as pl

from swarm_admin.core.identifiers import linkedin

SHORTEST = 5  # characters: a shorter one is found everywhere and proves nothing
SHORT = 4_096  # bytes: not worth preparing a search for
NAME = "name"  # no identifier: gdpr.leftovers.names looks for it
REFERENCE = "reference"  # a random text of ours: its hash tells nobody anything, and may be kept
KINDS = ("email", "linkedin_url", "phone", "text", REFERENCE, NAME)


@dataclass(frozen=True)
class SearchPattern:
    """One byte string to look for. `kind` is one of KINDS, `encoding` how the identifier was written in it.

    `folds`: upper and lower case are the same (not so in base64).
    """

    kind: str
    encoding: str
    data: bytes
    folds: bool = True


def read_identifiers(lines: Iterable[str]) -> list[tuple[str, str]]:
    """(kind, identifier) of lines such as "ada@example.com" or "name: Ada Lovelace"; the kind is guessed if not told.

    Raises ValueError for an identifier that is too short to search for, by its line's number and not its text.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        label, colon, rest = line.strip().partition(":")
        kind, value = (label.lower(), rest.strip()) if colon and label.lower() in KINDS else ("", line.strip())
        if not value:
            continue
        if len(value) < SHORTEST:
            raise ValueError(f"line {number}: an identifier needs at least {SHORTEST} characters")
        found.append((kind or guess_kind(value), value))
    return found


def guess_kind(value: str) -> str:
    """Which of KINDS an identifier looks like."""
    if "linkedin.com/" in value.lower():
        return "linkedin_url"
    if "@" in value[1:-1] and not any(letter.isspace() for letter in value):
        return "email"
    if re.fullmatch(r"\+?[\d\s().\-/]{6,}", value):
        return "phone"
    return "text"


def spellings(kind: str, value: str) -> list[str]:
    """The identifier as people and programs write it, the given one first; lower case stands for every case."""
    value = value.strip()
    if kind == "phone":
        return list(dict.fromkeys([value, *_phone_spellings(value)]))
    if kind == "linkedin_url":
        slug = _slug(value)
        if linkedin.MEMBER_ID.fullmatch(slug):
            return [slug.lower()]  # in whatever kind of address it stands
        if not slug:
            return [value.lower()]
        return [f"/in/{slug.lower()}"] if len(slug) + 4 >= SHORTEST else [value.lower()]
    return [value.lower()]


def _slug(value: str) -> str:
    """What names the profile in its address; "" where it is none."""
    try:
        return linkedin.canonical(value).removeprefix(linkedin.PREFIX)
    except ValueError:
        pass
    try:
        path = urlsplit(value if "//" in value else f"https://{value}").path
    except ValueError:  # no web address, by its brackets
        return ""
    return path.rstrip("/").rpartition("/")[2]


def _phone_spellings(value: str) -> Iterator[str]:
    try:
        number = phonenumbers.parse(value, None if value.startswith("+") else "US")
    except phonenumbers.NumberParseException:
        return
    formats = phonenumbers.PhoneNumberFormat
    for form in (formats.E164, formats.INTERNATIONAL, formats.NATIONAL, formats.RFC3966):
        yield phonenumbers.format_number(number, form)
    national = str(number.national_number)
    yield f"{number.country_code}{national}"
    if len(national) >= 8:  # fewer digits are found by chance
        yield national


def patterns_for(identifiers: Iterable[tuple[str, str]]) -> list[SearchPattern]:
    """Every byte string to look for, each once; the plain spelling of an identifier before its encodings."""
    found: dict[tuple[bytes, bool], SearchPattern] = {}
    for kind, value in identifiers:
        if kind == NAME:
            continue
        for spelling in spellings(kind, value):
            for pattern in _encodings(kind, spelling):
                found.setdefault((pattern.data, pattern.folds), pattern)
        for hashed in _hashes(kind, value):
            found.setdefault((hashed.data, True), hashed)
    return list(found.values())


def _encodings(kind: str, text: str) -> Iterator[SearchPattern]:
    raw = text.encode()
    forms = {
        "plain": raw,
        "URL": quote(text, safe="").encode(),
        "form": quote_plus(text).encode(),
        "JSON": json.dumps(text)[1:-1].encode(),
        "JSON, escaped slashes": json.dumps(text)[1:-1].replace("/", "\\/").encode(),
        "HTML": html.escape(text).encode(),
        "quoted-printable": quopri.encodestring(raw).strip(),
        "UTF-16": text.encode("utf-16-le"),
    }
    for encoding, data in forms.items():
        yield SearchPattern(kind, encoding, data)
    # Where a letter's case changes its bytes, as people write it: small, with capitals, in capitals.
    for cased in dict.fromkeys((text, text.title(), text.upper())):
        yield SearchPattern(kind, "plain", cased.encode())
        for encoding, data in {"": cased.encode(), "UTF-16, ": cased.encode("utf-16-le")}.items():
            yield SearchPattern(kind, f"{encoding}hexadecimal", binascii.hexlify(data))
        yield from _base64(kind, cased.encode())


def _base64(kind: str, raw: bytes) -> Iterator[SearchPattern]:
    """Inside a longer text base64 depends on where the identifier begins: what is the same in all three places."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        start = (0, 2, 3)[shift]  # characters that the bytes before it have a part in
        end = len(coded) - (0, 3, 2)[(len(raw) + shift) % 3]
        data = coded[start:end]
        if len(data) >= SHORTEST:
            yield SearchPattern(kind, "base64", data, folds=False)
            yield SearchPattern(kind, "base64", data.translate(bytes.maketrans(b"+/", b"-_")), folds=False)


def _hashes(kind: str, value: str) -> Iterator[SearchPattern]:
    """Unkeyed hashes of an identifier are as good as the identifier: whoever knows it finds it."""
    if kind == REFERENCE:
        return
    for text in dict.fromkeys((value.strip(), value.strip().lower())):
        for name in ("md5", "sha1", "sha256"):
            hashed = hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
            yield SearchPattern(kind, name, hashed.encode())


class Finder:
    """Finds patterns in bytes. Long stretches are looked through for all of them at once, and mostly hold none."""

    def __init__(self, sought: Iterable[SearchPattern]) -> None:
        self.patterns = list(sought)
        self.longest = max((len(pattern.data) for pattern in self.patterns), default=0)
        self._folding = {pattern.data.lower(): pattern for pattern in self.patterns if pattern.folds}
        self._exact = {pattern.data: pattern for pattern in self.patterns if not pattern.folds}
        # As Latin-1 every byte is one character, so a search for texts searches bytes.
        self._all = [data.decode("latin-1") for data in (*self._folding, *self._exact)]
        self._shortest = _shortest_only(self._all)
        self._folded = _any_of(self._folding, re.IGNORECASE)
        self._cased = _any_of(self._exact, 0)

    def may_hold(self, data: bytes) -> bool:
        """False where none is in `data`; a gigabyte takes seconds (Aho-Corasick)."""
        return self.may_be_in(as_text(data))

    def may_be_in(self, text: pl.Series) -> bool:
        """As `may_hold`, of bytes that were made a text already."""
        return bool(self._all) and bool(text.str.contains_any(self._shortest, ascii_case_insensitive=True)[0])

    def find(self, data: bytes) -> set[SearchPattern]:
        """The patterns that are in `data`. Linear in its length, whatever stands in it."""
        if len(data) > SHORT:
            return self.find_each([data])[0] if self.may_hold(data) else set()
        found = {self._folding[match.lower()] for match in self._folded.findall(data)} if self._folded else set()
        if self._cased:
            found |= {self._exact[match] for match in self._cased.findall(data)}
        return found

    def find_each(self, many: Sequence[bytes]) -> list[set[SearchPattern]]:
        """The patterns in each; those that overlap too."""
        if not many or not self._all:
            return [set() for _ in many]
        texts = pl.Series([data.decode("latin-1") for data in many])
        matches = texts.str.extract_many(self._all, ascii_case_insensitive=True, overlapping=True)
        return [self._patterns_of(each) for each in matches.to_list()]

    def _patterns_of(self, matches: Iterable[str]) -> set[SearchPattern]:
        """Of texts that were found without regard to their case."""
        found = set()
        for data in {match.encode("latin-1") for match in matches}:
            for pattern in (self._folding.get(data.lower()), self._exact.get(data)):
                found |= {pattern} if pattern else set()
        return found


def as_text(data: bytes) -> pl.Series:
    """As Latin-1, in which every byte is one character."""
    return pl.Series([data.decode("latin-1")])


def _shortest_only(texts: Sequence[str]) -> list[str]:
    """Those in which no other one stands: fewer than a hundred are searched for in half the time."""
    kept: list[str] = []
    for text in sorted({text.lower() for text in texts}, key=len):
        if not any(shorter in text for shorter in kept):
            kept.append(text)
    return kept


def _any_of(sought: Iterable[bytes], flags: int) -> "re.Pattern[bytes] | None":
    longest_first = sorted(sought, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(b"|".join(map(re.escape, longest_first)), flags)  # linear: literals alone
