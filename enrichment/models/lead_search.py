"""How a lead is found by what people type: words in any spelling, addresses, numbers, ids.

The words of a lead stand folded in `Lead.search`, kept by a trigger of the database (`lead_search_words` in the
migrations) that folds as `fold` does here: accents and ligatures go, and names with an umlaut stand there in both
of their usual spellings, Muller and Mueller.
"""

import re
import unicodedata
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Func, Q, QuerySet
from django.db.models.functions import Lower, Reverse

from swarm_admin.core.identifiers import emails, linkedin
from swarm_admin.core.identifiers.text import UNSTORABLE
from swarm_admin.core.numbers import parse_int

LONGEST = 200  # characters of a search that are read
FEWEST_DIGITS = 6  # fewer are the end of too many numbers
MOST_FOUND = 50  # leads that one identifier may lead to: a switchboard has many
# Letters that Unicode does not take apart into a letter and its accent; the trigger has the same list.
LETTERS = str.maketrans("łŁøØđĐħĦıŧŦ", "lLoOdDhHitT")
LIGATURES = (
    ("ß", "ss"),
    ("ẞ", "SS"),
    ("æ", "ae"),
    ("Æ", "AE"),
    ("œ", "oe"),
    ("Œ", "OE"),
    ("þ", "th"),
    ("Þ", "TH"),
)
UMLAUTS = (
    ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "AE"), ("Ö", "OE"), ("Ü", "UE"),
    ("ø", "oe"), ("Ø", "OE"), ("å", "aa"), ("Å", "AA"),
)  # fmt: skip
# Digits alone, or in threes as numbers are grouped where people come from.
_NUMBER = re.compile(
    r"(?:leads?\b[ :\u00a0]{0,2})?(?:#|no\.? |nr\.? |number )? ?"
    r"(\d{1,15}|\d{1,3}(?:[,.'\u2019\u00a0\u202f ]\d{3}){1,4})",
    re.ASCII | re.IGNORECASE,
)
_PHONE_MARKS = frozenset("+()-./ \u00a0")


def fold(text: str) -> str:
    """`text` without accents and ligatures: "Łukasz Groß" → "Lukasz Gross". The case stays."""
    if text.isascii():
        return text
    for ligature, letters in LIGATURES:
        text = text.replace(ligature, letters)
    apart = unicodedata.normalize("NFKD", text.translate(LETTERS))
    return "".join(c for c in apart if not "\u0300" <= c <= "\u036f")


def spellings(word: str) -> list[str]:
    """The word folded, and where it has an umlaut also with the letter that is written for it."""
    long = unicodedata.normalize("NFC", word)
    for umlaut, letters in UMLAUTS:
        long = long.replace(umlaut, letters)
    return list(dict.fromkeys((fold(word), fold(long))))


def terms(text: str) -> list[str]:
    """The words of a search. An address or a host stays whole; hyphens and apostrophes part words, as in the index."""
    cut = "".join(c if c.isalnum() or c in "@._" or unicodedata.category(c) == "Mn" else " " for c in text)
    words = (word.strip("@._") for word in cut.split())
    return [word for word in words if fold(word)]  # an accent alone is none


def prefix_query(text: str) -> SearchQuery | None:
    """`text` as a query in which every word may be a prefix, in any spelling: "Müll ac" → (Mull:* | Muell:*) & ac:*.

    None where no searchable word is left.
    """
    each = [" | ".join(f"'{spelt}':*" for spelt in spellings(word)) for word in terms(text[:LONGEST])]
    if not each:
        return None
    return SearchQuery(" & ".join(f"({alternatives})" for alternatives in each), config="simple", search_type="raw")


def identified(text: str, *, personal: bool) -> list[Q]:
    """What `text` may identify a lead by, each a condition along an index; empty where it can only be words.

    `personal=False`: numbers and ids of records alone, for whoever may not find a person.
    """
    text = text[:LONGEST].replace(UNSTORABLE, "").strip()
    by_record = _records(text)
    return by_record + (_profiles(text) + _mailboxes(text) + _phones(text) if personal else [])


