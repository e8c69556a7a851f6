"""Overview, by persona; its numbers are those of the tables."""

import datetime
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from enrichment import alerts
from enrichment.failures import groups
from enrichment.leads.filters import LeadFilter
from enrichment.models import (
    AlertKind,
    Attempt,
    Handover,
    Lead,
    ServiceHold,
    WaterfallVersion,
    WebhookDelivery,
)
from enrichment.overview import figures
from enrichment.states import DeliveryStatus, EnrichmentStatus, HandoverStatus
from swarm_admin.core.cache import cached
from swarm_admin.core.percent import percent_of
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory

FRAGMENT = {"HX-Request": "true"}
ADDRESSES = ("/", "/overview/charts/", "/holds/")


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_may_look(sales_client: Client, compliance_client: Client, admin_client: Client, address: str) -> None:
    assert [c.get(address).status_code for c in (sales_client, compliance_client, admin_client)] == [200] * 3


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_may_not(nobody_client: Client, address: str) -> None:
    assert nobody_client.get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_the_funnel_counts_how_far_leads_have_come(sales_client: Client) -> None:
    LeadFactory()
    EnrichedLeadFactory(ghl_contact_id="c1", instantly_lead_id="i1")
    EnrichedLeadFactory(icp_tier=3, icp_score=20)
    context = sales_client.get("/").context
    assert [step["count"] for step in context["steps"]] == [3, 2, 2, 2, 2, 1, 1]
    assert [step["percent"] for step in context["steps"]][:2] == [100, 66]
    assert context["under_way"] == 1
    assert context["good"] == 1


def test_a_lead_that_has_fallen_out_of_the_campaign_s_tiers_is_counted_apart(sales_client: Client) -> None:
    """So that no step is greater than what it is part of."""
    EnrichedLeadFactory(instantly_lead_id="i1")
    EnrichedLeadFactory(instantly_lead_id="i2", icp_tier=3, icp_score=20)
    EnrichedLeadFactory(instantly_lead_id="i3", icp_tier=None)
    page = sales_client.get("/")
    counts = {step["key"]: step["count"] for step in page.context["steps"]}
    assert (page.context["good"], counts["instantly"], page.context["counts"]["fallen"]) == (1, 1, 2)
    assert "2</span> more leads in Instantly are no longer in Tier 1 or 2" in page.content.decode()


def test_a_lead_that_never_reached_clay_was_not_enriched(sales_client: Client) -> None:
    """Refused with its row or its trigger; one whose run failed was started, and so was one that is under way."""
    never = FailedLeadFactory(clay_row_id=None)
    refused = FailedLeadFactory(clay_row_id="row_refused")
    ran = FailedLeadFactory(clay_row_id="row_ran")
    LeadFactory(clay_row_id="row_at_work", enrichment_status=EnrichmentStatus.IN_PROGRESS)
    version, now = WaterfallVersion.active(), timezone.now()
    for lead, triggered_at in ((never, None), (refused, None), (ran, now)):
        Attempt.objects.create(lead=lead, waterfall=version, status="failed", triggered_at=triggered_at)
    counts = {step["key"]: step["count"] for step in sales_client.get("/").context["steps"]}
    assert counts | {"received": 4, "in_clay": 3, "asked": 2, "final": 1} == counts


def test_where_clay_names_no_row_a_lead_has_come_as_far_as_its_run(sales_client: Client) -> None:
    version, now = WaterfallVersion.active(), timezone.now()
    enriched, quick = EnrichedLeadFactory(clay_row_id=None), EnrichedLeadFactory(clay_row_id=None)
    at_work = LeadFactory(clay_row_id=None, enrichment_status=EnrichmentStatus.IN_PROGRESS)
    refused = FailedLeadFactory(clay_row_id=None)
    runs = [(enriched, "succeeded", now), (at_work, "running", now), (refused, "abandoned", None)]
    runs.append((quick, "succeeded", None))  # its result came before what we sent was recorded
    for lead, status, at in runs:
        Attempt.objects.create(
            lead=lead, waterfall=version, status=status, triggered_at=at, reference=f"run-of-{lead.pk}"
        )
    counts = {step["key"]: step["count"] for step in sales_client.get("/").context["steps"]}
    assert counts | {"received": 4, "in_clay": 3, "asked": 3, "final": 2} == counts


def test_today_leaves_yesterday_out(sales_client: Client) -> None:
    LeadFactory(received_at=timezone.now() - datetime.timedelta(days=1, minutes=1))
    assert sales_client.get("/").context["counts"]["received"] == 0
    assert sales_client.get("/?scope=all").context["counts"]["received"] == 1


