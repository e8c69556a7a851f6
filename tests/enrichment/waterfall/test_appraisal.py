"""A whole document appraised: from the catalogue, from what was observed, and what the waiting leads cost."""

from typing import Any

import pytest

from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import BatchItem, Lead, Provider, ProviderService, WaterfallVersion
from enrichment.models.work import Batch, BatchKind
from enrichment.waterfall.appraisal import appraise
from enrichment.waterfall.figures import provider_figures
from enrichment.waterfall.provider_stats import Segment, read_stats
from enrichment.waterfall.rates import LEAST, Source
from enrichment.waterfall.waiting import WaitingGroup, waiting_groups
from tests.enrichment.waterfall.runs import attempts
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
LIVE = WaterfallDocument.model_validate(PUBLISHED)


def with_email(*providers: str, **options: Any) -> WaterfallDocument:
    email = PUBLISHED["waterfall_email"] | {"providers": list(providers)} | options
    return WaterfallDocument.model_validate(PUBLISHED | {"waterfall_email": email})


# ------------------------------------------------------------------ from the catalogue


def test_the_published_document_by_the_catalogue() -> None:
    found = appraise(LIVE)
    email, phone = found.by_kind["email"], found.by_kind["phone"]
    expected = 0.03 * 0.95 + 0.05 * (0.02 * 0.92 + 0.08 * (0.05 * 0.9 + 0.1 * (0.04 * 0.88 + 0.12 * 0.02 * 0.85)))
    assert email.outcome.cost == pytest.approx(expected)
    assert email.outcome.coverage == pytest.approx(1 - 0.05 * 0.08 * 0.1 * 0.12 * 0.15)
    assert phone.outcome.cost == pytest.approx(0.0968)
    assert found.cost == pytest.approx(expected + 0.0968)
    assert found.assumes
    assert found.observed_attempts == 0
    assert found.unpriced == found.unrated == ("Clearbit", "Crunchbase", "BuiltWith", "Wappalyzer")


def test_the_cheapest_order_is_suggested_for_what_stops_at_the_first_answer() -> None:
    found = appraise(LIVE).by_kind
    assert found["email"].suggestion.order == ("hunter", "snovio", "apollo", "pdl", "clearbit")
    assert found["phone"].suggestion.order == ("lusha", "cognism")
    assert "in any order" in found["company"].suggestion.why_not


def test_builtwith_is_the_narrowest(settings: Any) -> None:
    found = appraise(LIVE).capacity
    assert found.narrowest is not None
    assert (found.narrowest.name, found.leads_per_hour) == ("BuiltWith", 100)
    assert found.gates[-1].slug == "clay" or found.gates[-1].leads_per_hour > 75_000
    Provider.objects.update(hourly_limit=None)
    alone = appraise(LIVE).capacity
    assert alone.leads_per_hour == 60 * 50 * settings.CLAY_TRIGGER_BATCH
    settings.CLAY_LIMIT_UNIT = "rows"
    assert appraise(LIVE).capacity.leads_per_hour == 60 * 50


def test_a_provider_charged_per_attempt_costs_its_misses_too() -> None:
    ProviderService.objects.filter(provider__slug="cognism").update(charge="attempt")
    assert appraise(LIVE).by_kind["phone"].outcome.cost == pytest.approx(0.10 + 0.1 * 0.08 * 0.85)


def test_where_the_document_asks_all_all_are_paid() -> None:
    found = appraise(with_email("apollo", "hunter", stop_on_success=False)).by_kind["email"]
    assert found.asks_all
    assert found.outcome.cost == pytest.approx(0.03 * 0.95 + 0.02 * 0.92)


def test_who_is_not_in_the_catalogue_is_asked_and_known_nothing_of() -> None:
    found = appraise(with_email("newcomer", "apollo"))
    assert "newcomer" in found.unpriced
    assert found.by_kind["email"].outcome.steps[1].asked == 1


# ------------------------------------------------------------------ from what was observed


def test_observed_often_enough_it_stands_and_less_often_the_table_does() -> None:
    attempts(30, "apollo")
    attempts(30, "-apollo", "hunter")
    email = provider_figures(read_stats())["email"]
    assert email["apollo"].hit is not None
    assert (email["apollo"].hit.value, email["apollo"].hit.n) == (0.5, 60)
    assert email["hunter"].hit is not None
    assert (email["hunter"].hit.source, email["hunter"].hit.n) == (Source.OBSERVED, 30)
    assert email["pdl"].hit is not None
    assert email["pdl"].hit.words == "published accuracy, an assumption"
    attempts(LEAST - 1, "-apollo", "-hunter", ("pdl", ["email_work"], 0.04))
    pdl = provider_figures(read_stats())["email"]["pdl"]
    assert pdl.hit is not None
    assert pdl.hit.words == f"published accuracy, an assumption; called only {LEAST - 1} times so far"


