"""What machines call it, as people do."""

import pytest
from django.utils import timezone

from enrichment.labels import field_label, field_labels, provider_name, tier_label, with_provider_names
from enrichment.leads.timeline import timeline
from enrichment.models import Attempt, RejectedRow, ScorecardVersion, WaterfallVersion
from enrichment.models.version import forget_active
from enrichment.templatetags.display import tier_badge
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


def test_a_provider_has_its_name_of_the_catalogue():
    assert (provider_name("apollo"), provider_name("hunter")) == ("Apollo", "Hunter.io")
    assert provider_name("unheard-of") == "unheard-of"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("clay enrich: 504 provider_timeout apollo", "clay enrich: 504 provider_timeout Apollo"),
        ("502 apollo failed, then hunter.", "502 Apollo failed, then Hunter.io."),
        ("hunter.io and apollo_id and [url]/apollo stay", "hunter.io and apollo_id and [url]/apollo stay"),
        ("", ""),
    ],
)
def test_a_message_names_providers_as_people_do(stored, shown):
    assert with_provider_names(stored) == shown


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("email_personal", "e-mail (personal)"),
        ("icp_score", "ICP score"),
        ("linkedin_url", "LinkedIn URL"),
        ("some_column", "some column"),
    ],
)
def test_a_column_has_the_label_of_the_list(name, label):
    assert field_label(name) == label
    assert field_labels([name, "phone"]) == f"{label}, phone"


def test_the_timeline_speaks_of_providers_and_fields():
    lead = EnrichedLeadFactory()
    Attempt.objects.create(
        lead=lead,
        waterfall=WaterfallVersion.active(),
        status="succeeded",
        triggered_at=timezone.now(),
        finished_at=timezone.now(),
        skip_providers=["apollo", "hunter"],
    )
    lead.deliveries.create(body=b"", body_hash="x", changed_fields=["email_personal"])
    told = [words for happening in timeline(lead) for words in happening.details]
    assert "without Apollo, Hunter.io" in told
    assert "changed 1 field: e-mail (personal)" in told


def test_a_refused_row_says_its_field_once():
    row = RejectedRow(field="source_type", sentence="source_type must be one of: a, b.")
    assert row.rule == "Must be one of: a, b."
    assert RejectedRow(sentence="The row is too wide.").rule == "The row is too wide."


def test_a_tier_is_called_as_the_published_scorecard_calls_it(sales_client):
    assert [tier_label(tier) for tier in (1, 3, 4)] == ["Tier 1", "Tier 3", "Tier 4"]
    live = ScorecardVersion.objects.get(status="published")
    tiers = [
        {"name": "Hot", "at_least": 80},
        {"name": "Warm", "at_least": 50},
        {"name": "Cool", "at_least": 20},
    ]
    ScorecardVersion.objects.filter(pk=live.pk).update(
        document={**live.document, "tiers": [*tiers, {"name": "Tier 4"}]}
    )
    forget_active()
    EnrichedLeadFactory(icp_tier=4)
    try:
        assert [tier_label(tier) for tier in (1, 4, 5)] == ["Tier 1 (Hot)", "Tier 4", "Tier 5"]
        assert 'title="Hot"' in tier_badge(1)
        shown = sales_client.get("/leads/?tier=4").content.decode()
        assert "Tier 2 (Warm)" in shown
        assert "Tier: <strong>Tier 4</strong>" in shown
    finally:
        forget_active()
