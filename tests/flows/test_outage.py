"""A vendor that does not answer for minutes or days: one pause, its true cause, and everything goes on by itself."""

import pytest
from django.utils import timezone

from enrichment.connections import health, probing
from enrichment.drift import reconcile
from enrichment.failures import groups as failures
from enrichment.models import Alert, Attempt, BatchItem, Handover, Lead, ReconcileRun, ServiceHold
from enrichment.monitoring import standstill, watch
from enrichment.vendor_pauses import pauses
from enrichment.vendors import transport
from enrichment.vendors.connections import clay

MINUTES, DAYS = 200.0, 20_000.0  # speeds of the clock: ten minutes are three seconds, three days thirteen
TEN_MINUTES, THREE_DAYS = 600.0, 259_200.0
NAMES = {"clay": "Clay", "ghl": "GoHighLevel", "instantly": "Instantly"}


def at_speed(pipeline, settings, speed):
    settings.CLOCK_SPEED = speed
    pipeline.sandbox.config(speed=speed)
    return pipeline


@pytest.fixture
def fast(pipeline, settings):
    return at_speed(pipeline, settings, DAYS)


@pytest.fixture
def slow(pipeline, settings):
    return at_speed(pipeline, settings, MINUTES)


def calls(pipeline):
    """All calls to Clay but its probe."""
    made = pipeline.sandbox.stats()["clay"]["calls"].items()
    return sum(call["requests"] for name, call in made if name != "tables.list")


def nobody_failed():
    return not (
        Lead.objects.filter(enrichment_status__in=("failed", "unenrichable")).exists()
        or Lead.objects.filter(needs_person=True).exists()
        or Handover.objects.filter(status="failed").exists()
        or BatchItem.objects.filter(status="set_aside").exists()
    )


def under_way(pipeline, count):
    """Leads in every stage: some delivered, some at Clay, some that have not left."""
    for number in range(count):
        pipeline.lead(f"early-{number}", dispatch_priority=20)
    pipeline.until(lambda: Handover.objects.filter(status="done").exists())
    for number in range(count):
        pipeline.lead(f"late-{number}", dispatch_priority=20)
    for stage in pipeline.stages()[:2]:
        stage()


def down(pipeline, vendor, seconds):
    """Out from now on; the open hold, once there is one."""
    pipeline.sandbox.fault(vendor, "outage", lasts=seconds)
    return pipeline.until(lambda: ServiceHold.objects.filter(lifted_at=None).first())


def settled(pipeline):
    """Went on by itself: without a failure at any moment, every lead whole and once everywhere."""

    def done():
        assert nobody_failed(), pipeline.state()
        return pipeline.quiet()

    pipeline.until(done)
    state, count = pipeline.sandbox.state, Lead.objects.count()
    assert len({row["linkedin_url"] for row in state("clay")["tables"]["tbl_test"]}) == count
    assert len(state("clay")["tables"]["tbl_test"]) == count
    assert len(state("ghl")["contacts"]) == Lead.objects.exclude(ghl_contact_id="").count() == count
    assert pipeline.sandbox.stats()["instantly"]["duplicates_by_email"] == 0
    assert pipeline.sandbox.stats()["clay"]["enriched"] == count  # nobody was bought twice
    failures.forget_groups()
    assert failures.all_groups() == []


@pytest.mark.parametrize("vendor", NAMES)
def test_an_outage_of_ten_minutes_fails_nobody(slow, vendor):
    under_way(slow, 8)
    hold = down(slow, vendor, TEN_MINUTES)
    assert (hold.system, hold.reason) == (vendor, "vendor_down")
    settled(slow)
    assert ServiceHold.objects.filter(reason="vendor_down", system=vendor).count() == ServiceHold.objects.count()
    assert not Alert.objects.filter(closed_at=None, kind="no_answer").exists()
    assert Attempt.objects.filter(status="failed").count() == 0
    assert not any(each.failing for each in health.all_vendors())


def test_an_outage_of_three_days_is_one_pause_and_ends_by_itself(fast, sales_client):
    under_way(fast, 8)
    hold = down(fast, "clay", THREE_DAYS)
    made = calls(fast)
    for _ in range(20):
        fast.step()
        watch.check_conditions()
    assert calls(fast) == made  # but for the probes
    assert ServiceHold.objects.filter(lifted_at=None).get().pk == hold.pk
    assert nobody_failed()
    alert = Alert.objects.get(kind="no_answer")
    assert (alert.system, alert.closed_at, alert.severity) == ("clay", None, 3)
    assert "Clay is paused: not responding (" in alert.sentence
    assert not Alert.objects.filter(closed_at=None, kind__in=("overdue", "needs_person", "rate_limited")).exists()
    for page in ("/", "/alerts/", "/connections/"):
        told = sales_client.get(page).content.decode()
        assert "not responding" in told
        assert "No open alerts." not in told
        assert "No known problems" not in told
    settled(fast)
    probes = fast.sandbox.stats()["clay"]["calls"]["tables.list"]["requests"]
    assert 2 <= probes <= 5 + THREE_DAYS / 900
    assert ServiceHold.objects.filter(lifted_at=None).count() == 0


