"""Vendor limits, by persona; the gauges are the limiter's, the queues the tables'."""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.connections import health, limits
from enrichment.estimates.lanes import seconds_for
from enrichment.models import Handover, Provider, ServiceHold, WaterfallVersion
from enrichment.models.version import forget_active
from enrichment.pipeline import recovery
from enrichment.templatetags.limits import duration, queue_time
from enrichment.vendors import limiter, vendor_health
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.errors import VendorError
from enrichment.vendors.limiter import Gauge, Limit
from swarm_admin.core.cache import invalidate
from tests.enrichment.vendors.scripted import CUT, RESET, Say, ScriptedVendor
from tests.factories import EnrichedLeadFactory, LeadFactory


@pytest.fixture(autouse=True)
def pace(settings: Any) -> None:
    settings.CLOCK_SPEED = 1.0
    settings.CLAY_TABLE_ID = "tbl_test"
    settings.GHL_LOCATION_ID = "location"


def shown(label: str, system: str = "clay") -> limits.LimitUsage:
    invalidate("waiting")
    [vendor] = [vendor for vendor in limits.all_limits() if vendor.system == system]
    return next(limit for limit in vendor.limits if limit.label == label)


@pytest.fixture
def scripted() -> Iterator[ScriptedVendor]:
    vendor = ScriptedVendor()
    yield vendor
    vendor.stop()


def page(client: Client) -> str:
    return client.get("/limits/").content.decode()


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    people = (sales_client, compliance_client, admin_client, nobody_client)
    assert [c.get("/limits/").status_code for c in people] == [200, 200, 200, 403]
    assert Client().get("/limits/").status_code == 302


def test_the_live_part_polls_alone(sales_client: Client) -> None:
    part = sales_client.get("/limits/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="limits-live"')
    assert 'hx-trigger="every 3s' in part


def test_connections_lead_there(sales_client: Client) -> None:
    assert 'href="/limits/"' in sales_client.get("/connections/").content.decode()


def test_used_and_free_are_the_limiters(db: None) -> None:
    limiter.take("clay.rows", "tbl_test", 3)
    [gauge] = shown("New rows").gauges
    assert (gauge.used, gauge.left) == (3, gauge.limit - 3)
    assert 0 < gauge.resets_in <= 62


def test_a_block_after_a_429_is_shown(sales_client: Client) -> None:
    limiter.penalise("ghl.calls", "location", 90)
    assert 80 < shown("Calls", "ghl").blocked_for <= 90
    assert "Blocked after a 429" in page(sales_client)


@pytest.mark.parametrize("fault", [Say(200, b'{"id": "r"', fault=CUT), Say(fault=RESET), Say(200, b"<html>")])
def test_a_call_that_was_cut_off_is_shown_as_that_wherever_calls_are_counted(
    sales_client: Client, scripted: ScriptedVendor, fault: Say
) -> None:
    scripted.says(fault)
    client = RowsApi(scripted.url, "clay-key", "ws_1")
    with pytest.raises(VendorError) as caught:
        client.create_rows("t", [{"linkedin_url": "https://www.linkedin.com/in/a"}])
    client.close()
    word = "unreadable" if caught.value.code == "unreadable" else "connection lost"
    assert re.search(f'<span class="num">1</span> . {word}', page(sales_client))
    connections = sales_client.get("/connections/").content.decode()
    assert "1, 1 rejected or lost" in connections
    assert f"create rows: {word}" in connections
    shown_vendor = next(each for each in health.all_vendors() if each.system == "clay")
    assert (shown_vendor.last_good, shown_vendor.failing) == (None, True)


def test_429s_are_counted_and_red(sales_client: Client) -> None:
    assert "as expected" in page(sales_client)
    vendor_health.count_call("clay", "create_rows", 429, 0.1)
    vendor_health.count_call("clay", "create_rows", 200, 0.1)
    vendor_health.count_call("ghl", "upsert_contact", 429, 0.1)
    answer = sales_client.get("/limits/")
    assert answer.context["too_many"] == 2
    assert "figure-red" in answer.content.decode()


def test_leads_wait_for_rows_and_triggers(db: None, settings: Any) -> None:
    settings.CLAY_ROWS_BATCH = settings.CLAY_TRIGGER_BATCH = 2
    for _ in range(3):
        LeadFactory()
    EnrichedLeadFactory(dispatch_after=timezone.now())
    EnrichedLeadFactory(dispatch_after=timezone.now() + timezone.timedelta(hours=1))
    rows, triggers = shown("New rows").queue, shown("Enrichment triggers").queue
    assert (rows.count, rows.calls) == (3, 2)
    assert (triggers.count, triggers.calls, triggers.later) == (4, 2, 1)
    settings.CLAY_LIMIT_UNIT = "rows"
    assert shown("New rows").queue.calls == 3


@pytest.mark.parametrize(
    ("system", "reason", "label", "words"),
    [
        ("clay", "pause_until_reset", "New rows", "Clay is paused"),
        ("clay.rows", "table_full", "New rows", "Creating rows in Clay is paused"),
        ("clay", "pause_until_reset", "Enrichment triggers", "Clay is paused"),
        ("instantly", "vendor_down", "Calls", "Instantly is paused"),
    ],
)
def test_what_is_paused_is_not_said_to_go_out(
    sales_client: Client, system: str, reason: str, label: str, words: str
) -> None:
    if system == "instantly":
        Handover.objects.create(lead=EnrichedLeadFactory(), system="instantly", status="planned")
    else:
        LeadFactory(clay_row_id="row_1" if label != "New rows" else None, dispatch_after=timezone.now())
    invalidate("waiting")
    assert "sent immediately" in page(sales_client)
    ServiceHold.objects.create(system=system, reason=reason)
    queue = shown(label, system.partition(".")[0]).queue
    assert (queue.count, f"{queue.paused} is paused") == (1, words)
    told = page(sales_client)
    assert f"<strong>{words}</strong>" in told
    assert f"unknown: {words}" in told or f"and {words.removesuffix(' is paused')} are paused" in told


def test_a_provider_that_refused_calls_is_named_beside_the_vendors_429s(sales_client: Client) -> None:
    provider = Provider.objects.get(slug="clearbit")
    recovery.alert_of_provider(provider.slug, provider.name)
    told = page(sales_client)
    assert f"{provider.name} rate-limited calls" in told
    assert "as expected" not in told


def test_write_backs_wait_for_updates(db: None) -> None:
    EnrichedLeadFactory(write_back_after=timezone.now())
    assert shown("Row updates").queue.count == 1


def test_deliveries_wait_for_calls(db: None, settings: Any) -> None:
    settings.GHL_PER_TEN_SECONDS = 2
    for status in ("planned", "planned", "unknown", "done"):
        Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status=status)
    later = timezone.now() + timezone.timedelta(minutes=5)
    Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="planned", not_before=later)
    queue = shown("Calls", "ghl").queue
    assert (queue.count, queue.calls, queue.later) == (
        3,
        12,
        1,
    )  # two of four are to look for the contact first
    assert queue.seconds == pytest.approx(50.0)  # two at once, two in each of five windows


