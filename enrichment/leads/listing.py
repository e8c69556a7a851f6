"""One page of a list of a million leads: sorts that follow an index, cursors, and searches that stay quick.

Three ways lead to a page. Where an index gives both filter and order, PostgreSQL is simply asked. Otherwise, where
PostgreSQL's statistics expect many leads to pass the filter, the first WALK leads in the sort's order are read
along its index and filtered: however many hundred thousand pass, a page is full soon. If it is not, or if few
are expected, they are found by the filter's own index and sorted. All three give the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, Func, IntegerField, OrderBy, Q, Value
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from enrichment.models import Lead
from enrichment.models.lead_queries import LeadQuerySet

Narrow = Callable[[LeadQuerySet], LeadQuerySet]
WALK = 3_000  # leads read along the sort's index before the filter's index is tried: some 5 ms
PAGE_SIZES = (25, 50, 100)
FARTHEST_PAGE = 100_000


class Row(Func):
    """Several columns compared as one, so that a cursor is one condition on an index."""

    function = "ROW"
    output_field = IntegerField()  # formal: only ever compared with another row


class Unindexed(Func):
    """The same value, in a form no index is kept on: the planner has to sort."""

    function = "GREATEST"


@dataclass(frozen=True)
class Sort:
    """`tail` is compared as one row, all in direction `descending`; `head` is sorted the other way, before it.

    `nullable`: the first column of the tail may be empty; empty ones come last when descending.
    """

    key: str
    tail: tuple[str, ...]
    descending: bool
    head: str = ""
    nullable: bool = False
    filters: frozenset[str] = frozenset()  # served by the same index, each with one value

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.head, *self.tail) if self.head else self.tail

    def order(self, *, backwards: bool = False, unindexed: bool = False) -> list[OrderBy]:
        down = self.descending != backwards
        terms = []
        for name in self.columns:
            column: Any = Unindexed(F(name)) if unindexed else F(name)
            falls = not down if name == self.head else down
            nulls = {"nulls_last": True} if falls else {"nulls_first": True}
            is_null = self.nullable and name == self.tail[0]
            terms.append(OrderBy(column, descending=falls, **(nulls if is_null else {})))
        return terms

    def after(self, anchor: Sequence[Any], *, backwards: bool = False) -> list[Q | Any]:
        """Conditions of what comes after a lead with these values of `columns`, each a stretch of the index."""
        down = self.descending != backwards
        further = LessThan if down else GreaterThan
        values = dict(zip(self.columns, anchor, strict=True))
        first, rest = self.tail[0], self.tail[1:]
        if self.nullable and values[first] is None:
            same = further(_row(rest), _values(rest, values))
            stretches: list[Any] = [Q(**{f"{first}__isnull": True}) & Q(same)]
            return stretches if down else [*stretches, Q(**{f"{first}__isnull": False})]
        here = Q(further(_row(self.tail), _values(self.tail, values)))
        if self.nullable and down:
            return [here, Q(**{f"{first}__isnull": True})]
        if self.head:
            beyond = "gt" if down else "lt"
            value = values[self.head]
            return [Q(**{self.head: value}) & here, Q(**{f"{self.head}__{beyond}": value})]
        return [here]

    def until(self, anchor: Sequence[Any], *, backwards: bool = False) -> Q:
        """A condition of what comes before a lead with these values, or is it. Of sorts without a head."""
        down = self.descending != backwards
        within = GreaterThanOrEqual if down else LessThanOrEqual
        values = dict(zip(self.columns, anchor, strict=True))
        here = Q(within(_row(self.tail), _values(self.tail, values)))
        return here if down or not self.nullable else here | Q(**{f"{self.tail[0]}__isnull": True})


def _row(names: Sequence[str]) -> Row:
    return Row(*(F(name) for name in names))


def _values(names: Sequence[str], values: dict[str, Any]) -> Row:
    return Row(*(Value(values[name], output_field=_field(name)) for name in names))


def _field(name: str) -> Any:
    return Lead._meta.get_field(name)


_received = frozenset({"status", "source"})
SORTS: dict[str, Sort] = {
    sort.key: sort
    for sort in (
        Sort("-received", ("received_at", "id"), True, filters=_received),
        Sort("received", ("received_at", "id"), False, filters=_received),
        Sort("-score", ("icp_score", "id"), True, nullable=True),
        Sort("score", ("icp_score", "id"), False, nullable=True),
        Sort("company", ("company_name", "id"), False),
        Sort("-company", ("company_name", "id"), True),
        Sort("name", ("last_name", "first_name", "id"), False),
        Sort("-name", ("last_name", "first_name", "id"), True),
        Sort("status", ("received_at", "id"), True, head="enrichment_status", filters=frozenset({"status"})),
        Sort("-status", ("received_at", "id"), False, head="enrichment_status", filters=frozenset({"status"})),
    )
}
DEFAULT_SORT = "-received"


@dataclass(frozen=True)
class Slice:
    """`rows` in order. `more_after`, `more_before`: whether there is a further page that way."""

    rows: list[Lead]
    more_after: bool
    more_before: bool


def served_by_index(sort: Sort, filters: set[str], single: set[str]) -> bool:
    """Whether the sort's index, or one beside it, gives these filters too. `single`: those with one value."""
    if not filters:
        return True
    if sort.key.endswith("received") and filters == single == {"tier", "source"}:
        return True
    return len(filters) == 1 and filters <= sort.filters & single


