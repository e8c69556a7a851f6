"""A provider's hour: the worst case is kept back, what was asked is counted, the rest is free again."""

import pytest
from django.core.cache import cache

from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import Attempt, Provider, WaterfallVersion
from enrichment.vendors import limiter
from enrichment.waterfall import provider_budget
from enrichment.waterfall.figures import expected_calls
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
DOCUMENT = WaterfallDocument.model_validate(PUBLISHED)
WAITING = WaterfallDocument.model_validate(
    {**PUBLISHED, "waterfall_company": {**PUBLISHED["waterfall_company"], "policy": "wait"}}
)


@pytest.fixture(autouse=True)
def pace(settings):
    settings.CLOCK_SPEED = 1.0


def limited(slug, limit):
    Provider.objects.filter(slug=slug).update(hourly_limit=limit)


def used(slug, limit=300):
    return limiter.peek(f"provider:{slug}", limit=limit).used


def attempts(reserved, count):
    live, slots = WaterfallVersion.active(), reserved.reserved
    return [Attempt.objects.create(lead=LeadFactory(), waterfall=live, provider_slots=slots) for _ in range(count)]


def test_whoever_stands_in_two_waterfalls_is_kept_back_twice():
    provider_budget.reserve_budget(DOCUMENT, 10)
    assert (used("clearbit"), used("hunter", 1000)) == (20, 10)


def test_what_was_asked_counts_and_the_rest_is_free_again():
    reserved = provider_budget.reserve_budget(DOCUMENT, 10)
    provider_budget.settle_reservations((each, {"clearbit": 1, "apollo": 1}) for each in attempts(reserved, 10))
    assert (used("clearbit"), used("apollo", 500), used("hunter", 1000)) == (10, 10, 0)


def test_calls_that_were_not_expected_count_as_well():
    provider_budget.settle_reservations(
        [(each, {"clearbit": 3}) for each in attempts(provider_budget.reserve_budget(DOCUMENT, 1), 1)]
    )
    assert used("clearbit") == 3


def test_the_hour_begins_when_the_run_is_over_not_when_it_was_asked_for():
    reserved = provider_budget.reserve_budget(DOCUMENT, 1)
    provider_budget.settle_reservations([(each, {"clearbit": 2}) for each in attempts(reserved, 1)])
    assert 3590 < limiter.peek("provider:clearbit", limit=300).resets_in <= 3604


def test_two_hundred_leads_with_clearbit_in_two_waterfalls_never_pass_its_hour():
    asked = [provider_budget.reserve_budget(DOCUMENT, 25).deferred for _ in range(8)]
    assert asked == [[]] * 4 + [["builtwith"]] * 2 + [["builtwith", "clearbit"]] * 2
    assert used("clearbit") == 300


def test_a_limit_below_one_trigger_serves_as_many_leads_as_it_can():
    limited("clearbit", 9)
    assert provider_budget.reserve_budget(DOCUMENT, 25).fits == 4
    assert used("clearbit", 9) == 0
    assert provider_budget.reserve_budget(DOCUMENT, 4).fits is None
    found = provider_budget.reserve_budget(DOCUMENT, 21)
    assert (found.fits, found.deferred) == (None, ["clearbit"])


@pytest.mark.parametrize("document", [DOCUMENT, WAITING])
@pytest.mark.parametrize("limit", [0, 1])
def test_who_may_not_be_asked_even_for_one_lead_is_left_out_and_not_waited_for(document, limit):
    limited("clearbit", limit)
    found = provider_budget.reserve_budget(document, 5)
    assert (found.never, found.deferred, found.wait) == (["clearbit"], [], 0.0)
    assert "clearbit" not in found.reserved


def test_a_refusal_uses_up_the_hour_also_of_a_provider_without_a_limit():
    for slug in ("clearbit", "pdl"):
        provider_budget.block_for_an_hour(slug)
    found = provider_budget.reserve_budget(DOCUMENT, 5)
    assert found.deferred == ["clearbit", "pdl"]
    assert provider_budget.reserve_budget(WAITING, 5).wait == pytest.approx(3600, abs=5)


def test_what_is_forecast_is_what_happened_where_that_is_known():
    """The published accuracy of Apollo is 95 %; it was seen to answer one time in two."""
    assert expected_calls(DOCUMENT, 100)["hunter"] == 5
    for number in range(60):
        hit = number % 2
        calls = [_call("apollo", ["email_work"] if hit else [])] + ([] if hit else [_call("hunter", ["email_work"])])
        Attempt.objects.create(
            lead=LeadFactory(), waterfall=WaterfallVersion.active(), status="succeeded", providers=calls,
            finished_at="2026-01-15T10:00:00Z",
        )  # fmt: skip
    cache.clear()
    assert expected_calls(DOCUMENT, 100)["hunter"] == 50
    assert expected_calls(DOCUMENT, 100)["clearbit"] == 100


def _call(slug, fields):
    return {"name": slug, "fields": fields, "timestamp": "2026-01-15T10:00:00+00:00", "cost": "0.01"}


def test_the_limits_page_says_of_a_limit_of_0_what_is_done():
    from enrichment.connections import limits

    limited("crunchbase", 0)
    [shown] = [each for each in limits.provider_limits() if each.label == "Crunchbase"]
    assert (shown.never, shown.queue, shown.holds) == (True, None, False)