@pytest.mark.parametrize("policy", ["wait", "skip"])
def test_the_longest_queue_is_the_longest_that_the_page_shows(sales_client: Client, policy: str) -> None:
    version = WaterfallVersion.active()
    document = version.document
    document["waterfall_techstack"]["policy"] = policy
    WaterfallVersion.objects.filter(pk=version.pk).update(document=document)
    forget_active()
    limiter.take("provider:builtwith", n=100, limit=100)
    LeadFactory(clay_row_id="row_1", dispatch_after=timezone.now())
    invalidate("waiting")
    context = sales_client.get("/limits/").context
    shown = [limit.queue.seconds for limit in context["providers"] if limit.queue]
    assert context["longest"] == max(shown) > 600


def test_providers_have_their_budget_and_what_will_be_asked(db: None) -> None:
    Provider.objects.filter(slug="apollo").update(hourly_limit=1)
    for _ in range(3):
        LeadFactory()
    limiter.take("provider:apollo", n=1, limit=1)
    invalidate("waiting")
    [apollo] = [limit for limit in limits.provider_limits() if limit.label.lower().startswith("apollo")]
    assert apollo.gauges[0].percent == 100
    assert apollo.queue.calls >= 1
    assert apollo.queue.seconds > 3500


@pytest.mark.parametrize(
    ("count", "used", "resets", "blocked", "calls", "seconds"),
    [
        (10, 0, 0.0, 0.0, 0, 0.0),
        (10, 0, 0.0, 0.0, 10, 0.0),
        (10, 0, 0.0, 0.0, 11, 60.0),
        (10, 10, 42.0, 0.0, 10, 42.0),
        (10, 10, 42.0, 0.0, 21, 42.0 + 120.0),
        (10, 4, 42.0, 0.0, 6, 0.0),
        (10, 0, 0.0, 90.0, 5, 90.0),
        (0, 0, 0.0, 0.0, 1, math.inf),
    ],
)
def test_how_long_a_queue_takes(
    count: int, used: int, resets: float, blocked: float, calls: int, seconds: float
) -> None:
    window, gauge = Limit("minute", count, 60.0), Gauge(count, 60.0, used, resets, blocked)
    assert seconds_for([window], [gauge], calls) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "a few seconds"),
        (11.2, "15 s"),
        (89, "90 s"),
        (119, "2 min"),
        (121, "3 min"),
        (9000, "2.5 h"),
        (864_000, "10 days"),
        (math.inf, "never"),
    ],
)
def test_durations_are_readable(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_queue_says_when_it_is_gone() -> None:
    assert queue_time(0) == "sent immediately"
    assert queue_time(30) == "clears in about 30 s"
    assert queue_time(math.inf) == "never clears: limit is 0"


@pytest.mark.parametrize(
    ("connector", "lanes"),
    [
        ("rows-api", ["New rows", "Row updates", "Enrichment triggers", "Exports"]),
        ("table", ["Submissions"]),
        ("routine", ["Calls"]),
    ],
)
def test_only_the_limits_that_the_connector_meets_are_shown(db: None, settings: Any, connector: str, lanes: list[str]):
    settings.CLAY_CONNECTOR = connector
    clay = next(vendor for vendor in limits.all_limits() if vendor.system == "clay")
    assert [limit.label for limit in clay.limits] == lanes


def test_leads_wait_for_submissions(db: None, settings: Any):
    for _ in range(30):
        LeadFactory()
    settings.CLAY_CONNECTOR = "table"
    waits = shown("Submissions").queue
    assert waits is not None
    assert (waits.count, waits.calls, waits.seconds) == (30, 30, 2.0)
    settings.CLAY_CONNECTOR = "routine"
    waits = shown("Calls").queue
    assert waits is not None
    assert (waits.count, waits.calls) == (30, 1)


def test_hourly_limits_of_providers_are_clays_where_it_runs_them(sales_client: Client, settings: Any):
    Provider.objects.filter(slug="apollo").update(hourly_limit=10)
    assert limits.provider_limits()
    settings.CLAY_CONNECTOR = "table"
    assert limits.provider_limits() == []
    assert "Clay runs the providers itself and keeps their limits" in page(sales_client)
