"""A process killed with -9 at every point of every call that writes: nothing is lost, nothing is done twice."""

import signal

import pytest

from enrichment.models import Attempt, Disclosure, Handover, Lead
from enrichment.pipeline import crash_recovery
from tests.flows.dying import CALLS, POINTS
from tests.plugins.sandbox import KEYS, PATIENCE_SECONDS

pytestmark = pytest.mark.flow


def ready_for(stage, pipeline):
    """Run the stages before this one, and leave its work due."""
    earlier = {
        "rows": lambda: Lead.objects.filter(dispatch_after__isnull=False).exists(),
        "trigger": lambda: Lead.objects.filter(clay_row_id__isnull=False, dispatch_after__isnull=False).exists(),
        "ghl": lambda: Handover.objects.filter(system="ghl", status="planned").exists(),
        "instantly": lambda: Handover.objects.filter(system="instantly", status="planned").exists(),
        "write_back": lambda: Lead.objects.filter(write_back_after__isnull=False).exists(),
    }[stage.removesuffix("_tags")]
    pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.stages_until(earlier)


def environment(process_environment, sandbox, settings):
    return {
        **process_environment,
        **{name.upper(): value for name, value in KEYS.items()},
        "SWARM_MODE": "test",
        "CLAY_API_BASE_URL": settings.CLAY_API_BASE_URL,
        "GHL_API_BASE_URL": settings.GHL_API_BASE_URL,
        "INSTANTLY_API_BASE_URL": settings.INSTANTLY_API_BASE_URL,
        "INSTANTLY_CAMPAIGN_ID": settings.INSTANTLY_CAMPAIGN_ID,
        "CLOCK_SPEED": "1000",
        "VENDOR_LATENCY_SECONDS": "0.02",
    }


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("stage", [stage for stage in CALLS if stage != "submit"])  # of another connector
def test_killed_there_it_is_done_once(pipeline, process_environment, forkers, settings, stage, point):
    ready_for(stage, pipeline)
    told = environment(process_environment, pipeline.sandbox, settings)
    killed = forkers.of(told).start("tests.flows.dying", stage, point)
    assert killed.wait(PATIENCE_SECONDS) == -signal.SIGKILL, "it was to die in the call"

    settings.LEASE_SECONDS = 0
    crash_recovery.recover_lost_calls()
    settings.LEASE_SECONDS = 120
    pipeline.settle()

    stats, state = pipeline.sandbox.stats(), pipeline.sandbox.state
    (row,) = state("clay")["tables"]["tbl_test"]
    (contact,) = state("ghl")["contacts"]
    (entry,) = state("instantly")["leads"]
    lead = Lead.objects.get()
    assert stats["clay"]["enriched"] == 1, "paid once"
    assert (lead.clay_row_id, lead.ghl_contact_id, lead.instantly_lead_id) == (
        row["id"],
        contact["id"],
        entry["id"],
    )
    assert (row["ghl_contact_id"], row["instantly_lead_id"]) == (contact["id"], entry["id"])
    assert {"swarm", "icp tier 1"} <= set(contact["tags"])
    assert Attempt.objects.filter(status="succeeded").count() == 1
    assert sorted(Disclosure.objects.values_list("system", flat=True)) == ["ghl", "instantly"]
    assert set(Handover.objects.values_list("status", flat=True)) == {"done"}
