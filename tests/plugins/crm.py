"""GoHighLevel and Instantly in the sandbox, as this process is configured to call them."""

from collections.abc import Iterator
from typing import Any

import pytest

from enrichment.vendors.connections import close_clients
from tests.plugins.sandbox import KEYS, Sandbox


@pytest.fixture
def crm(sandbox: Sandbox, settings: Any, db: None) -> Iterator[Sandbox]:
    """GoHighLevel with a location that has no field of ours, Instantly with three campaigns."""
    settings.GHL_API_BASE_URL = f"{sandbox.url}/ghl"
    settings.INSTANTLY_API_BASE_URL = f"{sandbox.url}/instantly/api/v2"
    for name in ("GHL_API_KEY", "GHL_LOCATION_ID", "INSTANTLY_API_KEY"):
        setattr(settings, name, KEYS[name.lower()])
    settings.INSTANTLY_CAMPAIGN_ID = "first"
    sandbox.config(
        limits=False,
        ghl_custom_fields="location",
        instantly_campaign_id="first",
        instantly_campaigns={"second": {"name": "Founders", "status": 1}, "third": {"name": "Spring", "status": 2}},
    )
    close_clients()
    yield sandbox
    close_clients()
