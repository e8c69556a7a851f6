"""The list of leads as an address asks for it: words, filters, sort, page."""

from __future__ import annotations

import datetime
import hashlib
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.http import QueryDict

from enrichment.leads import searches
from enrichment.leads.columns import Column, fields_of
from enrichment.leads.filters import LeadFilter
from enrichment.leads.listing import DEFAULT_SORT, FARTHEST_PAGE, PAGE_SIZES, SORTS, Slice, read_page, served_by_index
from enrichment.models import Lead
from enrichment.models.lead_queries import LeadQuerySet
from swarm_admin.core.cache import cached
from swarm_admin.core.masking import may_see
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.paging import query_with

MOVES = ("page", "after", "before")  # what belongs to one page of the list and not to the list
PERSONAL_SORTS = ("name", "-name")
MOST_NEW = 1_000  # new leads are counted so far


class LeadList:
    """`params`: the address's query (or a form's copy of it). Whatever in it cannot be read counts as absent.

    `user`: whoever may not see personal data can neither search nor sort by it, masked as it is.
    """

    def __init__(self, params: QueryDict, *, user: Any) -> None:
        self.personal = may_see(user)
        self.params = QueryDict(mutable=True)
        known = {*LeadFilter.base_filters, "find", "sort", "size"}
        for name, values in params.lists():
            cleaned = [value for value in values if value]
            if name in known and cleaned:
                self.params.setlist(name, cleaned)
        if words := params.get("q", ""):  # a link of somebody's own making; ours never carry the words
            self.params["find"] = searches.remember_search(words, by=user)
        self.page = min(max(_number(params.get("page"), 1), 1), FARTHEST_PAGE)
        self.after, self.before = _number(params.get("after"), 0), _number(params.get("before"), 0)
        self.words = searches.search_words(self.params.get("find", ""))

    @cached_property
    def filter(self) -> LeadFilter:
        return LeadFilter(self.params, queryset=Lead.objects.all())

    @cached_property
    def applied(self) -> dict[str, list[str]]:
        return self.filter.applied()

    @property
    def search_expired(self) -> bool:
        return self.words is None

    @property
    def sort(self) -> str:
        wanted = self.params.get("sort", "")
        allowed = wanted in SORTS and (self.personal or wanted not in PERSONAL_SORTS)
        return wanted if allowed else DEFAULT_SORT

    @property
    def size(self) -> int:
        size = _number(self.params.get("size"), PAGE_SIZES[0])
        return size if size in PAGE_SIZES else PAGE_SIZES[0]

    @property
    def first(self) -> int:
        """The number of the page's first lead, from 1."""
        return (self.page - 1) * self.size + 1

    @property
    def is_narrowed(self) -> bool:
        return bool(self.applied) or self.words != ""

    @property
    def query(self) -> str:
        """The address's query, without the page."""
        return self.params.urlencode()

    @property
    def query_here(self) -> str:
        """The query of this very page, cursor included: opened again it is as quick."""
        if self.page == 1:
            return self.query
        return self.query_with(page=self.page, after=self.after or None, before=self.before or None)

    def query_with(self, **changes: Any) -> str:
        return query_with(self.params, **changes)

    def narrow(self, leads: LeadQuerySet) -> LeadQuerySet:
        if self.words is None:
            return leads.none()
        return self.filter.narrow(leads.matching(self.words, personal=self.personal))

    def everything(self) -> LeadQuerySet:
        """All leads of the list, in its order."""
        return self.narrow(Lead.objects.order_by(*SORTS[self.sort].order()))

    def slice(self, columns: list[Column]) -> Slice:
        """The leads of the page, with the fields of `columns` alone."""
        if self.words is None:
            return Slice([], False, False)
        names = {*self.applied, *(["search"] if self.words else [])}
        single = {name for name, values in self.applied.items() if len(values) == 1}
        sort = SORTS[self.sort]
        return read_page(
            Lead.objects.only(*fields_of(columns)),
            sort,
            size=self.size,
            page=self.page,
            anchor=self.after or self.before or None,
            backwards=bool(self.before and not self.after),
            by_index=served_by_index(sort, names, single),
            narrow=self.narrow if names else None,
        )

    def count(self) -> int:
        """How many leads there are in all, counted some seconds ago at most."""
        # Whoever searches fewer columns counts other leads.
        asked = f"{self.personal}:{self.query_with(sort=None, size=None)}"
        hashed = hashlib.sha256(asked.encode()).hexdigest()[:24]
        return int(cached(f"leads:{hashed}", lambda: self.narrow(Lead.objects.all()).count()))

    def count_new(self, since: datetime.datetime) -> int:
        """How many leads of the list were received after `since`; MOST_NEW stands for more."""
        return self.narrow(Lead.objects.filter(received_at__gt=since)).order_by()[:MOST_NEW].count()

    def headers(self, columns: list[Column]) -> list[dict[str, Any]]:
        """The head of the table: label, the query that sorts by it, and how it is sorted now."""
        return [self._header(column) for column in columns]

    def _header(self, column: Column) -> dict[str, Any]:
        if not column.sort or (column.sort in PERSONAL_SORTS and not self.personal):
            return {"column": column, "query": "", "sorted": ""}
        sorted_now = {column.sort: "ascending", f"-{column.sort}": "descending"}.get(self.sort, "")
        query = self.query_with(sort=self._next_sort(column.sort))
        return {"column": column, "query": query, "sorted": sorted_now}

    def _next_sort(self, key: str) -> str:
        """The other direction of what is sorted; at first, numbers and times begin with the greatest."""
        if self.sort in (key, f"-{key}"):
            return key if self.sort.startswith("-") else f"-{key}"
        return f"-{key}" if key in ("score", "received") else key


def _number(text: str | None, otherwise: int) -> int:
    number = parse_int(text)
    return otherwise if number is None else number


def lead_figures() -> dict[str, Any]:
    """All leads by status and by tier, counted some seconds ago at most.

    `{"total", "status": {status: n}, "tier": {1, 2, 3, None: n}}`
    """
    return dict(cached("leads:figures", _count_figures))


def _count_figures() -> dict[str, Any]:
    rows = Lead.objects.order_by().values_list("enrichment_status", "icp_tier").annotate(n=Count("id"))
    status: dict[str, int] = {}
    tier: dict[int | None, int] = {}
    for state, number, n in rows:
        status[state] = status.get(state, 0) + n
        tier[number] = tier.get(number, 0) + n
    return {"total": sum(status.values()), "status": status, "tier": tier}
