"""Clay as the product knows it."""

from django.conf import settings

from enrichment.models import ClaySource
from enrichment.vendors import connections
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.calls import LIST_TABLES, PROBE
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.clay.rules import EXCEPTIONS, RULES
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.limits import CallLimit, Window
from enrichment.vendors.vendor import ConnectionTest, Vendor
from gdpr.stores import Capability

BY_HAND = {
    Capability.LOCATE: (
        "In Clay, search every table in the workspace for the person's LinkedIn URL, e-mails and "
        "phone. Note the IDs of any rows found, or that there are none. Attach a screenshot of the searches."
    ),
    Capability.ERASE: (
        "In Clay, open table {table}, find row {row} and delete it. Attach a screenshot of a search for the "
        "row ID that finds nothing."
    ),
    Capability.VERIFY: "In Clay, search table {table} for row {row}. Attach a screenshot that shows it is gone.",
    Capability.RECTIFY: (
        "In Clay, open table {table}, find row {row} and correct the values by hand. Attach a screenshot."
    ),
    Capability.EXPORT: "In Clay, open table {table}, export row {row} and attach the file.",
}


def _workspace() -> str:
    return str(settings.CLAY_WORKSPACE_ID)


def _is_ready() -> bool:
    """A table's webhook needs no key of ours, but an address to post to."""
    if chosen.can(Can.RECEIVE_ROW):
        return ClaySource.objects.filter(closed_at__isnull=True).exists()
    return bool(str(settings.CLAY_API_KEY).strip())


def _probe_connection() -> str:
    """Raises `NotOffered` where there is nothing to read: a table's webhook only takes rows."""
    if chosen.can(Can.POLL):
        return f"The key is of workspace {connections.routine().workspace() or 'unknown'}."
    tables = connections.clay().list_tables()
    return f"{len(tables)} table{'' if len(tables) == 1 else 's'} in the workspace."


# The figures are the rate limits of the integration specification: of rows and updates for each table.
UNIT = "CLAY_LIMIT_UNIT"
LIMITS = (
    CallLimit("clay.rows", "New rows", (Window("minute", "CLAY_ROWS_PER_MINUTE", 60.0),), clay_table, UNIT),
    CallLimit("clay.updates", "Row updates", (Window("minute", "CLAY_UPDATES_PER_MINUTE", 60.0),), clay_table, UNIT),
    CallLimit(
        "clay.triggers", "Enrichment triggers", (Window("minute", "CLAY_TRIGGERS_PER_MINUTE", 60.0),), _workspace, UNIT
    ),
    CallLimit("clay.submissions", "Submissions", (Window("second", "CLAY_SUBMISSIONS_PER_SECOND", 1.0),), _workspace),
    CallLimit("clay.calls", "Calls", (Window("minute", "CLAY_ROUTINE_CALLS_PER_MINUTE", 60.0),), _workspace),
    CallLimit("clay.exports", "Exports", (Window("hour", "CLAY_EXPORTS_PER_HOUR", 3600.0),), _workspace, UNIT),
)

CLAY = Vendor(
    slug="clay",
    name="Clay",
    icon="table",
    address_setting="CLAY_API_BASE_URL",
    key_setting="CLAY_API_KEY",
    client=connections.clay,
    probe=PROBE,
    connection_test=ConnectionTest(LIST_TABLES, _probe_connection),
    capabilities=RowsApi.capabilities,
    limits=LIMITS,
    rules=RULES,
    exceptions=EXCEPTIONS,
    lifelines=(
        frozenset({"create_rows"}),
        frozenset({"trigger_enrichment"}),
        frozenset({"update_row", "update_rows"}),
        frozenset({"submit_row"}),
        frozenset({"run_routine"}),
        frozenset({"run_results"}),
    ),
    by_hand=BY_HAND,
    is_ready=_is_ready,
    capabilities_now=chosen.capabilities,
)
