"""Who supplied what: Clay's account of a run, in either shape, as ledger rows and as the attempt's providers."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from enrichment.models import Attempt, FieldFact, Lead, ProviderService, WaterfallVersion
from enrichment.states import AttemptStatus
from enrichment.vendors.clay.callback import KnownProvider
from enrichment.vendors.reading import Unreadable, moment
from enrichment.waterfall import spending
from swarm_admin.core.bulk_sql import insert_each

WATERFALLS = frozenset({"email", "phone", "company", "techstack"})  # as an answer may name the one it is of
CENT_OF_A_CENT = Decimal("0.0001")  # of a US dollar: as exact as the columns are


@dataclass(frozen=True)
class ProviderAnswer:
    """One provider's answer in a run: the fields it filled (none is a miss) and what it cost in US dollars.

    `waterfall`: in which, where that is told: one that is asked in two at one time has two answers.
    """

    provider: str
    fields: tuple[str, ...]
    at: datetime.datetime
    cost: Decimal
    waterfall: str = ""

    def document(self) -> dict[str, Any]:
        told = {"waterfall": self.waterfall} if self.waterfall else {}
        return {
            "name": self.provider,
            "fields": list(self.fields),
            "timestamp": self.at.isoformat(),
            "cost": str(self.cost),
            **told,
        }

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other answer of its lead."""
        return self.provider, self.at.isoformat(), self.waterfall


# {provider: [(the fields of one of its services, its price in US dollars)]}
Prices = Mapping[str, Sequence[tuple[frozenset[str], Decimal]]]


def prices() -> Prices:
    """What the catalogue says a hit costs; one query."""
    tabled = ProviderService.objects.filter(cost__isnull=False)
    price_list: dict[str, list[tuple[frozenset[str], Decimal]]] = {}
    for slug, fields, cost in tabled.values_list("provider__slug", "fields", "cost"):
        if cost is not None:
            price_list.setdefault(slug, []).append((frozenset(fields), cost))
    return price_list


def known_providers() -> dict[str, KnownProvider]:
    """{its slug, and its name in lower case: what the catalogue says of it}."""
    fields: dict[tuple[str, str], set[str]] = {}
    for slug, name, filled in ProviderService.objects.values_list("provider__slug", "provider__name", "fields"):
        fields.setdefault((slug, name.lower()), set()).update(filled)
    return {
        word: KnownProvider(slug, frozenset(filled)) for (slug, name), filled in fields.items() for word in (slug, name)
    }


def provider_answers(row: Mapping[str, Any], tabled: Prices) -> list[ProviderAnswer]:
    """What the row says of its providers: `providers_used`, else `provenance` nested or flat (D4).

    `tabled` is the price of what the row tells no cost of.
    """
    used = _dicts(row.get("providers_used"))
    if used:
        return _read(((e, e.get("fields_enriched")) for e in used), tabled)
    provenance = row.get("provenance")
    if not isinstance(provenance, dict):
        return []
    enrichment = provenance.get("enrichment")
    nested = _dicts(enrichment.get("providers")) if isinstance(enrichment, dict) else []
    if nested:
        return _read(((e, e.get("fields")) for e in nested), tabled)
    return _read(_by_call(_dicts(provenance.get("sources"))), tabled)


def _by_call(flat: Sequence[Mapping[str, Any]]) -> list[tuple[dict[str, Any], list[Any]]]:
    """The flat shape names a field a line; what one provider told at one time was one call, and has one price."""
    calls: dict[str, tuple[dict[str, Any], list[Any]]] = {}
    for entry in flat:
        told = {"name": entry.get("provider"), "timestamp": entry.get("timestamp")}
        calls.setdefault(repr(told), (told, []))[1].append(entry.get("field"))
    return list(calls.values())


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _read(entries: Iterable[tuple[Mapping[str, Any], Any]], tabled: Prices) -> list[ProviderAnswer]:
    """Of each entry with its fields; those without a name or a time tell nothing."""
    read = []
    for told, fields in entries:
        name, waterfall = told.get("name"), told.get("waterfall")
        if not isinstance(name, str) or not name.strip():
            continue
        try:
            at = moment(told.get("timestamp"))
        except Unreadable:
            continue
        filled = tuple(f[:64] for f in fields if isinstance(f, str) and f) if isinstance(fields, list) else ()
        slug = name.strip().lower()[:40]
        cost = _cost(told.get("cost"), slug, filled, tabled)
        read.append(ProviderAnswer(slug, filled, at, cost, waterfall if waterfall in WATERFALLS else ""))
    return read


