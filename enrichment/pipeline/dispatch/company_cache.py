"""Company and tech data that the mirror has already: taken over with its provenance instead of being bought again.

A lead gets it once its own domain is known from its own row: neither the host of its e-mail address nor the
company's name alone proves where somebody works. Of another lead's it gets what was found for the same domain and
the same company name (D30): hosts that many companies share are no domain here, and a holding's domain is many
companies'. So it serves leads that are filled in later or tried again; the first run of a lead is what tells its
domain. Where the data came from is said: the facts are copied with the provider and the time they were observed,
and cost nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from enrichment.documents.waterfall import WaterfallDocument, active_waterfall
from enrichment.models import Attempt, FieldFact, Lead, TakenOver
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.score import apply as scoring
from enrichment.states import FINAL_STATUSES, AttemptStatus
from enrichment.waterfall.prices import PriceList
from swarm_admin.core import companies

KINDS = ("company", "techstack")
NEEDED = {
    "company": "company_size",
    "techstack": "tech_stack",
}  # without it the data is not worth taking over
NEWEST = 50  # attempts looked at a domain; older ones would hardly know more
COLUMNS = {
    "company": (
        "company_industry", "company_size", "company_revenue", "company_location", "funding_stage", "funding_amount",
    ),
    "techstack": ("tech_stack",),
}  # fmt: skip
_SCORED = ("icp_score", "icp_tier", "scorecard", "scored_at")


@dataclass
class ReusedData:
    """What one lead took over: {kind: the lead it came from}."""

    donors: dict[str, Lead] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        return sorted(self.donors)


def cached_data(leads: Sequence[Lead], document: WaterfallDocument) -> dict[int, ReusedData]:
    """{lead: what is fresh for its company} for `leads` with a domain; a handful of queries for all of them.

    Fresh: a lead of the same domain and company name (itself, too) was asked about by every provider of the
    waterfall within COMPANY_DATA_DAYS, and has the column that matters.
    """
    domains = {lead.company_domain for lead in leads} - {""}
    asked = {kind: set(document.waterfalls()[kind].providers) for kind in KINDS}
    if not domains or not settings.COMPANY_DATA_DAYS or not any(asked.values()):
        return {}
    donors = _donors(domains, asked)
    cached: dict[int, ReusedData] = {}
    for lead in leads:
        for kind, by_company in donors.items():
            wanted = asked[kind] & set(lead.only_providers) if lead.only_providers else asked[kind]
            wanted = set() if kind in lead.found_waterfalls else wanted - {*lead.answered.get(kind, ())}
            donor = by_company.get(_company(lead)) or by_company.get(lead.pk)
            if donor is not None and wanted:
                cached.setdefault(lead.pk, ReusedData()).donors[kind] = donor
    return cached


def _fresh_since() -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=settings.COMPANY_DATA_DAYS)


Company = tuple[str, str]


def _company(lead: Lead) -> Company | None:
    """Domain and name: what two leads of one company have in common; None where either is not known."""
    name = companies.name_key(lead.company_name)
    return (lead.company_domain, name) if lead.company_domain and name else None


def _donors(domains: Collection[str], asked: dict[str, set[str]]) -> dict[str, dict[Company | int | None, Lead]]:
    """{kind: {company: the newest lead with all of that waterfall's data, fresh; lead: itself, where it has}}."""
    recent = (
        Attempt.objects.filter(
            lead__company_domain__in=domains, status=AttemptStatus.SUCCEEDED, finished_at__gte=_fresh_since()
        )
        .order_by("-finished_at", "-pk")
        .select_related("waterfall")
        .defer("providers")
    )
    covered: dict[tuple[int | None, str], set[str]] = {}
    order: dict[int | None, None] = {}
    for attempt in recent[: NEWEST * len(domains)]:
        order.setdefault(attempt.lead_id)
        for kind in KINDS:
            covered.setdefault((attempt.lead_id, kind), set()).update(_asked_by(attempt, kind))
    rows = Lead.objects.usable().filter(retention_until__gt=timezone.now()).in_bulk(list(order))
    donors: dict[str, dict[Company | int | None, Lead]] = {kind: {} for kind in KINDS}
    for pk in order:
        donor = rows.get(pk)
        if donor is None:
            continue
        for kind in KINDS:
            complete = asked[kind] and asked[kind] <= covered[pk, kind]
            if complete and getattr(donor, NEEDED[kind]) not in (None, []):
                donors[kind][donor.pk] = donor
                if company := _company(donor):
                    donors[kind].setdefault(company, donor)
    return donors


def _asked_by(attempt: Attempt, kind: str) -> set[str]:
    """Whom Clay asked in that waterfall in this attempt, by the version it ran under."""
    if kind in attempt.without:
        return set()
    providers = set(attempt.waterfall.document.get(f"waterfall_{kind}", {}).get("providers", ()))
    if attempt.only_providers:
        providers &= set(attempt.only_providers)
    return providers - set(attempt.skip_providers) - set(attempt.deferred_providers)


# ---------------------------------------------------------------- taking it over


def apply_cached(leads: Iterable[Lead], found: dict[int, ReusedData]) -> None:
    """Write the data onto the leads, with copies of its facts, the saving, and their new score.

    Inside the caller's transaction, which holds the leads. A pinned field keeps its value; nothing is taken that
    the lead has from itself.
    """
    wanted = [lead.pk for lead in leads if lead.pk in found]
    if not wanted:
        return
    prices = _prices()
    for lead in Lead.objects.filter(pk__in=wanted):
        for kind, donor in found[lead.pk].donors.items():
            _apply_kind(lead, kind, donor, prices[kind])
        if lead.enrichment_status in FINAL_STATUSES:
            planning.plan_deliveries(lead)


def _prices() -> dict[str, Decimal]:
    """{kind: what its providers would cost now}, for data whose first price nobody told."""
    document = active_waterfall()
    prices = PriceList()
    kinds = set(document.waterfalls())
    return {kind: prices.of(document.without(kinds - {kind})).amount for kind in KINDS}


def _apply_kind(lead: Lead, kind: str, donor: Lead, price: Decimal) -> None:
    names = [name for name in COLUMNS[kind] if name not in lead.pinned_fields]
    facts = list(FieldFact.objects.filter(lead=donor, field__in=names, observed_at__gte=_fresh_since()))
    filled = _fill(lead, names, donor, facts) if donor.pk != lead.pk else []
    saved = sum((fact.cost for fact in facts), Decimal(0)) or price
    TakenOver.objects.create(lead=lead, waterfall=kind, fields=filled, saved=saved)
    if filled:
        scoring.apply(lead)
        # Clay's row is told as well: else it would differ from the mirror, and its formula would not know.
        lead.write_back_after = lead.write_back_after or timezone.now()
        lead.save(update_fields=[*filled, *_SCORED, "write_back_after", "updated_at"])


def _fill(lead: Lead, names: Sequence[str], donor: Lead, facts: Sequence[FieldFact]) -> list[str]:
    """The donor's values onto the lead, with copies of the facts; the names of what changed."""
    filled = []
    for name in names:
        value = getattr(donor, name)
        if value not in (None, "", []) and value != getattr(lead, name):
            setattr(lead, name, value)
            filled.append(name)
    FieldFact.objects.bulk_create(
        (
            FieldFact(lead=lead, field=fact.field, provider=fact.provider, observed_at=fact.observed_at, cost=0)
            for fact in facts
        ),
        ignore_conflicts=True,
    )
    return filled


def fields_for_clay(lead_ids: Iterable[int]) -> dict[int, list[str]]:
    """{lead: columns that were taken over}: Clay did not find these itself, so it is told them."""
    found: dict[int, list[str]] = {}
    for pk, fields in TakenOver.objects.filter(lead__in=list(lead_ids)).values_list("lead_id", "fields"):
        found.setdefault(pk, []).extend(fields)
    return found