def _records(text: str) -> list[Q]:
    number = number_of(text)
    by_number = [] if number is None else [Q(pk=number)]
    if not text or " " in text:
        return by_number
    references = ("clay_row_id", "ghl_contact_id", "instantly_lead_id")
    return [Q(**{name: text}) for name in references] + by_number


def number_of(text: str) -> int | None:
    """The lead's number where `text` is one, as screens and people write it: "17", "#17", "lead 1,234", "Lead #17"."""
    match = _NUMBER.fullmatch(text.strip())
    digits = re.sub(r"[,.'\u2019\s]", "", match[1]) if match else ""
    return parse_int(digits)


def _profiles(text: str) -> list[Q]:
    if " " in text or not text:
        return []
    try:
        return [Q(linkedin_url=linkedin.canonical(text))]
    except ValueError:
        pass  # a slug by itself, or part of an address
    path = re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/")
    _, inside, slug = path.rpartition("/in/")
    if not inside and ("/" in path or "@" in path):
        return []
    slug = slug.partition("/")[0] if inside else path
    return [Q(linkedin_url__in={linkedin.PREFIX + slug, linkedin.PREFIX + slug.lower()})]


def _mailboxes(text: str) -> list[Q]:
    try:
        key = emails.canonical(text)
    except ValueError:
        return []
    return with_address(key)


def with_address(key: str) -> list[Q]:
    """Leads with this address, as it is stored in lower case; for `matching_ids`."""
    return [Q(work_address=key) & ~Q(email_work=""), Q(own_address=key) & ~Q(email_personal="")]


def _phones(text: str) -> list[Q]:
    """By its last digits, so that it is found with and without its country, in any spelling."""
    national = phone_end(text)
    return [Q(phone_backwards__startswith=national[::-1]) & ~Q(phone="")] if national else []


def phone_end(text: str) -> str:
    """The digits that a number ends with which `text` is a spelling of; "" where it is none, or too few of them."""
    text = _without_extension(unicodedata.normalize("NFKC", text).lower().removeprefix("tel:"))
    if not set(text) <= _PHONE_MARKS | set("0123456789"):
        return ""
    digits = "".join(c for c in text if c.isdigit())
    national = digits.removeprefix("00") if digits.startswith("00") else digits.removeprefix("0")
    return national if len(national) >= FEWEST_DIGITS else ""


def _without_extension(number: str) -> str:
    for mark in ("ext", "x"):
        before, separator, after = number.partition(mark)
        if separator and after.strip(". ").isdecimal():
            return before
    return number


def matching_ids(leads: QuerySet[Any], conditions: list[Q], most: int = MOST_FOUND) -> list[int]:
    """The leads that any of `conditions` leads to, `most` at most of each; one statement."""
    if not conditions:
        return []
    asked = [with_search_keys(leads).filter(condition).values("pk")[:most] for condition in conditions]
    return sorted({row["pk"] for row in asked[0].union(*asked[1:], all=True)})


def with_search_keys(leads: QuerySet[Any]) -> QuerySet[Any, Any]:
    """`leads` with the expressions that `identified` asks for, as their indexes have them."""
    named: QuerySet[Any, Any] = leads.order_by().alias(
        phone_backwards=Reverse("phone"),
        work_address=Lower("email_work"),
        own_address=Lower("email_personal"),
    )
    return named


def is_address(text: str) -> bool:
    """Whether `text` is the address of a profile: its parts are no words."""
    return "linkedin.com/" in text.lower()


class LeadSearchVector(Func):
    """The words of some columns, folded as the trigger folds them."""

    function = "lead_search_words"
    template = "%(function)s(concat_ws(' ', %(expressions)s), '')"
    output_field = SearchVectorField()