def test_asked_later_it_sees_the_hard_leads_and_its_own_rate_is_the_one_as_first_asked() -> None:
    other = with_email("hunter", "apollo")
    version = WaterfallVersion.objects.create(number=2, status="superseded", document=other.model_dump())
    attempts(30, "-hunter", "apollo", waterfall=version)
    attempts(90, "-hunter", "-apollo", waterfall=version)
    attempts(36, "apollo")
    attempts(4, "-apollo")
    apollo = provider_figures(read_stats())["email"]["apollo"]
    assert apollo.hit is not None
    assert (apollo.hit.value, apollo.hit.n) == (0.9, 40)
    assert apollo.after[frozenset({"hunter"})][0].value == 0.25
    later = appraise(other, read_stats()).by_kind["email"].outcome
    assert later.steps[1].rate == apollo.after[frozenset({"hunter"})][0]


def test_personal_addresses_do_not_end_it() -> None:
    attempts(50, ("apollo", ["email_personal"], 0.03), "hunter")
    attempts(50, "apollo")
    attempts(1, "-apollo", "-hunter")
    apollo = provider_figures(read_stats())["email"]["apollo"]
    assert apollo.hit is not None
    assert apollo.ends is not None
    assert (apollo.hit.value, apollo.ends.value) == (100 / 101, 50 / 101)
    found = appraise(with_email("apollo", "hunter"), read_stats()).by_kind["email"].outcome
    assert found.steps[1].asked == pytest.approx(51 / 101)


def test_a_price_that_nobody_tabled_is_taken_from_what_was_paid() -> None:
    attempts(40, ("builtwith", ["tech_stack"], "0.0200"), "-wappalyzer")
    found = provider_figures(read_stats())["techstack"]
    assert found["builtwith"].cost == pytest.approx(0.02)
    assert found["builtwith"].price_seen
    assert found["wappalyzer"].cost is None
    assert provider_figures()["techstack"]["builtwith"].cost is None


def test_where_clay_tells_no_misses_nothing_is_observed() -> None:
    attempts(50, "apollo")
    found = appraise(LIVE, read_stats())
    assert not found.tells_misses
    assert found.by_kind["email"].outcome.steps[0].rate == provider_figures()["email"]["apollo"].hit


def test_one_segment_has_its_own_rates() -> None:
    attempts(40, "apollo", lead=EnrichedLeadFactory(company_size=20))
    attempts(40, "-apollo", "hunter", lead=EnrichedLeadFactory(company_size=900))
    seen = read_stats(Segment.SIZE)
    small, large = (provider_figures(seen, value)["email"]["apollo"].hit for value in ("under 50", "200 to 2,000"))
    assert small is not None
    assert large is not None
    assert (small.value, large.value) == (1.0, 0.0)


# ------------------------------------------------------------------ the leads that wait


def test_leads_wait_where_they_are_due_or_in_a_batch_that_has_not_left() -> None:
    LeadFactory()
    LeadFactory(skip_providers=["apollo"])
    LeadFactory(only_providers=["builtwith"])
    EnrichedLeadFactory()
    in_batch, written_back = EnrichedLeadFactory(), EnrichedLeadFactory()
    trigger = Batch.objects.create(kind=BatchKind.TRIGGER, table_id="t")
    update = Batch.objects.create(kind=BatchKind.UPDATE, table_id="t")
    BatchItem.objects.create(batch=trigger, lead=in_batch, position=0)
    BatchItem.objects.create(batch=update, lead=written_back, position=0)
    found = sorted(waiting_groups(), key=lambda group: (group.skip, group.only))
    assert found == [WaitingGroup(2), WaitingGroup(1, only=("builtwith",)), WaitingGroup(1, skip=("apollo",))]


def test_what_waits_costs_what_it_will_be_asked() -> None:
    LeadFactory.create_batch(3)
    LeadFactory(skip_providers=["apollo", "hunter", "clearbit", "pdl", "snovio"])
    LeadFactory(only_providers=["cognism"])
    found = appraise(LIVE)
    assert found.waiting.leads == Lead.objects.filter(dispatch_after__isnull=False).count() == 5
    phone = 0.0968
    email = found.by_kind["email"].outcome.cost
    assert found.waiting.cost == pytest.approx(3 * (email + phone) + phone + 0.10 * 0.9)


def test_nothing_waits() -> None:
    assert (appraise(LIVE).waiting.leads, appraise(LIVE).waiting.cost) == (0, 0)


@pytest.mark.parametrize(
    ("connector", "name", "an_hour"), [("table", "Clay's submissions", 36_000), ("routine", "Clay's calls", 1_800_000)]
)
def test_where_clay_runs_the_providers_only_submissions_limit(
    settings: Any, connector: str, name: str, an_hour: int
) -> None:
    Provider.objects.filter(slug="apollo").update(hourly_limit=1)
    settings.CLAY_CONNECTOR = connector
    found = appraise(LIVE).capacity
    assert [gate.name for gate in found.gates] == [name]
    assert found.leads_per_hour == pytest.approx(an_hour)
