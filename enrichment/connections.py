"""What was set up at the vendors: Clay's table, from the environment or made by the set-up."""

from django.conf import settings

from enrichment.models import Connection


def clay_table() -> str:
    """The id of the enrichment table; empty until it is configured or made."""
    if settings.CLAY_TABLE_ID:
        return str(settings.CLAY_TABLE_ID)
    return Connection.objects.filter(system="clay").values_list("table_id", flat=True).first() or ""
