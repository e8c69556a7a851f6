"""The two documents in which a lead's provenance is told, both rendered from the ledger (D4).

`facts` and `disclosures` of the lead are read once each; for many leads prefetch them with `with_provenance`.
"""

import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from enrichment.models import FieldFact, Lead
from enrichment.vendors import registry

LEGAL_BASIS = "legitimate_interest"
PURPOSE = "sales_outreach"
DOCUMENTED_INTEREST = "B2B revenue operations solutions"
COLLECTOR = "hunter-mcp"


def with_provenance(leads: QuerySet[Lead]) -> QuerySet[Lead]:
    """The leads with what both documents need, in two queries for all of them."""
    return leads.prefetch_related("facts", "disclosures")


def timestamp(moment: datetime.datetime | None) -> str | None:
    """2026-01-15T10:05:00Z, in UTC; None stays None."""
    return moment.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z") if moment else None


def flat_provenance(lead: Lead) -> dict[str, Any]:
    """`{sources, consent_basis, retention_until}` as in the output payload; fields by the payload's names."""
    best = "email_work" if lead.email_work else "email_personal"
    return {
        "sources": [
            {
                "provider": fact.provider,
                "field": "email" if fact.field == best else fact.field,
                "timestamp": timestamp(fact.observed_at),
            }
            for fact in _facts(lead)
        ],
        "consent_basis": LEGAL_BASIS,
        "retention_until": lead.retention_until.astimezone(datetime.UTC).date().isoformat(),
    }


def nested_provenance(lead: Lead) -> dict[str, Any]:
    """`{collection, enrichment, processing, access_log}` as in the provenance schema; fields by column names."""
    disclosures = sorted(lead.disclosures.all(), key=lambda each: (each.occurred_at, each.pk))
    return {
        "collection": {
            "source": lead.source_type,
            "source_url": lead.source_url or None,
            "collected_at": timestamp(lead.scraped_at),
            "collector": COLLECTOR,
            "legal_basis": LEGAL_BASIS,
        },
        "enrichment": {"providers": _providers(lead), "completed_at": timestamp(lead.enriched_at)},
        "processing": {
            "purpose": PURPOSE,
            "legal_basis": LEGAL_BASIS,
            "documented_interest": DOCUMENTED_INTEREST,
            "retention_days": settings.RETENTION_DAYS,
            "retention_until": timestamp(lead.retention_until),
        },
        "access_log": [
            {
                "system": _recipient(each.system),
                "timestamp": timestamp(each.occurred_at),
                "action": each.action,
            }
            for each in disclosures
        ],
    }


def _recipient(system: str) -> str:
    """As the specification's access log names it."""
    vendor = registry.find(system)
    return vendor.delivery.recipient if vendor and vendor.delivery else system


def _facts(lead: Lead) -> list[FieldFact]:
    return sorted(lead.facts.all(), key=lambda fact: (fact.observed_at, fact.pk))


def _providers(lead: Lead) -> list[dict[str, Any]]:
    """One entry for what one provider supplied at one time."""
    groups: dict[tuple[str, datetime.datetime], list[str]] = {}
    for fact in _facts(lead):
        groups.setdefault((fact.provider, fact.observed_at), []).append(fact.field)
    return [
        {"name": name, "fields": sorted(fields), "timestamp": timestamp(moment)}
        for (name, moment), fields in groups.items()
    ]