def test_spend_is_of_attempts_that_ended(sales_client: Client) -> None:
    waterfall, now = WaterfallVersion.active(), timezone.now()
    for cost, ended in (("0.10", now), ("0.25", now), ("9", None), ("7", now - datetime.timedelta(days=40))):
        Attempt.objects.create(
            lead=LeadFactory(),
            waterfall=waterfall,
            status="succeeded",
            finished_at=ended,
            cost=Decimal(cost),
        )
    spend = sales_client.get("/").context["spend"]
    assert (spend["today"], spend["month"]) == (Decimal("0.35"), Decimal("0.35"))


def test_what_needs_a_person_is_what_failures_show(sales_client: Client) -> None:
    now = timezone.now()
    FailedLeadFactory.create_batch(2, error_at=now - datetime.timedelta(hours=3))
    Handover.objects.create(lead=LeadFactory(), system="ghl", status="failed", finished_at=now)
    WebhookDelivery.objects.create(body=b"{}", body_hash="x", status="failed", processed_at=now)
    page = sales_client.get("/")
    assert page.context["waiting"] == 4 == sales_client.get("/failures/").context["rows"]
    text = page.content.decode()
    assert "4 failures</a> need attention." in text
    for group in groups.all_groups():
        assert reverse("failure", args=[group.cause.key]) in text
    assert "3 h ago" in text
    assert '<td data-label="Provider or system">Apollo</td>' in text


STATES = [
    (status, needs_person, error, pending)
    for status in EnrichmentStatus.values
    for needs_person in (False, True)
    for error in ("", "delay", "unenrichable")
    for pending in ("", "retry", "fill_in", "fill_in_again")
]


def test_overview_and_failures_count_the_same_in_every_state(sales_client: Client) -> None:
    """Every status, needed by a person or not, with every sort of error, whatever is due for it."""
    due = {
        "": {},
        "retry": {"dispatch_tries": 1},
        "fill_in": {"only_providers": ["builtwith"]},
        "fill_in_again": {"only_providers": ["builtwith"], "dispatch_tries": 1},
    }
    for status, needs_person, error, pending in STATES:
        LeadFactory(
            enrichment_status=status,
            needs_person=needs_person,
            error_kind=error,
            error_at=timezone.now() if error else None,
            dispatch_after=timezone.now() if pending else None,
            **due[pending],
        )
    for status in HandoverStatus.values:
        Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status=status)
    for status in DeliveryStatus.values:
        WebhookDelivery.objects.create(body=b"{}", body_hash=status, status=status)
    cache.clear()
    for address in ("/", "/?scope=all"):
        seen, listed = sales_client.get(address), sales_client.get("/failures/").context
        assert seen.context["waiting"] == listed["rows"] == groups.totals().rows
        assert seen.context["waiting_leads"] == Lead.objects.failing().count()
        shown = f'<dt>Needs attention</dt>\n  <dd><span class="figure-value num"><a href="/failures/">{listed["rows"]}'
        assert shown in seen.content.decode()
    everybody = Lead.objects.all()
    attention = LeadFilter(QueryDict("person=yes"), queryset=everybody).narrow(everybody)
    assert set(attention) == set(Lead.objects.failing())


def test_what_is_tried_again_by_itself_needs_nobody(db: None) -> None:
    FailedLeadFactory(
        needs_person=False,
        enrichment_status="partial",
        only_providers=["builtwith"],
        dispatch_tries=1,
        dispatch_after=timezone.now(),
    )
    assert groups.totals().rows == 0


def test_causes_beyond_the_largest_are_counted_all_the_same(
    sales_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 2)
    for kind in ("delay", "needs_person", "set_aside"):
        FailedLeadFactory(error_kind=kind)
    assert groups.totals().rows == 3 == sales_client.get("/failures/").context["rows"]


def test_the_funnel_says_who_waits_for_a_fill_in(sales_client: Client) -> None:
    later = timezone.now() + datetime.timedelta(minutes=40, seconds=5)
    lead = EnrichedLeadFactory(only_providers=["builtwith"], dispatch_after=later)
    assert "is waiting for a fill-in" in sales_client.get("/").content.decode()
    listed = sales_client.get("/leads/?fill_in=yes")
    assert "waiting for BuiltWith" in listed.content.decode()
    assert "waiting for" not in sales_client.get("/leads/?fill_in=no").content.decode()
    page = sales_client.get(f"/leads/{lead.pk}/").content.decode()
    assert "Fill-in due" in page
    assert "in 40 min" in page


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(0, 0, 0), (0, 9, 0), (1, 1_000, 1), (999, 1_000, 99), (9, 9, 100), (2, 3, 66), (15, 10, 150)],
)
def test_percent_is_all_only_where_it_is_all(part: int, whole: int, percent: int) -> None:
    assert percent_of(part, whole) == percent


