"""The three clients as configured, one of each per process."""

import functools
import os
from typing import Final, cast

from django.conf import settings

from enrichment.vendors import vendor_health
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.routine import Routine
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.clay.table_webhook import TableWebhook
from enrichment.vendors.gohighlevel.client import GoHighLevelClient
from enrichment.vendors.instantly.client import InstantlyClient

from .errors import Misconfigured, Recovery


def clay() -> ClayConnector:
    """The connector in use. Raises `Misconfigured` without a key, where it needs one."""
    return _clay(chosen.connector_slug())


@functools.cache
def _clay(connector: str) -> ClayConnector:
    client = _connect(connector)
    _opened.append(client)
    return client


def _connect(connector: str) -> ClayConnector:
    if connector == "table":
        return TableWebhook(settings.CLAY_WORKSPACE_ID)
    key = _key("clay", settings.CLAY_API_KEY)
    if connector == "routine":
        return Routine(
            settings.CLAY_PUBLIC_API_BASE_URL, key, settings.CLAY_WORKSPACE_ID, header=settings.CLAY_PUBLIC_API_HEADER
        )
    return RowsApi(settings.CLAY_API_BASE_URL, key, settings.CLAY_WORKSPACE_ID)


def routine() -> Routine:
    """The public API, whichever connector is in use: what was started there is read to its end.

    Raises `Misconfigured` without a key.
    """
    return cast(Routine, _clay("routine"))


@functools.cache
def ghl() -> GoHighLevelClient:
    """Raises `Misconfigured` without a key."""
    key = _key("ghl", settings.GHL_API_KEY)
    return GoHighLevelClient(settings.GHL_API_BASE_URL, key, settings.GHL_LOCATION_ID)


@functools.cache
def instantly() -> InstantlyClient:
    """Raises `Misconfigured` without a key."""
    key = _key("instantly", settings.INSTANTLY_API_KEY)
    return InstantlyClient(settings.INSTANTLY_API_BASE_URL, key)


_opened: Final[list[ClayConnector]] = []  # which connector was in use says the database
_CACHES: Final = (_clay, ghl, instantly)


def reset_clients() -> None:
    """Forgets the clients, so that changed settings count. Calls under way finish on the old ones."""
    for cached in _CACHES:
        cached.cache_clear()


def close_clients() -> None:
    """Closes the clients there are, with their connections, and forgets them: tests share no connection."""
    while _opened:
        _opened.pop().close()
    for cached in (ghl, instantly):
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
