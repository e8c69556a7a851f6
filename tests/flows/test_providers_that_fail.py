"""Data providers that time out, refuse or are down: only what broke off is bought again, and nobody else waits."""

import time
from decimal import Decimal

import pytest
from django.conf import settings
from django.db.models import Sum

from enrichment.models import Alert, Attempt, Batch, Lead, Provider, WebhookDelivery
from enrichment.vendors.connections import clay
from tests.plugins.pipeline import SECRET

LEADS = 8


def run(pipeline, *, name="person", leads=LEADS, **values):
    """The leads of that name enriched and filled in; US dollars a lead."""
    for number in range(leads):
        pipeline.lead(f"{name}-{number}", **values)
    finish(pipeline)
    return cost_of(pipeline, leads)


def cost_of(pipeline, leads):
    """US dollars a lead: what our books say, which is what the sandbox was paid."""
    books = Attempt.objects.aggregate(cost=Sum("cost"))["cost"] or Decimal(0)
    told = sum(each["cost"] for each in pipeline.sandbox.stats()["clay"]["providers"].values())
    assert float(books) == pytest.approx(told)
    return told / leads


def finish(pipeline):
    """Until nothing is under way, and nothing is left to be filled in later."""
    pipeline.until(lambda: pipeline.quiet() and not Lead.objects.exclude(dispatch_after=None).exists())


def again(pipeline):
    """The same world as before, and nothing known."""
    for model in (WebhookDelivery, Batch, Attempt, Lead, Alert):
        model.objects.all().delete()
    Attempt.objects.all().delete()  # what deleting a lead leaves in the books
    pipeline.sandbox.reset()
    pipeline.sandbox.config(limits=False, speed=1000.0)
    clay().create_webhook(pipeline.receiver.url, SECRET)


def results():
    """{address: what was found, but for what another provider of a waterfall may know otherwise}."""
    told = Lead.objects.values_list("linkedin_url", "enrichment_status", "email_work", "company_size", "funding_stage")
    return {url: values for url, *values in told}


def calls(pipeline, provider):
    return pipeline.sandbox.stats()["clay"]["providers"].get(provider, {"calls": 0})["calls"]


def nobody_is_left_to_a_person():
    assert not Lead.objects.failing().exists()
    assert not Lead.objects.filter(needs_person=True).exists()
    assert set(Lead.objects.values_list("error_kind", flat=True)) == {""}


CAUSES = {
    "provider_timeout": "next_provider",
    "provider_rate_limited": "backoff",
    "provider_error": "delay",
}


@pytest.mark.parametrize("kind", list(CAUSES))
@pytest.mark.parametrize("provider", ["apollo", "lusha", "clearbit", "crunchbase", "wappalyzer"])
def test_after_a_providers_failure_only_what_broke_off_is_bought_again(pipeline, kind, provider):
    calm = run(pipeline)
    again(pipeline)
    pipeline.sandbox.fault("clay", kind, provider=provider, times=3)
    cost = run(pipeline)
    assert cost <= calm * 1.05
    nobody_is_left_to_a_person()
    broken = Attempt.objects.exclude(provider="")
    assert set(broken.values_list("provider", "error_kind")) <= {(provider, CAUSES[kind])}
    for lead in Lead.objects.all():
        assert lead.attempts.filter(provider=provider).count() < 3
    asked = [(e["name"], a.lead_id) for a in Attempt.objects.all() for e in a.providers if e["name"] == "cognism"]
    assert len(asked) == len(set(asked))  # the phone waterfall was bought once


def test_what_a_merging_waterfall_lacks_after_a_time_out_is_filled_in_later(pipeline):
    calm = run(pipeline)
    again(pipeline)
    pipeline.sandbox.fault("clay", "provider_timeout", provider="crunchbase", times=LEADS)
    cost = run(pipeline)
    assert cost == pytest.approx(calm, rel=0.05)
    assert not Lead.objects.filter(funding_stage="", enrichment_status="completed", company_size__isnull=True).exists()
    filled = Attempt.objects.filter(status="succeeded", only_providers=["crunchbase"])
    assert filled.count() == LEADS
    nobody_is_left_to_a_person()