def test_a_closed_alert_does_not_hide_an_outage(fast, sales_client):
    down_now = under_way(fast, 2) or down(fast, "clay", THREE_DAYS)
    Alert.objects.all().delete()
    assert "Clay is paused" in sales_client.get("/alerts/").content.decode()
    assert "No open alerts." not in sales_client.get("/alerts/").content.decode()
    ServiceHold.objects.filter(pk=down_now.pk).update(until=down_now.since)
    probing.run_due()
    assert Alert.objects.get(kind="no_answer").closed_at is None  # told anew, for as long as it lasts


def test_a_paused_vendor_is_no_standstill(fast, settings):
    under_way(fast, 2)
    down(fast, "clay", THREE_DAYS)
    settings.WATCHDOG_STALL_SECONDS = 0.0
    kept = {"rows", "triggers", "polls", "comparison"}
    ServiceHold.objects.update(until=timezone.now() + timezone.timedelta(hours=1))
    assert not {stage.name for stage in standstill.check_standstill().stages} & kept
    # Nobody makes the probe that is due: then the pause explains nothing.
    ServiceHold.objects.update(until=timezone.now() - timezone.timedelta(hours=1))
    assert {stage.name for stage in standstill.check_standstill().stages} & kept


def test_a_person_may_resume_before_the_next_probe(fast):
    under_way(fast, 2)
    hold = down(fast, "clay", THREE_DAYS)
    fast.sandbox.no_faults()
    pauses.end_pause(hold)
    settled(fast)


def test_a_probe_is_one_call(fast):
    under_way(fast, 2)
    hold = down(fast, "clay", THREE_DAYS)
    before = fast.sandbox.stats()["clay"]["requests"]
    ServiceHold.objects.filter(pk=hold.pk).update(until=hold.since)
    assert probing.run_due() == 1
    assert fast.sandbox.stats()["clay"]["requests"] == before + 1


def test_only_triggers_go_unanswered_and_nobody_fails(pipeline, settings):
    """Reads are answered, so triggers are paused alone: the pauses follow each other until triggers are answered."""
    fast = at_speed(pipeline, settings, 10 * MINUTES)
    for number in range(4):
        fast.lead(f"partly-{number}", dispatch_priority=20)
    fast.sandbox.fault("clay", "outage", call="enrich", lasts=4 * 3600.0)
    fast.until(lambda: ServiceHold.objects.filter(reason="vendor_down").count() > 2)
    assert "clay.triggers" in ServiceHold.objects.values_list("system", flat=True)
    settled(fast)


def test_an_export_that_is_never_answered_stops_nothing_else(slow):
    """The comparison ends with its error; all the while Clay is used as ever."""
    slow.sandbox.fault("clay", "500", call="export")
    for number in range(4):
        slow.lead(f"beside-{number}", dispatch_priority=20)

    def ended():
        clay().list_tables()
        reconcile.run_due()
        return ReconcileRun.objects.filter(is_open=False).exists()

    slow.until(ended)
    assert "500" in ReconcileRun.objects.get(is_open=False).error
    assert not ServiceHold.objects.exists()
    settled(slow)


def test_one_contact_that_is_never_answered_is_a_person_s_and_its_vendor_goes_on(slow):
    """Nothing else is sent there meanwhile, so one probe tells that it is not the vendor."""
    slow.sandbox.fault("ghl", "500", call="contacts.upsert")
    slow.lead("poison", dispatch_priority=20)
    slow.until(lambda: Handover.objects.filter(system="ghl", status="failed").exists())
    assert ServiceHold.objects.filter(system="ghl").count() <= 1
    slow.sandbox.no_faults()
    slow.lead("next", dispatch_priority=20)
    slow.until(lambda: Handover.objects.filter(system="ghl", status="done").exists())
    assert not ServiceHold.objects.filter(lifted_at=None).exists()


def test_a_504_that_names_no_provider_skips_none(fast):
    fast.sandbox.fault("clay", "504", call="enrich", times=2)
    fast.lead("gateway", dispatch_priority=20)
    settled(fast)
    assert {tuple(attempt.skip_providers) for attempt in Attempt.objects.all()} == {()}


def test_the_row_ends_with_an_answer(fast, monkeypatch):
    """Failures that others' answers lie between pause nobody."""
    monkeypatch.setattr(transport, "RETRY_FOR_SECONDS", 5 * DAYS)  # true seconds, on a loaded machine as well
    for _ in range(10):
        fast.sandbox.fault("clay", "502", call="tables.list", times=1)
        clay().list_tables()  # repeated by the transport within seconds
    assert not ServiceHold.objects.exists()