def test_work_that_a_later_delivery_has_done_is_not_asked_for(sales_client: Client) -> None:
    lead = LeadFactory()
    Handover.objects.create(lead=lead, system="ghl", status="failed", finished_at=timezone.now())
    Handover.objects.create(lead=lead, system="ghl", status="done", finished_at=timezone.now())
    assert sales_client.get("/").context["waiting"] == 0


def test_an_ignored_cause_waits_for_nobody(sales_client: Client) -> None:
    FailedLeadFactory()
    [group] = groups.all_groups()
    groups.ignore_group(group.cause, reason="known", by=None)
    cache.clear()
    assert sales_client.get("/").context["waiting"] == 0


def test_the_verdict_knows_open_alerts_and_unread_webhooks(sales_client: Client) -> None:
    LeadFactory()
    WebhookDelivery.objects.create(body=b"{}", body_hash="x")
    assert "1 lead in progress, 1 webhook unprocessed." in sales_client.get("/").content.decode()
    alerts.raise_alert(alerts.Cause(AlertKind.DRIFT, "clay"), "They disagree.")
    text = sales_client.get("/").content.decode()
    assert "No known problems" not in text
    assert "1 open alert</a>." in text


def test_a_hold_stands_on_every_page_until_it_is_over(sales_client: Client) -> None:
    ServiceHold.objects.create(system="clay", reason="pause_until_reset", message="quota exhausted")
    for address in ("/", "/connections/", "/holds/"):
        assert "Clay is paused" in sales_client.get(address).content.decode()
    ServiceHold.objects.update(until=timezone.now() - datetime.timedelta(seconds=1))
    assert "Clay is paused" not in sales_client.get("/holds/").content.decode()


def test_htmx_gets_the_live_part_alone(sales_client: Client) -> None:
    text = sales_client.get("/", headers=FRAGMENT).content.decode()
    assert text.strip().startswith('<div id="overview-live"')
    assert "<html" not in text


def test_charts_count_per_step(sales_client: Client) -> None:
    now = timezone.now()
    LeadFactory.create_batch(3, received_at=now)
    EnrichedLeadFactory(received_at=now - datetime.timedelta(hours=5))
    Handover.objects.create(lead=LeadFactory(received_at=now), system="ghl", status="done", finished_at=now)
    for length, steps, received in (("10m", 60, 4), ("hour", 60, 4), ("day", 24, 5), ("nonsense", 60, 4)):
        drawn = sales_client.get(f"/overview/charts/?scope=all&range={length}").json()
        assert drawn["tiers"] == [1, 0, 0, 4]
        assert len(drawn["throughput"]["received"]) == steps
        assert sum(drawn["throughput"]["received"]) == received
        assert sum(drawn["throughput"]["delivered"]) == 1


def test_the_page_asks_little_and_remembers(sales_client: Client, django_assert_max_num_queries: object) -> None:
    LeadFactory.create_batch(3)
    # Fifteen for the time that what waits will take, three for what stands still, six ask which connector is in use.
    with django_assert_max_num_queries(50):
        sales_client.get("/")
    with django_assert_max_num_queries(14):
        sales_client.get("/")


@pytest.mark.django_db
def test_an_answer_is_computed_once_while_it_is_fresh() -> None:
    calls: list[int] = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"n": len(calls)}

    assert cached("probe", compute) == cached("probe", compute) == {"n": 1}
    cache.clear()
    assert cached("probe", compute) == {"n": 2}


@pytest.mark.django_db
def test_while_one_computes_others_get_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarm_admin.core.cache.FRESH_SECONDS", 0)
    monkeypatch.setattr("swarm_admin.core.cache.SHARE", 0)
    assert cached("probe", lambda: "first") == "first"

    def slow() -> str:
        return f"while this ran: {cached('probe', lambda: 'never')}"

    assert cached("probe", slow) == "while this ran: first"
    assert cached("probe", lambda: "third") == "third"


def test_where_creating_enriches_the_funnel_has_one_step_for_both(sales_client: Client, settings: object) -> None:
    settings.CLAY_CONNECTOR = "table"  # type: ignore[attr-defined]
    EnrichedLeadFactory(clay_row_id=None, clay_table_id="")
    LeadFactory(enrichment_status="in_progress", dispatch_after=None)
    LeadFactory()
    counts = figures.stages("all")
    assert (counts["in_clay"], counts["asked"], counts["final"]) == (2, 2, 1)
    labels = [step["label"] for step in figures.funnel(counts)]
    assert labels[:3] == ["Received", "Submitted to Clay", "Enriched, final status"]
