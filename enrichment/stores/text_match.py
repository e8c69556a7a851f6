"""A person in free text: raw webhook bodies, waiting import files, kept search words."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, F, Func, QuerySet, TextField, Value

from enrichment.pipeline.receive.unmatched import addresses, profiles
from enrichment.stores.people import EMAIL, URL
from swarm_admin.core.identifiers.emails import key as email_key
from swarm_admin.core.identifiers.linkedin import PREFIX

_ASCII_RUN = re.compile(r"[a-z0-9]+")
ROW = "clay_row_id"
_ESCAPED_ASCII = r"\\u00"  # how a body that hides letters behind JSON escapes looks to PostgreSQL's `escape`


class ContainsAny(Func):
    """Whether raw bytes hold any of `needles`, which are lower-case ASCII, in whatever case they are written.

    The bytes are put into lower case once for all needles, and by the C collation, which leaves what is not ASCII
    alone: by another one, a megabyte of Chinese takes seconds.
    """

    template = (
        "(SELECT bool_or(strpos(t.told, n.needle) > 0) FROM "
        "(SELECT lower(encode(a.body, 'escape') COLLATE \"C\") AS told, a.needles "
        "FROM (SELECT %(expressions)s) AS a(body, needles) OFFSET 0) AS t, unnest(t.needles) AS n(needle))"
    )
    output_field = BooleanField()

    def __init__(self, column: str, needles: Sequence[str]) -> None:
        super().__init__(F(column), Value(list(needles), ArrayField(TextField())))


class SearchPatterns:
    """What gives a person away in text: the profile in any spelling, an e-mail or a row that is theirs alone.

    A phone alone gives nobody away, nor does an e-mail beside the address of another's profile: switchboards
    and shared inboxes have both.
    """

    def __init__(self, urls: Iterable[str], emails: Iterable[str], row_ids: Iterable[str] = ()) -> None:
        self.urls = {url for url in urls if url}
        self.emails = {email_key(email) for email in emails if email}
        self.row_ids = {row_id.casefold() for row_id in row_ids if row_id}

    def __bool__(self) -> bool:
        return bool(self.urls or self.emails or self.row_ids)

    @cached_property
    def patterns(self) -> list[str]:
        """Lower-case ASCII of which one stands in every text that gives the person away; empty: nothing is sure to.

        Of a slug its longest run of letters or digits: whatever stands between may be written as %2D or \\u002d.
        """
        slugs = [max(_ASCII_RUN.findall(_slug(url)), key=len, default="") for url in self.urls]
        patterns = [*slugs, *map(_pattern_of, self.emails), *self.row_ids]
        return [] if "" in patterns else patterns

    def kinds(self, text: str) -> tuple[str, ...]:
        """By which identifiers the text is about this person; empty: it is not, or nobody can say."""
        low = unquote(text).casefold() if "%" in text else text.casefold()
        if not self or (self.patterns and not any(pattern in low for pattern in self.patterns)):
            return ()
        people = set(profiles(text))
        if people & self.urls:
            return (URL,)
        if self.row_ids & set(low.split()):
            return (ROW,)
        if people:
            return ()
        return (EMAIL,) if self.emails & {email_key(each) for each in addresses(low)} else ()

    def in_bodies(self, rows: QuerySet[Any], column: str = "body") -> QuerySet[Any]:
        """Those of `rows` whose raw bytes may be about the person; `kinds` decides."""
        if not self.patterns:
            return rows if self else rows.none()
        return rows.filter(ContainsAny(column, [*self.patterns, _ESCAPED_ASCII]))


def _pattern_of(address: str) -> str:
    """What stands in the address however it is spelt: whole, unless its host may be written in its own script."""
    local, _, host = address.partition("@")
    if "xn--" not in host and local.isascii():
        return address
    return max(_ASCII_RUN.findall(local), key=len, default="")


def _slug(url: str) -> str:
    return url.removeprefix(PREFIX).lower()