def _cost(value: Any, slug: str, fields: Sequence[str], tabled: Prices) -> Decimal:
    """As told; where nothing is told, a hit costs what the catalogue says and a miss nothing."""
    try:
        if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
            cost = Decimal(str(value))
            if cost.is_finite() and 0 <= cost < 100_000:
                return cost.quantize(CENT_OF_A_CENT)
    except InvalidOperation:
        pass
    if not fields:
        return Decimal(0)
    offers = tabled.get(slug, ())
    return sum((cost for offered, cost in offers if offered.intersection(fields)), Decimal(0))


@dataclass
class LeadProvenance:
    """What is told of one lead. `attempts` are the lead's, newest first; `new_answers`: what no attempt holds yet."""

    lead: Lead
    answers: Sequence[ProviderAnswer]
    attempts: Sequence[Attempt]
    new_answers: list[ProviderAnswer] = field(default_factory=list)

    @property
    def cost(self) -> Decimal:
        """In US dollars, of what is new: a row told twice costs once."""
        return sum((supply.cost for supply in self.new_answers), Decimal(0))


def record_provenance(entries: Sequence[LeadProvenance], *, facts: bool = True) -> None:
    """Write what is new of all entries into the ledger, in one statement, and onto the newest attempt of each.

    Without `facts` only what it cost is written: nothing of what was found is kept.

    The attempts are changed as objects; the caller saves them. A lead that was never asked for here (Clay ran by
    itself, or the row is older than the lead) gets an attempt that says so: else what it cost would be in no book,
    and would count again with every message.
    """
    for entry in entries:
        past = (each for attempt in entry.attempts for each in attempt.providers)
        counted = {(each["name"], each["timestamp"], each.get("waterfall", "")) for each in past}
        entry.new_answers = [answer for answer in entry.answers if answer.key not in counted]
    asked = [(entry.attempts[0], entry) for entry in entries if entry.attempts and entry.new_answers]
    for attempt, entry in asked:
        attempt.providers = [*attempt.providers, *(supply.document() for supply in entry.new_answers)]
        attempt.cost += entry.cost
    asked += _add_unrequested([entry for entry in entries if not entry.attempts and entry.new_answers])
    new_answers = ((attempt, entry, supply) for attempt, entry in asked for supply in entry.new_answers if facts)
    insert_each(
        FieldFact, [fact for attempt, entry, supply in new_answers for fact in _facts(attempt, entry.lead, supply)]
    )
    spending.reopen([attempt.finished_at for attempt, _ in asked])


def _add_unrequested(entries: Sequence[LeadProvenance]) -> list[tuple[Attempt, LeadProvenance]]:
    """Attempts that Clay made by itself: only of whom it told, and over when the last of them had answered."""
    if not entries:
        return []
    version, now = WaterfallVersion.active(), timezone.now()
    attempts = Attempt.objects.bulk_create(
        Attempt(
            lead=entry.lead,
            waterfall=version,
            only_providers=sorted({supply.provider for supply in entry.new_answers}),
            providers=[supply.document() for supply in entry.new_answers],
            source_type=entry.lead.source_type,
            status=AttemptStatus.SUCCEEDED,
            started_at=(ended := _within(entry.lead.received_at, max(each.at for each in entry.new_answers), now)),
            finished_at=ended,
            cost=entry.cost,
        )
        for entry in entries
    )
    return list(zip(attempts, entries, strict=True))


def _within(first: datetime.datetime, at: datetime.datetime, last: datetime.datetime) -> datetime.datetime:
    return min(max(first, at), last)


def _facts(attempt: Attempt, lead: Lead, supply: ProviderAnswer) -> list[dict[str, Any]]:
    """One row per field, each with its share of the cost; what does not divide evenly is the first one's."""
    share = (supply.cost / max(len(supply.fields), 1)).quantize(CENT_OF_A_CENT, ROUND_DOWN)
    shared: dict[str, Any] = {
        "lead": lead.pk,
        "provider": supply.provider,
        "observed_at": supply.at,
        "cost": share,
        "attempt": attempt.pk,
    }
    facts = [{**shared, "field": name} for name in supply.fields]
    if facts:
        facts[0]["cost"] = supply.cost - share * (len(facts) - 1)
    return facts
