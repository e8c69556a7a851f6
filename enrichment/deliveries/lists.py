"""What the lists of Deliveries and of Webhooks share: an address's filters and words, and pages."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from swarm_admin.core.cache import cached
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.paging import Page, by_time, query_with

SIZES = (25, 50, 100)
OLDEST = "oldest"  # the other way to sort is newest first


class DeliveryList:
    """What both lists share. `params`: the address's query; what in it cannot be read counts as absent."""

    names: tuple[str, ...] = ()
    moment = ""
    open: tuple[str, ...] = ()  # statuses that change by themselves

    def __init__(self, params: QueryDict) -> None:
        self.params = QueryDict(mutable=True)
        for name in (*self.names, "q", "size", "sort"):
            if value := params.get(name, "").strip()[:100].replace("\x00", ""):
                self.params[name] = value
        self.after, self.before = parse_int(params.get("after")) or 0, parse_int(params.get("before")) or 0
        self.words = self.params.get("q", "")

    def choices(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        """{filter: (label, its choices)}."""
        raise NotImplementedError

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    @property
    def size(self) -> int:
        size = parse_int(self.params.get("size"))
        return size if size in SIZES else SIZES[0]

    @property
    def oldest_first(self) -> bool:
        return self.params.get("sort") == OLDEST

    @property
    def turned_query(self) -> str:
        """The query of the same list in the other order, from its beginning."""
        return self.query_with(sort=None if self.oldest_first else OLDEST)

    @property
    def query(self) -> str:
        """The address's query, without the page."""
        return self.params.urlencode()

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.chosen)

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The filters that are on, with a value that is among their choices."""
        return {
            name: value
            for name, (_, choices) in self.choices().items()
            if (value := self.params.get(name, "")) in dict(choices)
        }

    def query_with(self, **changes: Any) -> str:
        return query_with(self.params, **changes)

    def filters(self) -> list[dict[str, Any]]:
        """Each filter with its choices, for the form."""
        return [
            {"name": name, "label": label, "choices": choices, "value": self.chosen.get(name, "")}
            for name, (label, choices) in self.choices().items()
        ]

    def chips(self) -> list[dict[str, str]]:
        """The filters that are on, each with the query without it."""
        choices = self.choices()
        return [
            {
                "label": choices[name][0],
                "value": dict(choices[name][1])[value],
                "query": self.query_with(**{name: None}),
            }
            for name, value in self.chosen.items()
        ]

    def count(self) -> int:
        """How many rows there are in all, counted some seconds ago at most."""
        hashed = hashlib.sha256(self.query_with(size=None, sort=None).encode()).hexdigest()[:24]
        return int(cached(f"{type(self).__name__}:{hashed}", lambda: self.rows().order_by().count()))

    def ordered(self) -> QuerySet[Any]:
        """All rows in the order of the list, for a file."""
        names = [name for name in (self.moment, "pk") if name]
        return self.rows().order_by(*(name if self.oldest_first else f"-{name}" for name in names))

    @cached_property
    def page(self) -> Page[Any]:
        return by_time(
            self.rows(),
            size=self.size,
            moment=self.moment,
            after=self.after,
            before=self.before,
            oldest_first=self.oldest_first,
        )


def list_context(wanted: DeliveryList, address: str, noun: str) -> dict[str, Any]:
    """What a list of deliveries shows beside its rows: filters, chips, pages."""
    page = wanted.page
    whole = page.before is None and page.after is None
    return {
        "list": wanted,
        "rows": page.rows,
        "open_rows": any(row.status in wanted.open for row in page.rows),  # then the page asks again
        "filters": wanted.filters(),
        "chips": wanted.chips(),
        "address": reverse(address),
        "count_address": reverse(f"{address}_count"),
        "export_address": reverse(f"{address}_export"),
        "noun": noun,
        "known_count": len(page.rows) if whole and not (wanted.after or wanted.before) else None,
        "next_query": wanted.query_with(after=page.after) if page.after else "",
        "previous_query": wanted.query_with(before=page.before) if page.before else "",
        "sizes": SIZES,
    }
