"""Which way to Clay is in use: the one an admin chose on Connections, else CLAY_CONNECTOR's.

Everything above asks `can`, never for the name: what a connector lacks is told apart by its capabilities.
"""

from typing import Final

from django.conf import settings

from enrichment.models import Connection
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.routine import Routine
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.clay.table_webhook import TableWebhook

# In the order in which Connections offers them.
CONNECTORS: Final[dict[str, type[ClayConnector]]] = {
    "table": TableWebhook,
    "routine": Routine,
    "rows-api": RowsApi,
}


def connector_slug() -> str:
    """One of CONNECTORS."""
    chosen = Connection.objects.filter(system="clay").values_list("connector", flat=True).first()
    return chosen if chosen in CONNECTORS else str(settings.CLAY_CONNECTOR)


def connector_class() -> type[ClayConnector]:
    return CONNECTORS[connector_slug()]


def capabilities() -> frozenset[Capability]:
    """Of the connector in use."""
    return connector_class().capabilities


def can(capability: Capability) -> bool:
    """Whether the connector in use has it."""
    return capability in capabilities()
