"""The three clients as configured, one of each per process."""

import functools
import os
from typing import Final

from django.conf import settings

from enrichment.vendors import vendor_health
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.gohighlevel.client import GoHighLevelClient
from enrichment.vendors.instantly.client import InstantlyClient

from .errors import Misconfigured, Recovery


@functools.cache
def clay() -> ClayConnector:
    """Raises `Misconfigured` without a key."""
    key = _key("clay", settings.CLAY_API_KEY)
    return RowsApi(settings.CLAY_API_BASE_URL, key, settings.CLAY_WORKSPACE_ID)


@functools.cache
def ghl() -> GoHighLevelClient:
    """Raises `Misconfigured` without a key."""
    key = _key("ghl", settings.GHL_API_KEY)
    return GoHighLevelClient(settings.GHL_API_BASE_URL, key, settings.GHL_LOCATION_ID)


@functools.cache
def instantly() -> InstantlyClient:
    """Raises `Misconfigured` without a key."""
    key = _key("instantly", settings.INSTANTLY_API_KEY)
    return InstantlyClient(settings.INSTANTLY_API_BASE_URL, key, settings.INSTANTLY_CAMPAIGN_ID)


_CACHES: Final = (clay, ghl, instantly)


def reset_clients() -> None:
    """Forgets the clients, so that changed settings count. Calls under way finish on the old ones."""
    for cached in _CACHES:
        cached.cache_clear()


def close_clients() -> None:
    """Closes the clients there are, with their connections, and forgets them: at the end of a process or a test."""
    for cached in _CACHES:
        if cached.cache_info().currsize:
            cached().close()
    reset_clients()
    vendor_health.write()


def _key(vendor: str, key: str) -> str:
    if not key.strip():
        raise Misconfigured(vendor, "connect", code="no_key", recovery=Recovery.REFRESH_KEY, sent=False)
    return key.strip()


# A forked worker must not share its parent's sockets.
os.register_at_fork(after_in_child=reset_clients)
