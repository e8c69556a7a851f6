"""How often each provider was asked and answered, counted in the attempts ledger, which records misses too.

PostgreSQL groups attempts that went alike (same providers, fields and costs): a few hundred kinds of run out of any
number. What each entry was asked for is read from the document the attempt ran under.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import connection

from enrichment.documents.waterfall import Waterfall, WaterfallDocument
from enrichment.models import Attempt, ProviderService, SourceType, WaterfallVersion
from enrichment.waterfall.countries import country_of
from swarm_admin.core.cache import cached

NEWEST = 100_000  # attempts looked at: an interval is then within a third of a percent, and the past is left behind
BANDS = (50, 100, 200, 2001, 5001)  # as the published scorecard cuts sizes
BAND_NAMES = ("under 50", "50 to 99", "100 to 199", "200 to 2,000", "2,001 to 5,000", "over 5,000")
UNKNOWN = "not known"


class Segment(StrEnum):
    """What leads are told apart by."""

    ALL = ""
    SIZE = "size"
    COUNTRY = "country"
    SOURCE = "source"


_EXPRESSIONS = {
    Segment.ALL: "''",
    Segment.SIZE: (
        f"CASE WHEN l.company_size > 0 THEN width_bucket(l.company_size, ARRAY{list(BANDS)}::float8[])::text "
        "ELSE '' END"
    ),
    Segment.COUNTRY: "btrim(substring(l.company_location from '[^,]*$'))",
    Segment.SOURCE: "coalesce(nullif(a.source_type, ''), l.source_type)",
}


@dataclass
class Count:
    """`asked` calls, `hits` that found something, `ends` of these that ended the waterfall.

    `cost` in US dollars of the `priced` calls (those whose cost is this waterfall's alone), `paid_misses`: calls that
    found nothing and cost something.
    """

    asked: int = 0
    hits: int = 0
    ends: int = 0
    cost: float = 0.0
    priced_hits: int = 0
    priced: int = 0
    paid_misses: int = 0

    def add(self, other: Count) -> None:
        self.asked += other.asked
        self.hits += other.hits
        self.ends += other.ends
        self.cost += other.cost
        self.priced_hits += other.priced_hits
        self.priced += other.priced
        self.paid_misses += other.paid_misses


# (segment's value, kind of waterfall, provider, who was asked before it there; None: not known)
Key = tuple[str, str, str, frozenset[str] | None]


@dataclass(frozen=True)
class ProviderStats:
    """`attempts`: how many were counted; `unclear`: misses that could have been of either of two waterfalls.

    `tells_misses`: False where not one miss was ever told; then every share would be 1, and none is used.
    """

    segment: Segment
    attempts: int
    counts: Mapping[Key, Count]
    unclear: int = 0
    tells_misses: bool = True
    sizes: Mapping[str, int] = field(default_factory=dict)

    def values(self) -> list[str]:
        """The segment's values, the most frequent first."""
        return sorted(self.sizes, key=lambda value: (-self.sizes[value], value))

    def of(self, kind: str, slug: str, value: str | None = None) -> Count:
        """In any place; of one value of the segment, or of all."""
        return self._sum(key for key in self.counts if self._fits(key, kind, slug, value))

    def after(self, kind: str, slug: str, value: str | None = None) -> dict[frozenset[str], Count]:
        """By who was asked before it in the same waterfall and run."""
        counts: dict[frozenset[str], Count] = {}
        for key in self.counts:
            if self._fits(key, kind, slug, value) and key[3] is not None:
                counts.setdefault(key[3], Count()).add(self.counts[key])
        return counts

    def _fits(self, key: Key, kind: str, slug: str, value: str | None) -> bool:
        return key[1:3] == (kind, slug) and value in (None, key[0])

    def _sum(self, keys: Iterable[Key]) -> Count:
        total = Count()
        for key in keys:
            total.add(self.counts[key])
        return total


@dataclass(frozen=True)
class Run:
    """Attempts that went alike: how many, by which document, and what each provider found and cost, as told.

    `partial`: only some providers were asked, because others had been before (a fill-in, or what had broken off).
    """

    value: str
    version: int
    partial: bool
    without: tuple[str, ...]
    entries: tuple[tuple[str, frozenset[str], float], ...]
    many: int


def provider_stats(segment: Segment = Segment.ALL) -> ProviderStats:
    """The newest attempts, as of some seconds ago at most (see `core.cache`)."""
    stats: ProviderStats = cached(f"waterfall:provider_stats:{segment}", lambda: read_stats(segment))
    return stats


def read_stats(segment: Segment = Segment.ALL, newest: int = NEWEST) -> ProviderStats:
    """The newest finished attempts as of now."""
    documents = {
        version.pk: WaterfallDocument.model_validate(version.document) for version in WaterfallVersion.objects.all()
    }
    offered = fields_offered()
    counts: dict[Key, Count] = {}
    sizes: dict[str, int] = {}
    attempts = unclear = misses = 0
    for run in _runs(segment, newest):
        attempts += run.many
        sizes[run.value] = sizes.get(run.value, 0) + run.many
        called, dropped = assign_calls(run, documents[run.version], offered)
        unclear += dropped * run.many
        for kind, slug, before, count in called:
            misses += (count.asked - count.hits) * run.many
            counts.setdefault((run.value, kind, slug, before), Count()).add(_multiplied(count, run.many))
    return ProviderStats(segment, attempts, counts, unclear, misses > 0 or not counts, sizes)


def _multiplied(one: Count, many: int) -> Count:
    return Count(
        one.asked * many,
        one.hits * many,
        one.ends * many,
        one.cost * many,
        one.priced_hits * many,
        one.priced * many,
        one.paid_misses * many,
    )


def fields_offered() -> dict[str, frozenset[str]]:
    """{kind of waterfall: the fields any provider fills for it}."""
    found: dict[str, set[str]] = {}
    for kind, fields in ProviderService.objects.values_list("waterfall", "fields"):
        found.setdefault(kind, set()).update(fields)
    return {kind: frozenset(fields) for kind, fields in found.items()}


# ---------------------------------------------------------------- which waterfall asked


Called = tuple[str, str, frozenset[str] | None, Count]


def assign_calls(
    run: Run, document: WaterfallDocument, offers: Mapping[str, frozenset[str]]
) -> tuple[list[Called], int]:
    """(kind, provider, asked before it, its count) of every call of one such run; how many could not be told.

    What was found says which waterfall asked. A miss belongs to the one waterfall that had reason to ask: it lists
    the provider, has no other entry of it, and no earlier provider had ended it.
    """
    falls = {kind: fall for kind, fall in document.waterfalls().items() if kind not in run.without}
    calls: dict[str, dict[str, Count]] = {kind: {} for kind in falls}
    missed: list[tuple[str, float]] = []
    for slug, fields, cost in run.entries:
        found_in = [
            kind for kind, fall in falls.items() if slug in fall.providers and fields & offers.get(kind, frozenset())
        ]
        for kind in found_in:
            own = cost if len(found_in) == 1 else None
            ends = stops_waterfall(kind, falls[kind], fields)
            calls[kind].setdefault(slug, Count()).add(_call(hit=True, ends=ends, cost=own))
        if not found_in and any(slug in fall.providers for fall in falls.values()) and not fields:
            missed.append((slug, cost))
    unclear = 0
    for slug in dict.fromkeys(slug for slug, _ in missed):
        costs = [cost for each, cost in missed if each == slug]
        asking = [kind for kind in falls if _should_have_been_asked(slug, falls[kind], calls[kind])]
        if len(costs) != len(asking):
            unclear += len(costs)
            continue
        for kind, cost in zip(asking, costs, strict=True):
            calls[kind][slug] = _call(hit=False, ends=False, cost=cost)
    return list(_in_order(falls, calls, run.partial)), unclear


def _call(*, hit: bool, ends: bool, cost: float | None) -> Count:
    return Count(
        asked=1,
        hits=int(hit),
        ends=int(ends),
        cost=cost or 0.0,
        priced_hits=int(hit and cost is not None),
        priced=int(cost is not None),
        paid_misses=int(not hit and bool(cost)),
    )


def stops_waterfall(kind: str, fall: Waterfall, fields: frozenset[str]) -> bool:
    """A personal address alone is no success where a work address is preferred."""
    return kind != "email" or not getattr(fall, "prefer_work_email", False) or "email_work" in fields


def _should_have_been_asked(slug: str, fall: Waterfall, calls: Mapping[str, Count]) -> bool:
    if slug not in fall.providers or slug in calls:
        return False
    earlier = fall.providers[: fall.providers.index(slug)]
    return fall.asks_all() or not any(calls[each].ends for each in earlier if each in calls)


def _in_order(
    falls: Mapping[str, Waterfall], calls: Mapping[str, Mapping[str, Count]], partial: bool
) -> Iterator[Called]:
    for kind, fall in falls.items():
        before: frozenset[str] = frozenset()
        for slug in fall.providers:
            if slug in calls[kind]:
                yield kind, slug, None if partial else before, calls[kind][slug]
                before |= {slug}


# ---------------------------------------------------------------- reading


def _runs(segment: Segment, newest: int) -> Iterator[Run]:
    # What was learned with a lead that is deleted stays; what kind of lead it was is no longer known.
    joined = "" if segment == Segment.ALL else "LEFT JOIN enrichment_lead l ON l.id = a.lead_id"
    query = f"""
        SELECT {_EXPRESSIONS[segment]}, a.waterfall_id,
               cardinality(a.only_providers) > 0 OR a.answered <> '{{}}', a.without,
               jsonb_path_query_array(a.providers, '$[*].name'),
               jsonb_path_query_array(a.providers, '$[*].fields'),
               jsonb_path_query_array(a.providers, '$[*].cost'), count(*)
        FROM (SELECT * FROM {Attempt._meta.db_table} WHERE finished_at IS NOT NULL AND providers <> '[]'
              ORDER BY finished_at DESC LIMIT %s) AS a {joined}
        GROUP BY 1, 2, 3, 4, 5, 6, 7
    """  # noqa: S608  (expressions of ours)
    with connection.cursor() as cursor:
        cursor.execute(query, [newest])
        for value, version, partial, without, names, fields, costs, many in cursor.fetchall():
            yield Run(
                _segment_value(segment, value), version, partial, tuple(without), _entries(names, fields, costs), many
            )


def _entries(names: Any, fields: Any, costs: Any) -> tuple[tuple[str, frozenset[str], float], ...]:
    """Entries that lack a part cannot be told from each other here; such a run counts for nothing."""
    slugs, filled, paid = as_list(names), as_list(fields), as_list(costs)
    if not len(slugs) == len(filled) == len(paid):
        return ()
    return tuple(
        (str(slug), frozenset(each), float(cost)) for slug, each, cost in zip(slugs, filled, paid, strict=True)
    )


def as_list(value: Any) -> list[Any]:
    return list(json.loads(value)) if isinstance(value, str) else list(value)


def _segment_value(segment: Segment, value: str | None) -> str:
    if segment == Segment.SIZE:
        return BAND_NAMES[int(value)] if value else UNKNOWN
    if segment == Segment.COUNTRY:
        return country_of(value or "") or UNKNOWN
    if segment == Segment.SOURCE:
        return dict(SourceType.choices).get(value or "", value or UNKNOWN)
    return ""
