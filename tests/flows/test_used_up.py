"""A quota or credits that are used up stop what is begun anew; what is paid for is still read."""

import datetime

import pytest
from django.utils import timezone

from enrichment.drift import reconcile
from enrichment.models import Alert, Attempt, Lead, ReconcileRun, ServiceHold
from enrichment.monitoring import banners
from enrichment.pipeline import poll
from enrichment.pipeline.receive import reading
from enrichment.vendor_pauses import pauses

KINDS = {"402_credits": "credits", "403_quota": "pause_until_reset"}


@pytest.fixture(params=KINDS)
def used_up(request, pipeline):
    """Two leads at Clay, and one whose trigger was refused."""
    for number in range(2):
        pipeline.lead(f"paid-{number}", dispatch_priority=20)
    pipeline.stages_until(lambda: Attempt.objects.filter(status="running").count() == 2)
    pipeline.lead("unpaid", dispatch_priority=20)
    pipeline.sandbox.fault("clay", request.param, call="enrich")
    pipeline.stages_until(lambda: ServiceHold.objects.exists())
    assert ServiceHold.objects.get().reason == KINDS[request.param]
    return request.param


def test_webhooks_and_deliveries_go_on(pipeline, used_up):
    pipeline.until(lambda: Lead.objects.filter(enrichment_status="completed").count() == 2)
    assert Lead.objects.get(enrichment_status="pending").linkedin_url.endswith("unpaid")
    assert ServiceHold.objects.filter(lifted_at=None).count() == 1
    pipeline.sandbox.no_faults()
    pauses.end_pause(ServiceHold.objects.get())
    pipeline.settle()
    assert Lead.objects.filter(enrichment_status="completed").count() == 3


def test_polls_and_exports_go_on(pipeline, used_up, monkeypatch):
    monkeypatch.setattr(reading, "run_due", lambda: 0)
    Attempt.objects.filter(status="running").update(poll_after=timezone.now())
    assert poll.run_due() == 2
    assert reconcile.run_due() > 0
    assert not ReconcileRun.objects.get().error


def test_what_became_of_a_lost_call_is_read(pipeline, used_up):
    pipeline.sandbox.fault("clay", "reset_after_effect", call="rows.create", times=1)
    ServiceHold.objects.update(lifted_at=timezone.now())
    lead = pipeline.lead("lost", dispatch_priority=20)
    pipeline.stages_until(lambda: ServiceHold.objects.filter(lifted_at=None).exists())
    pipeline.until(lambda: Lead.objects.get(pk=lead.pk).clay_row_id)
    assert ServiceHold.objects.filter(lifted_at=None).exists()


def test_reading_that_is_refused_as_well_is_paused(pipeline, settings, used_up):
    pipeline.sandbox.fault("clay", used_up, call="rows.get")
    Attempt.objects.filter(status="running").update(poll_after=timezone.now())
    poll.run_due()
    assert ServiceHold.objects.get(lifted_at=None).reads
    calls = pipeline.sandbox.stats()["clay"]["requests"]
    Attempt.objects.filter(status="running").update(poll_after=timezone.now() - datetime.timedelta(seconds=1))
    assert poll.run_due() == 0
    assert pipeline.sandbox.stats()["clay"]["requests"] == calls
    assert set(Attempt.objects.filter(status="running").values_list("polls", flat=True)) == {0}


def test_the_words_are_true(pipeline, used_up, sales_client):
    (hold,) = banners.current_banners().holds
    told = sales_client.get("/connections/").content.decode() + Alert.objects.get(closed_at=None).sentence
    assert "402 402" not in told
    assert "still processed" in hold.outlook
    if used_up == "402_credits":
        assert "Credits don't reset automatically" in told
        assert "Buy credits or wait" in told
        assert "resumes automatically" not in told
    else:
        assert "Quotas reset automatically" in told
