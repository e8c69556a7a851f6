"""Who supplied what: Clay's account of a run, in either shape, as ledger rows and as the attempt's providers."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from enrichment.bulk import insert_each
from enrichment.models import Attempt, FieldFact, Lead, ProviderService
from enrichment.pipeline.normalise import Unreadable, moment
from enrichment.waterfall import spending


@dataclass(frozen=True)
class Supply:
    """One provider's answer in a run: the fields it filled (none is a miss) and what it cost in US dollars."""

    provider: str
    fields: tuple[str, ...]
    at: datetime.datetime
    cost: Decimal

    def document(self) -> dict[str, Any]:
        return {
            "name": self.provider,
            "fields": list(self.fields),
            "timestamp": self.at.isoformat(),
            "cost": str(self.cost),
        }


# {provider: [(the fields of one of its services, its price in US dollars)]}
Prices = Mapping[str, Sequence[tuple[frozenset[str], Decimal]]]


def prices() -> Prices:
    """What the catalogue says a hit costs; one query."""
    tabled = ProviderService.objects.filter(cost__isnull=False)
    found: dict[str, list[tuple[frozenset[str], Decimal]]] = {}
    for slug, fields, cost in tabled.values_list("provider__slug", "fields", "cost"):
        if cost is not None:
            found.setdefault(slug, []).append((frozenset(fields), cost))
    return found


def supplies(row: Mapping[str, Any], tabled: Prices) -> list[Supply]:
    """What the row says of its providers: `providers_used`, else `provenance` nested or flat (D4).

    `tabled` is the price of what the row tells no cost of.
    """
    used = _dicts(row.get("providers_used"))
    if used:
        told = ((e.get("name"), e.get("fields_enriched"), e.get("timestamp"), e.get("cost")) for e in used)
        return _read(told, tabled)
    provenance = row.get("provenance")
    if not isinstance(provenance, dict):
        return []
    enrichment = provenance.get("enrichment")
    nested = _dicts(enrichment.get("providers")) if isinstance(enrichment, dict) else []
    if nested:
        return _read(
            ((e.get("name"), e.get("fields"), e.get("timestamp"), e.get("cost")) for e in nested), tabled
        )
    flat = _dicts(provenance.get("sources"))
    return _read(((e.get("provider"), [e.get("field")], e.get("timestamp"), None) for e in flat), tabled)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _read(entries: Any, tabled: Prices) -> list[Supply]:
    read = []
    for name, fields, timestamp, cost in entries:
        if not isinstance(name, str) or not name.strip():
            continue
        try:
            at = moment(timestamp)
        except Unreadable:
            continue
        filled = tuple(f[:64] for f in fields if isinstance(f, str) and f) if isinstance(fields, list) else ()
        slug = name.strip().lower()[:40]
        read.append(Supply(slug, filled, at, _cost(cost, slug, filled, tabled)))
    return read


def _cost(told: Any, slug: str, fields: Sequence[str], tabled: Prices) -> Decimal:
    """As told; where nothing is told, a hit costs what the catalogue says and a miss nothing."""
    try:
        if told is not None and not isinstance(told, bool):
            cost = Decimal(str(told))
            if cost.is_finite() and 0 <= cost < 100_000:
                return cost.quantize(Decimal("0.0001"))
    except InvalidOperation:
        pass
    if not fields:
        return Decimal(0)
    offers = tabled.get(slug, ())
    return sum((cost for offered, cost in offers if offered.intersection(fields)), Decimal(0))


@dataclass
class Entry:
    """What is told of one lead. `attempts` are the lead's, newest first; `fresh`: what no attempt holds yet."""

    lead: Lead
    told: Sequence[Supply]
    attempts: Sequence[Attempt]
    fresh: list[Supply] = field(default_factory=list)

    @property
    def cost(self) -> Decimal:
        """In US dollars, of what is fresh: a row told twice costs once."""
        return sum((supply.cost for supply in self.fresh), Decimal(0))


def enter(entries: Sequence[Entry]) -> None:
    """Write what is new of all entries into the ledger, in one statement, and onto the newest attempt of each.

    The attempts are changed as objects; the caller saves them.
    """
    facts: list[dict[str, Any]] = []
    ended: list[datetime.datetime | None] = []
    for entry in entries:
        counted = {(each["name"], each["timestamp"]) for past in entry.attempts for each in past.providers}
        entry.fresh = [s for s in entry.told if (s.provider, s.at.isoformat()) not in counted]
        attempt = entry.attempts[0] if entry.attempts else None
        facts += [fact for supply in entry.fresh for fact in _facts(entry.lead, attempt, supply)]
        if attempt is not None and entry.fresh:
            attempt.providers = [*attempt.providers, *(supply.document() for supply in entry.fresh)]
            attempt.cost += entry.cost
            ended.append(attempt.finished_at)
    insert_each(FieldFact, facts)
    spending.reopen(ended)


def _facts(lead: Lead, attempt: Attempt | None, supply: Supply) -> list[dict[str, Any]]:
    """One row per field, each with its share of the cost."""
    shared: dict[str, Any] = {
        "lead": lead.pk,
        "provider": supply.provider,
        "observed_at": supply.at,
        "cost": (supply.cost / max(len(supply.fields), 1)).quantize(Decimal("0.0001")),
        "attempt": attempt.pk if attempt else None,
    }
    return [{**shared, "field": name} for name in supply.fields]