@pytest.mark.parametrize("kind", ["provider_rate_limited", "provider_out_of_credits"])
def test_a_used_up_provider_is_not_asked_again_in_the_same_hour(pipeline, kind):
    """Its own word counts more than our count: nobody asks it until the hour is over, and no lead waits for it."""
    pipeline.sandbox.fault("clay", kind, provider="clearbit", times=1)
    pipeline.lead("first")
    pipeline.until(lambda: Alert.objects.filter(kind="rate_limited", subject="clearbit").exists())
    refused = calls(pipeline, "clearbit")
    for number in range(4):
        pipeline.lead(f"later-{number}", dispatch_priority=20)
    pipeline.until(lambda: Attempt.objects.filter(status="succeeded").count() >= 5)
    assert calls(pipeline, "clearbit") == refused == 1
    for attempt in Attempt.objects.filter(status="succeeded"):
        assert [*attempt.deferred_providers, *attempt.skip_providers] == ["clearbit"]
    finish(pipeline)
    assert calls(pipeline, "clearbit") >= refused + 5
    nobody_is_left_to_a_person()


@pytest.mark.parametrize("kind", ["429", "403_quota", "402_credits"])
def test_a_refused_trigger_that_names_a_provider_is_that_providers(pipeline, kind):
    pipeline.sandbox.fault("clay", kind, call="enrich", provider="clearbit", times=1)
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.until(lambda: Attempt.objects.filter(status="succeeded").exists())
    assert Attempt.objects.get(status="succeeded").deferred_providers == ["clearbit"]
    assert list(Alert.objects.values_list("kind", "subject")) == [("rate_limited", "clearbit")]
    finish(pipeline)
    assert Lead.objects.get().company_size


def test_a_provider_in_two_waterfalls_is_never_asked_more_often_than_its_hour_allows(pipeline):
    """Clearbit stands in two; a lead may need it twice, so the hour is shared out by the worst case."""
    hour = {"clearbit": 10, "builtwith": 6}
    for slug, limit in hour.items():
        Provider.objects.filter(slug=slug).update(hourly_limit=limit)
    pipeline.sandbox.config(limits=True, providers_per_hour=hour, rows_per_minute=100_000, triggers_per_minute=100_000,
                            updates_per_minute=100_000, ghl_per_ten_seconds=100_000)  # fmt: skip
    run(pipeline, name="limited", leads=20)
    assert pipeline.sandbox.stats()["clay"]["provider_over_limit"] == 0
    assert calls(pipeline, "clearbit") >= 20
    assert calls(pipeline, "builtwith") == 20
    assert Attempt.objects.filter(only_providers__contains=["builtwith"], status="succeeded").exists()


def test_a_provider_whose_limit_is_0_is_never_asked_and_nobody_waits_for_it(pipeline):
    Provider.objects.filter(slug="crunchbase").update(hourly_limit=0)
    run(pipeline, leads=3)
    assert calls(pipeline, "crunchbase") == 0
    assert not Lead.objects.exclude(only_providers=[]).exists()


def test_a_provider_that_is_down_for_an_hour_keeps_no_lead_from_going_on(pipeline):
    """Fifty-five simulated minutes, in which leads come all the time: each goes on without it and gets it later."""
    calm = run(pipeline, leads=12)
    found = results()
    again(pipeline)
    for each in ("crunchbase", "cognism"):
        pipeline.sandbox.fault("clay", "provider_error", provider=each)
    ends = time.monotonic() + 3300 / settings.CLOCK_SPEED
    for number in range(12):
        pipeline.lead(f"person-{number}")
        if number % 4 == 3:
            pipeline.step()
    while time.monotonic() < ends:
        pipeline.step()
    pipeline.sandbox.no_faults()
    finish(pipeline)
    assert cost_of(pipeline, 12) <= calm * 1.05
    nobody_is_left_to_a_person()
    named = Attempt.objects.exclude(provider="").values_list("provider", "error_kind")
    assert set(named) <= {("crunchbase", "delay"), ("cognism", "delay")}
    assert results() == found


def test_a_fifth_of_the_webhooks_lost_loses_no_lead_and_costs_no_more(pipeline):
    calm = run(pipeline, leads=25)
    again(pipeline)
    pipeline.sandbox.fault("clay", "drop_webhook", probability=0.2)
    cost = run(pipeline, leads=25)
    assert cost == pytest.approx(calm, rel=0.05)
    lost = 25 - len({body["row_id"] for _, body in pipeline.receiver.deliveries[-25:]})
    assert Attempt.objects.filter(polls__gt=0).count() >= min(lost, 1)
    assert Attempt.objects.count() == 25
    nobody_is_left_to_a_person()
