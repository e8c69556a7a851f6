"""What was set up at the vendors: Clay's table, from the environment or made by the set-up."""

from django.conf import settings

from enrichment.models import BatchItem, Connection, Lead, ReconcileRun
from enrichment.models.work import BatchKind
from enrichment.states import ItemStatus

TABLE_NAME = "Alpha Swarm Lead Enrichment"  # integration specification, table creation


def clay_table() -> str:
    """The id of the table that takes new rows; empty until it is configured or made.

    One from the environment that is full has been replaced by one made here.
    """
    made, full = Connection.objects.filter(system="clay").values_list("table_id", "full_tables").first() or (
        "",
        [],
    )
    if settings.CLAY_TABLE_ID and settings.CLAY_TABLE_ID not in full:
        return str(settings.CLAY_TABLE_ID)
    return made


def rows_left(table: str) -> int:
    """How many more rows the table takes; 0 where it is full."""
    return max(int(settings.CLAY_TABLE_ROWS) - row_count(table), 0)


def row_count(table: str) -> int:
    """The greater of two counts, at most the limit: leads with a row there, and what Clay had plus what was made since.

    The first misses rows that no lead knows, the second those made while the comparison was under way.
    """
    most = int(settings.CLAY_TABLE_ROWS)
    linked_leads = Lead.objects.filter(clay_table_id=table, clay_row_id__isnull=False)[:most].count()
    whole = ReconcileRun.objects.filter(is_open=False, error="", full=True).order_by("-started_at").first()
    in_clay = whole.rows.get(table, 0) if whole else 0
    if linked_leads >= most or not whole or not in_clay:
        return linked_leads
    made = BatchItem.objects.filter(
        batch__kind=BatchKind.ROWS,
        batch__table_id=table,
        batch__finished_at__gte=whole.started_at,
        status=ItemStatus.DONE,
    )
    return min(max(linked_leads, in_clay + made.count()), most)
