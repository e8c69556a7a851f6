"""A vendor without a key: what is to be delivered waits under one pause, and nothing is given up."""

import pytest

from enrichment.models import Handover, ServiceHold
from enrichment.pipeline.deliver import running
from enrichment.vendors.connections import close_clients
from tests.factories import EnrichedLeadFactory

KEYS = {"ghl": "GHL_API_KEY", "instantly": "INSTANTLY_API_KEY"}


@pytest.mark.parametrize("system", KEYS)
def test_deliveries_wait_under_a_pause(pipeline, settings, system):
    setattr(settings, KEYS[system], "")
    close_clients()
    for _ in range(2):
        Handover.objects.create(lead=EnrichedLeadFactory(), system=system, status="planned")
    running.run_due(system)
    assert running.seconds_until_slot(system) == 0.0
    assert set(Handover.objects.values_list("status", "tries", "error_kind")) == {("planned", 0, "misconfigured")}
    hold = ServiceHold.objects.get(lifted_at=None)
    assert (hold.system, hold.reason) == (system, "refresh_key")
