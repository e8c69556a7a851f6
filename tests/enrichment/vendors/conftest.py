"""Clients that talk to a scripted vendor, on a clock fast enough that no test waits."""

from collections.abc import Iterator

import pytest

from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.gohighlevel.client import GoHighLevelClient
from enrichment.vendors.instantly.client import InstantlyClient

from .scripted import ScriptedVendor


@pytest.fixture(autouse=True)
def vendor_settings(settings):
    """Retries within milliseconds; the limits' windows keep seconds."""
    settings.CLOCK_SPEED = 20.0
    settings.VENDOR_TIMEOUT_SECONDS = 1.0
    settings.VENDOR_LATENCY_SECONDS = 0.05
    settings.CLAY_LIMIT_UNIT = "calls"
    return settings


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    scripted = ScriptedVendor()
    yield scripted
    scripted.stop()


@pytest.fixture
def clay(vendor: ScriptedVendor) -> Iterator[RowsApi]:
    client = RowsApi(vendor.url + "/v1", "clay-key", "ws_1")
    yield client
    client.close()


@pytest.fixture
def ghl(vendor: ScriptedVendor) -> Iterator[GoHighLevelClient]:
    client = GoHighLevelClient(vendor.url, "ghl-key", "loc_1")
    yield client
    client.close()


@pytest.fixture
def instantly(vendor: ScriptedVendor) -> Iterator[InstantlyClient]:
    client = InstantlyClient(vendor.url + "/api/v2", "instantly-key")
    yield client
    client.close()