def read_page(
    leads: LeadQuerySet,
    sort: Sort,
    *,
    size: int,
    page: int = 1,
    anchor: int | None = None,
    backwards: bool = False,
    by_index: bool = True,
    narrow: Narrow | None = None,
) -> Slice:
    """One page of `narrow(leads)`.

    `anchor`: the lead after which (`backwards`: before which) the page begins, at the cost of a first page;
    without it, or where that lead is gone, the page is counted off. `by_index`: see `served_by_index`.
    """
    values = _anchor_values(sort, anchor)
    if values is None:
        rows = _page_by_number(leads, sort, size, page, by_index, narrow)
        return Slice(rows[:size], len(rows) > size, page > 1)
    rows = []
    for stretch in sort.after(values, backwards=backwards):
        wanted = size + 1 - len(rows)
        if wanted <= 0:
            break
        rows += _first_keys(leads.filter(stretch), sort, wanted, by_index, narrow, backwards=backwards)
    if backwards:
        return Slice(rows[:size][::-1], True, len(rows) > size)
    return Slice(rows[:size], len(rows) > size, True)


def _anchor_values(sort: Sort, anchor: int | None) -> tuple[Any, ...] | None:
    if anchor is None:
        return None
    return Lead.objects.filter(pk=anchor).values_list(*sort.columns).first()


def _first_keys(
    leads: LeadQuerySet,
    sort: Sort,
    wanted: int,
    by_index: bool,
    narrow: Narrow | None,
    *,
    backwards: bool = False,
) -> list[Lead]:
    order = sort.order(backwards=backwards)
    if narrow is None:
        return list(leads.order_by(*order)[:wanted])
    if by_index:
        return list(narrow(leads).order_by(*order)[:wanted])
    if estimate(narrow(leads)) * WALK >= wanted * all_leads() / 2:
        keys = list(narrow(_walk(leads, sort, backwards)).order_by(*order)[:wanted])
        if len(keys) == wanted:
            return keys
    return list(narrow(leads).order_by(*sort.order(backwards=backwards, unindexed=True))[:wanted])


def _walk(leads: LeadQuerySet, sort: Sort, backwards: bool) -> LeadQuerySet:
    """At least the first WALK of `leads` in the sort's order, or all where there are fewer."""
    ordered = leads.order_by(*sort.order(backwards=backwards))
    last = ordered.values_list(*sort.columns)[WALK : WALK + 1].first()
    if last is None:
        return leads
    if sort.head or last[0] is None:
        return leads.filter(pk__in=ordered.values("pk")[:WALK])
    return leads.filter(sort.until(last, backwards=backwards))


def estimate(leads: LeadQuerySet) -> int:
    """How many leads PostgreSQL expects there to be, from its statistics: no lead is read. At least 1."""
    try:
        plan = leads.order_by().values("pk").explain(format="json")
    except EmptyResultSet:
        plan = ""
    if not plan:  # known without a look: of words without a letter, for instance
        return 1
    return max(int(json.loads(plan)[0]["Plan"]["Plan Rows"]), 1)


def all_leads() -> int:
    """How many leads there are by PostgreSQL's last count. At least 1."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Lead._meta.db_table])
        return max(int(cursor.fetchone()[0]), 1)


def _page_by_number(
    leads: LeadQuerySet,
    sort: Sort,
    size: int,
    page: int,
    by_index: bool,
    narrow: Narrow | None,
) -> list[Lead]:
    """Page `page` by its number: the ids are counted off in the index alone, then the rows fetched."""
    if page == 1:
        return _first_keys(leads, sort, size + 1, by_index, narrow)
    start = (page - 1) * size
    # Where far more are expected than are counted off, they are soon met along the sort's own index.
    walks = narrow is None or by_index or estimate(narrow(leads)) > 4 * (start + size)
    ordered = leads.order_by(*sort.order(unindexed=not walks))
    ids = list((narrow(ordered) if narrow else ordered).values_list("pk", flat=True)[start : start + size + 1])
    rows = {lead.pk: lead for lead in leads.filter(pk__in=ids)}
    return [rows[pk] for pk in ids if pk in rows]
