"""The plan of record beside what comes back: which providers answered, in which order, and who never does.

Clay tells who answered, and may tell who did not; its set-up cannot be read. So only what an answer shows is said: a
provider that is not in the plan, one that came before its turn, one that was called after a match, one without a match.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from enrichment.documents.waterfall import Waterfall, WaterfallDocument
from enrichment.labels import provider_name
from enrichment.models import Attempt, Provider, WaterfallKind, WaterfallVersion
from enrichment.states import AttemptStatus
from enrichment.waterfall.provider_stats import NEWEST, as_list, fields_offered, stops_waterfall
from swarm_admin.core.cache import cached

OF_NOBODY = "clay"  # whom a cost is booked to that no waterfall tells of: no provider
LEAST = 20  # results of which one should have had a match before "never" is said
IN_WORDS = {"email": "e-mail", "phone": "phone numbers", "company": "company data", "techstack": "tech stacks"}


@dataclass(frozen=True)
class Results:
    """Results that went alike: `entries` are (provider's slug, fields it filled; none is a miss), as Clay told them."""

    entries: tuple[tuple[str, frozenset[str]], ...]
    many: int
    first: datetime.datetime
    last: datetime.datetime


@dataclass
class Deviation:
    """Something in the results that the plan does not say; `many` results show it, from `first` to `last`.

    `first` is None where it is what no result shows.
    """

    sentence: str
    many: int = 0
    first: datetime.datetime | None = None
    last: datetime.datetime | None = None

    def add(self, results: Results) -> None:
        self.many += results.many
        self.first = min(self.first or results.first, results.first)
        self.last = max(self.last or results.last, results.last)


@dataclass
class PlanResults:
    """`counted`: results looked at. `against`: what contradicts the plan; `unseen`: what none of them shows."""

    counted: int = 0
    against: list[Deviation] = field(default_factory=list)
    unseen: list[Deviation] = field(default_factory=list)


def plan_results(version: WaterfallVersion, since: datetime.datetime) -> PlanResults:
    """The newest results of leads submitted since then, beside this version; a few seconds old at most."""
    key = f"waterfall:plan_results:{version.pk}:{since.timestamp()}"
    shown: PlanResults = cached(key, lambda: read_plan_results(version, since))
    return shown


def read_plan_results(version: WaterfallVersion, since: datetime.datetime) -> PlanResults:
    """As of now."""
    document = WaterfallDocument.model_validate(version.document)
    return compare(_results(since), document, fields_offered())


def compare(
    results: Iterable[Results], document: WaterfallDocument, offers: Mapping[str, frozenset[str]]
) -> PlanResults:
    """`offers`: {kind of waterfall: the fields any provider fills for it}."""
    compared, found = PlanResults(), _Found(document, offers)
    for each in results:
        compared.counted += each.many
        found.look_at(each)
    compared.against = found.against()
    compared.unseen = found.unseen(compared.counted)
    return compared


class _Found:
    """What is gathered over all results of one document."""

    def __init__(self, document: WaterfallDocument, offers: Mapping[str, frozenset[str]]) -> None:
        self.falls = document.waterfalls()
        self.offers = offers
        self.deviations: dict[tuple[str, ...], Deviation] = {}
        self.matches: dict[tuple[str, str], int] = {}
        self.reached: dict[tuple[str, str], int] = {}
        lists = [slug for fall in self.falls.values() for slug in fall.providers]
        self.in_one_fall = {slug for slug in lists if lists.count(slug) == 1}
        self.beside: set[str] = set()  # called for what no waterfall looks for, such as the profile itself

    def look_at(self, results: Results) -> None:
        for slug, fields in results.entries:
            self._look_for_strangers(results, slug, fields)
        for kind, fall in self.falls.items():
            calls = self._calls_of(kind, fall, results)
            self._count(kind, fall, calls, results.many)
            if not fall.asks_all():
                self._look_at_order(kind, fall, calls, results)

    def _look_for_strangers(self, results: Results, slug: str, fields: frozenset[str]) -> None:
        kinds = [kind for kind in self.falls if fields & self.offers.get(kind, frozenset())]
        if fields and not kinds:
            self.beside.add(slug)
            return
        listed = [kind for kind in kinds or self.falls if slug in self.falls[kind].providers]
        if listed:
            return
        purpose = f" for {IN_WORDS[kinds[0]]}" if kinds else ""
        sentence = f"Clay called {provider_name(slug)}{purpose}, which is not in the published order."
        self._note((slug, *kinds[:1]), sentence, results)

    def _calls_of(self, kind: str, fall: Waterfall, results: Results) -> list[tuple[str, frozenset[str]]]:
        """The calls that were certainly this waterfall's: what was found says so, or nobody else asks this provider."""
        own = self.offers.get(kind, frozenset())
        return [
            (slug, fields & own)
            for slug, fields in results.entries
            if slug in fall.providers and (fields & own or (not fields and slug in self.in_one_fall))
        ]

    def _count(self, kind: str, fall: Waterfall, calls: list[tuple[str, frozenset[str]]], many: int) -> None:
        found = {slug: fields for slug, fields in calls if fields}
        for slug in fall.providers:
            key = (kind, slug)
            self.reached[key] = self.reached.get(key, 0) + many
            if slug in found:
                self.matches[key] = self.matches.get(key, 0) + many
                if not fall.asks_all() and stops_waterfall(kind, fall, found[slug]):
                    break

    def _look_at_order(
        self, kind: str, fall: Waterfall, calls: list[tuple[str, frozenset[str]]], results: Results
    ) -> None:
        label = WaterfallKind(kind).label
        for (slug, fields), (later, told) in itertools.pairwise(calls):
            if fall.providers.index(later) < fall.providers.index(slug):
                sentence = f"{label}: Clay called {provider_name(slug)} before {provider_name(later)}."
            elif fields and stops_waterfall(kind, fall, fields) and not _may_be_the_later_s(kind, fall, fields, told):
                sentence = f"{label}: Clay called {provider_name(later)} after {provider_name(slug)} had a match."
            else:
                continue
            self._note((kind, slug, later), sentence, results)

    def _note(self, key: tuple[str, ...], sentence: str, results: Results) -> None:
        self.deviations.setdefault(key, Deviation(sentence)).add(results)

    def against(self) -> list[Deviation]:
        """The most frequent first. A miss of one that is called beside the waterfalls may be none of theirs."""
        theirs = [each for key, each in self.deviations.items() if not (len(key) == 1 and key[0] in self.beside)]
        return sorted(theirs, key=lambda each: -each.many)

    def unseen(self, counted: int) -> list[Deviation]:
        """Waterfalls of which no result names a provider, and providers of the others that had no match."""
        silent = []
        for kind, fall in self.falls.items():
            if not fall.providers or counted < LEAST:
                continue
            if not any(self.matches.get((kind, slug)) for slug in fall.providers):
                sentence = f"No result names a provider for {IN_WORDS[kind]}. Check that Clay sends {kind}_provider."
                silent.append(Deviation(sentence, counted))
                continue
            for slug in fall.providers:
                turns = self.reached.get((kind, slug), 0)
                if turns >= LEAST and not self.matches.get((kind, slug)):
                    sentence = (
                        f"{WaterfallKind(kind).label}: {provider_name(slug)} never had a match when it was its turn."
                    )
                    silent.append(Deviation(sentence, turns))
        return silent


def _may_be_the_later_s(kind: str, fall: Waterfall, fields: frozenset[str], later: frozenset[str]) -> bool:
    """Whether what ended the waterfall may be the later one's alone, and the earlier had something that ends nothing.

    A row that names several providers of a waterfall does not tell which of them filled which column.
    """
    ends = {name for name in fields if stops_waterfall(kind, fall, frozenset({name}))}
    return ends < fields and ends <= later


# ---------------------------------------------------------------- reading


def _results(since: datetime.datetime) -> Iterable[Results]:
    table = Attempt._meta.db_table
    query = f"""
        SELECT jsonb_path_query_array(a.providers, '$[*].name'), jsonb_path_query_array(a.providers, '$[*].fields'),
               count(*), min(finished_at), max(finished_at)
        FROM (SELECT providers, finished_at FROM {table}
              WHERE finished_at >= %s AND started_at >= %s AND (status = %s OR providers <> '[]')
              ORDER BY finished_at DESC LIMIT %s) AS a
        GROUP BY 1, 2
    """  # noqa: S608  (a table of ours)
    slugs = _slugs()
    with connection.cursor() as cursor:
        cursor.execute(query, [since, since, AttemptStatus.SUCCEEDED, NEWEST])
        for names, fields, many, first, last in cursor.fetchall():
            yield Results(_entries(names, fields, slugs), many, first, last)


def _entries(names: Any, fields: Any, slugs: Mapping[str, str]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Entries that lack a part cannot be told from each other here; such results show nobody."""
    told, filled = as_list(names), as_list(fields)
    if len(told) != len(filled):
        return ()
    pairs = [(str(name), frozenset(each)) for name, each in zip(told, filled, strict=True) if name != OF_NOBODY]
    return tuple((slugs.get(_plain(name), name), fields) for name, fields in pairs)


def _slugs() -> dict[str, str]:
    """{name without its punctuation: slug}: people write "Hunter.io" and "hunter" for one provider."""
    known = Provider.objects.values_list("slug", "name")
    return {_plain(word): slug for slug, name in known for word in (slug, name)}


def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())
