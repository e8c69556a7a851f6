"""What of a person is kept for hours in Redis: words that somebody searched for."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from urllib.parse import unquote

import phonenumbers
from django.core.cache import cache

from enrichment.leads.searches import KEPT_PATTERN
from enrichment.models import Lead
from enrichment.models.lead_search import fold, phone_end, spellings, terms
from enrichment.stores.people import emails_of
from enrichment.vendors import limiter
from gdpr.identity import phone_key
from gdpr.leftovers.search_patterns import NAME, Finder, patterns_for
from swarm_admin.core.identifiers import emails, linkedin

SCANNED_AT_ONCE = 1_000
FEWEST_LETTERS = 4  # of the beginning of an address; fewer say nothing of whose it is
FEWEST_DIGITS = 8  # of a number within other words; fewer are found by chance
_AROUND = "<>()[]{},;:\"'"


def delete_searches_for(lead: Lead) -> int:
    """Delete every kept search that finds the lead by name, address, phone or profile; returns how many."""
    return forget_person(
        [
            ("linkedin_url", lead.linkedin_url),
            *(("email", each) for each in emails_of(lead)),
            ("phone", lead.phone),
            (NAME, f"{lead.first_name} {lead.last_name}"),
        ]
    )


def forget_person(identifiers: Iterable[tuple[str, str]]) -> int:
    """The same by (kind, value) pairs of gdpr.leftovers.search_patterns, which may be of nobody in the mirror."""
    about = _Person((kind, value.strip()) for kind, value in identifiers)
    deleted = 0
    connection = limiter.connection()
    for name in connection.scan_iter(match=cache.make_key(KEPT_PATTERN), count=SCANNED_AT_ONCE):
        key = name.decode().rpartition(":search:")[2]
        words = cache.get(f"search:{key}")
        if isinstance(words, str) and about.is_named_by(words):
            deleted += bool(cache.delete(f"search:{key}"))
    return deleted


class _Person:
    """Whether words tell a person: in any spelling in which the search finds them, or in which one for leftovers does.

    Forgetting too much costs whoever searched a link that would have ended within hours.
    """

    def __init__(self, identifiers: Iterable[tuple[str, str]]) -> None:
        self._pairs = [(kind, value) for kind, value in identifiers if value]
        self._finder = Finder(patterns_for(self._pairs))

    def is_named_by(self, words: str) -> bool:
        rules: tuple[Callable[[str], bool], ...] = (self._by_address, self._by_phone, self._by_name)
        return any(
            self._finder.find(spelt.encode(errors="replace")) or any(rule(spelt) for rule in rules)
            for spelt in _decoded_variants(words)
        )

    def _of(self, kind: str) -> list[str]:
        return [value for of, value in self._pairs if of == kind]

    @cached_property
    def _addresses(self) -> set[str]:
        """The addresses and the slugs of the profiles, in small letters."""
        slugs = {url.rpartition("/")[2].casefold() for url in self._of("linkedin_url")}
        return {*emails.as_kept_elsewhere(map(emails.key, self._of("email"))), *slugs} - {""}

    def _by_address(self, words: str) -> bool:
        low = words.casefold()
        if any(each in low for each in self._addresses):
            return True
        tokens = [words, *(token.strip(_AROUND) for token in words.split())]
        if {emails.key(each) for each in tokens} & self._addresses:
            return True
        if {linkedin.key(each) for each in tokens} & set(self._of("linkedin_url")):
            return True
        begun = tuple(token for token in low.split() if len(token) >= FEWEST_LETTERS)
        return any(each.startswith(begun) for each in self._addresses)

    def _by_phone(self, words: str) -> bool:
        end, digits = phone_end(words), "".join(c for c in words if c.isdecimal())
        for number in self._of("phone"):
            national = _national(number)
            if phone_key(words) == number or (end and number.endswith(end)):
                return True
            if len(national) >= FEWEST_DIGITS and national in digits:
                return True
        return False

    def _by_name(self, words: str) -> bool:
        """By first and last name, each from its beginning on, as the search takes them."""
        for name in self._of(NAME):
            parts = terms(name)
            if len(parts) > 1 and all(_is_named(part, words) for part in (parts[0], parts[-1])):
                return True
        return False


def _decoded_variants(words: str) -> Iterator[str]:
    """As typed, in the letters that compatible ones stand for (full-width), and without percent-encoding."""
    plain = unicodedata.normalize("NFKC", words)
    yield from dict.fromkeys((words, plain, unquote(plain)))


def _is_named(part: str, words: str) -> bool:
    wanted = [spelt.lower() for spelt in spellings(part)]
    typed = [spelt.lower() for term in terms(words) for spelt in spellings(term)]
    text = fold(words).lower()
    return any(each in text or each.startswith(tuple(typed)) for each in wanted)


def _national(number: str) -> str:
    """The digits of an E.164 number after its country's; "" of what is none."""
    try:
        return str(phonenumbers.parse(number).national_number)
    except phonenumbers.NumberParseException:
        return ""
