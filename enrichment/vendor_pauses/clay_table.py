"""What was set up at the vendors: Clay's table, from the environment or made by the set-up."""

from django.conf import settings

from enrichment.models import Connection

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
