"""What a retry costs is never called a bound where a price is missing."""

import re
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import Attempt, WaterfallVersion
from enrichment.waterfall.prices import price_of
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


def document() -> WaterfallDocument:
    return WaterfallDocument.model_validate(WaterfallVersion.active().document)


def untabled() -> list[str]:
    return [slug for kind in ("company", "techstack") for slug in document().waterfalls()[kind].providers]


def ended(*providers: tuple[str, str, str]) -> None:
    entries = [
        {"name": name, "fields": [field] if field else [], "timestamp": "2026-01-01T00:00:00Z", "cost": cost}
        for name, field, cost in providers
    ]
    Attempt.objects.create(
        lead=EnrichedLeadFactory(),
        waterfall=WaterfallVersion.active(),
        status="succeeded",
        finished_at=timezone.now(),
        providers=entries,
    )


def test_services_without_a_price_are_named_and_nothing_is_called_a_bound() -> None:
    found = price_of(document())
    assert not found.is_bound
    assert "Crunchbase" in found.unknown
    assert "at most" not in found.label
    assert "Crunchbase" in found.caveat
    assert "Clearbit (company)" in found.unknown  # for e-mails it has a price


def test_only_services_with_a_tabled_price_have_a_bound() -> None:
    found = price_of(document(), untabled())
    assert found.is_bound
    assert (found.label, found.caveat) == ("Maximum cost", "")


def test_the_highest_cost_seen_stands_in_for_a_tabled_one() -> None:
    before = price_of(document())
    ended(("crunchbase", "funding_stage", "0.0400"), ("crunchbase", "funding_stage", "0.0900"))
    ended(
        ("crunchbase", "funding_amount", "0.0200"),
        ("crunchbase", "", "5.0000"),
        ("builtwith", "tech_stack", "0"),
    )
    cache.clear()
    found = price_of(document())
    assert found.amount - before.amount == Decimal("0.09")
    assert found.seen == ("Crunchbase",)
    assert "BuiltWith" in found.unknown


def test_a_provider_left_out_costs_nothing() -> None:
    asked = document().waterfalls()["phone"].providers
    assert price_of(document(), asked).amount < price_of(document()).amount


def test_the_choice_on_a_lead_says_what_each_costs(sales_client: Client) -> None:
    page = sales_client.get(f"/leads/{EnrichedLeadFactory().pk}/").content.decode()
    assert "at most" not in page.split('id="lead-retry"')[1].split("</dialog>")[0]
    for slug in ("apollo", "hunter"):
        without = price_of(document(), [slug]).amount
        assert re.search(rf'value="{slug}">Without [^<:]*: \${without:.2f} plus unknown prices<', page)
