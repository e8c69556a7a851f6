"""Who supplied what: Clay's account of a run, in either shape, as ledger rows and as the attempt's providers."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from enrichment.models import Attempt, FieldFact, Lead, ProviderService
from enrichment.pipeline.normalise import Unreadable, moment


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


def supplies(row: Mapping[str, Any]) -> list[Supply]:
    """What the row says of its providers: `providers_used`, else `provenance` nested or flat (D4)."""
    used = _dicts(row.get("providers_used"))
    if used:
        return _read(
            (e.get("name"), e.get("fields_enriched"), e.get("timestamp"), e.get("cost")) for e in used
        )
    provenance = row.get("provenance")
    if not isinstance(provenance, dict):
        return []
    enrichment = provenance.get("enrichment")
    nested = _dicts(enrichment.get("providers")) if isinstance(enrichment, dict) else []
    if nested:
        return _read((e.get("name"), e.get("fields"), e.get("timestamp"), e.get("cost")) for e in nested)
    flat = _dicts(provenance.get("sources"))
    return _read((e.get("provider"), [e.get("field")], e.get("timestamp"), None) for e in flat)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _read(entries: Any) -> list[Supply]:
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
        read.append(Supply(slug, filled, at, _cost(cost, slug, filled)))
    return read


def _cost(told: Any, slug: str, fields: Sequence[str]) -> Decimal:
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
    tabled = ProviderService.objects.filter(
        provider__slug=slug, fields__overlap=list(fields), cost__isnull=False
    )
    return sum((cost for cost in tabled.values_list("cost", flat=True) if cost), Decimal(0))


def enter(lead: Lead, told: Sequence[Supply], attempts: Sequence[Attempt]) -> Decimal:
    """Write what is new into the ledger and onto the newest of the lead's `attempts`, which come newest first.

    Returns its cost in US dollars. What an earlier attempt of the lead already holds is not counted again, so a
    row told twice costs once.
    """
    attempt = attempts[0] if attempts else None
    counted = {(entry["name"], entry["timestamp"]) for past in attempts for entry in past.providers}
    fresh = [s for s in told if (s.provider, s.at.isoformat()) not in counted]
    FieldFact.objects.bulk_create(
        (
            FieldFact(
                lead=lead,
                field=field,
                provider=supply.provider,
                observed_at=supply.at,
                cost=(supply.cost / len(supply.fields)).quantize(Decimal("0.0001")),
                attempt=attempt,
            )
            for supply in fresh
            for field in supply.fields
        ),
        ignore_conflicts=True,
    )
    cost = sum((supply.cost for supply in fresh), Decimal(0))
    if attempt is not None and fresh:
        attempt.providers = [*attempt.providers, *(supply.document() for supply in fresh)]
        attempt.cost += cost
        attempt.save(update_fields=["providers", "cost"])
    return cost
