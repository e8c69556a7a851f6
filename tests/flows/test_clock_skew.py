"""Clay's clock is ahead of ours or behind it: nothing is taken for stale, nothing is paid twice."""

import pytest

from enrichment.leads.actions import retry_leads
from enrichment.models import Attempt, Lead, WebhookDelivery

HOUR, DAY = 3_600.0, 86_400.0


@pytest.mark.parametrize("skew", [-30 * DAY, -HOUR, 200.0, HOUR, 30 * DAY])
def test_two_runs_on_a_clock_that_is_wrong_all_the_time(pipeline, skew):
    pipeline.sandbox.config(clock_skew_seconds=skew)
    lead = pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.settle()
    retry_leads([Lead.objects.get(pk=lead.pk)], by=None)
    pipeline.settle()
    assert Attempt.objects.filter(status="succeeded").count() == 2
    assert pipeline.sandbox.stats()["clay"]["enriched"] == 2
    assert not WebhookDelivery.objects.filter(verdict="stale").exists()
    assert Lead.objects.get().enrichment_status == "completed"


@pytest.mark.parametrize("skew", [-DAY, 0.0, DAY])
def test_a_trigger_whose_answer_was_lost_is_paid_once(pipeline, skew):
    """Whether it took effect is told by the row, not by comparing two clocks."""
    pipeline.sandbox.config(clock_skew_seconds=skew)
    pipeline.sandbox.fault("clay", "reset_after_effect", call="enrich", times=1)
    pipeline.sandbox.fault("clay", "drop_webhook", times=1)
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.settle()
    assert pipeline.sandbox.stats()["clay"]["enriched"] == 1
    assert Attempt.objects.get().status == "succeeded"


def test_a_clock_that_is_set_right_between_two_runs(pipeline):
    """The second news is older than the first by its own words; the row is asked for, and read all the same."""
    pipeline.sandbox.config(clock_skew_seconds=250.0)
    lead = pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.settle()
    pipeline.sandbox.config(clock_skew_seconds=0.0)
    retry_leads([Lead.objects.get(pk=lead.pk)], by=None)
    pipeline.settle()
    assert Attempt.objects.filter(status="succeeded").count() == 2
    assert Lead.objects.get().enrichment_status == "completed"
