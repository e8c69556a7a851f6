"""One estimate for all screens: every limit, what waits already, and what is paused."""

import datetime
import math
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from enrichment.estimates.estimating import Work, estimate
from enrichment.models import Handover, Provider, ServiceHold, SpendCap, WaterfallVersion
from enrichment.models.version import forget_active
from enrichment.vendors import limiter
from swarm_admin.core import durations
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture(autouse=True)
def pace(settings: Any) -> None:
    settings.CLOCK_SPEED = 1.0
    settings.CLAY_TABLE_ID = "tbl_test"
    settings.GHL_LOCATION_ID = "location"
    Provider.objects.exclude(slug="builtwith").update(hourly_limit=None)
    Provider.objects.filter(slug="builtwith").update(hourly_limit=100)


def policy(name: str) -> None:
    version = WaterfallVersion.active()
    document = version.document
    document["waterfall_techstack"]["policy"] = name
    WaterfallVersion.objects.filter(pk=version.pk).update(document=document)
    forget_active()


def test_502_leads_wait_five_hours_where_the_policy_is_to_wait():
    policy("wait")
    told = estimate(Work(leads=502))
    assert told.words == "about 5 h"
    assert told.note == "Limited by BuiltWith."


def test_502_leads_go_on_and_are_filled_in_where_the_policy_is_to_go_on():
    policy("skip")
    told = estimate(Work(leads=502))
    assert told.seconds < 150
    assert "Up to 402 leads continue without BuiltWith and are filled in later" in told.note
    assert "by BuiltWith, in about 5 h." in told.note


def test_a_provider_that_is_skipped_limits_nothing():
    policy("wait")
    assert estimate(Work(leads=502, skip=("builtwith",))).limited_by != "BuiltWith"


def test_used_up_budgets_count():
    policy("wait")
    limiter.take("provider:builtwith", n=100, limit=100)
    assert estimate(Work(leads=25)).words == "about 1 h"


def test_nothing_that_waits_takes_no_time():
    assert estimate().seconds == 0.0


def test_what_waits_is_estimated_without_work_of_ones_own_and_goes_first():
    policy("wait")
    LeadFactory.create_batch(3, clay_row_id=None)
    cache.clear()
    assert estimate().seconds == 120  # a batch of rows and one of triggers wait for company
    limiter.take("provider:builtwith", n=100, limit=100)
    assert estimate().limited_by == "BuiltWith"


def test_leads_of_less_priority_are_behind():
    policy("wait")
    LeadFactory.create_batch(25, clay_row_id=None, dispatch_priority=0)
    cache.clear()
    limiter.take("provider:builtwith", n=75, limit=100)
    assert estimate(Work(leads=25, priority=20)).seconds < 60
    assert estimate(Work(leads=25, priority=0)).words == "about 1 h"


def test_a_fill_in_that_waits_is_no_lead_ahead():
    policy("skip")
    later = timezone.now() + datetime.timedelta(hours=1)
    EnrichedLeadFactory.create_batch(30, dispatch_after=later, only_providers=["builtwith"], dispatch_priority=-10)
    cache.clear()
    assert estimate(Work(leads=25)).seconds < 60
    limiter.take("provider:builtwith", n=100, limit=100)
    [fill_in] = estimate(Work(leads=100)).fill_ins
    assert fill_in.leads == 100
    assert fill_in.seconds == pytest.approx(2 * HOUR, abs=120)  # 130 at 100 an hour


@pytest.mark.parametrize("work", [Work(leads=1), Work(updates=1), Work(calls={"clay.updates": 1})])
def test_there_is_no_estimate_while_clay_is_paused(work):
    ServiceHold.objects.create(system="clay", reason="pause_until_reset", message="quota exhausted")
    told = estimate(work)
    assert told.words == "paused: no estimate until resumed"
    assert told.note.startswith("Clay is paused: quota exhausted.")
    assert not estimate(Work(deliveries={"ghl": 1})).paused


def test_there_is_no_estimate_while_the_budget_is_used_up():
    SpendCap.objects.create(period="day", amount=1, reached_at=timezone.now())
    assert "is reached" in estimate(Work(leads=1)).paused


def test_deliveries_are_behind_those_that_wait(settings):
    settings.GHL_PER_TEN_SECONDS, settings.GHL_PER_DAY = 20, 200_000
    for lead in EnrichedLeadFactory.create_batch(5):
        Handover.objects.create(lead=lead, system="ghl", status="planned")
    cache.clear()
    # 5 wait and 15 come: 80 calls, of which 20 leave at once and the others in three windows
    assert estimate(Work(deliveries={"ghl": 15})).seconds == pytest.approx(30.0)
    assert estimate(Work(deliveries={"ghl": 15, "instantly": 1})).limited_by == "GoHighLevel's call limit"


def test_write_backs_have_their_own_limit(settings):
    settings.CLAY_UPDATE_BATCH, settings.CLAY_UPDATES_PER_MINUTE = 10, 2
    assert estimate(Work(updates=50)).seconds == pytest.approx(120.0)
    settings.CLAY_LIMIT_UNIT = "rows"
    assert estimate(Work(updates=50)).seconds == pytest.approx(24 * 60.0)


def test_every_plan_of_the_same_deliveries_says_the_same(sales_client, settings):
    settings.GHL_PER_TEN_SECONDS, settings.GHL_PER_DAY = 4, 200_000
    for lead in EnrichedLeadFactory.create_batch(4):
        Handover.objects.create(
            lead=lead, system="ghl", status="failed", error_kind="delay", finished_at=timezone.now()
        )
    Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="planned")
    cache.clear()
    key = sales_client.get("/failures/").context["groups"][0].cause.key
    by_cause = sales_client.get(f"/failures/{key}/retry/").context["plan"]
    by_list = sales_client.post("/deliveries/retry/", {"query": "status=failed"}).context["plan"]
    assert by_cause["duration"] == by_list["duration"] == "about 40 s"


def test_a_retry_of_nothing_says_so_and_its_button_why(sales_client):
    lead = FailedLeadFactory(dispatch_after=timezone.now())
    answer = sales_client.post("/leads/retry/", {"id": [lead.pk]})
    page, plan = answer.content.decode(), answer.context["plan"]
    assert (plan["count"], plan["duration"]) == (0, "")
    assert "Nothing to retry." in page
    assert 'aria-disabled="true"' in page
    assert "a few seconds" not in page


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "a few seconds"), (61, "about 65 s"), (5 * HOUR + 60, "about 5 h"), (math.inf, "never")],
)
def test_words(seconds, told):
    assert durations.approximate(seconds) == told
