"""The ids of our custom fields in the location, as the last look at it found them."""

from django.conf import settings

from enrichment.models import Connection
from enrichment.vendors import connections
from enrichment.vendors.gohighlevel.client import GoHighLevelClient


def field_ids() -> dict[str, str]:
    """{our name: id}; empty before the first look, or where it was at another location."""
    kept = Connection.objects.filter(system="ghl", fields_location=str(settings.GHL_LOCATION_ID))
    return dict(kept.values_list("field_ids", flat=True).first() or {})


def ghl() -> GoHighLevelClient:
    """The client, told the ids of the fields as of now. Reads the database, so not for threads without one: these take
    `connections.ghl`, which knows what was told last."""
    client = connections.ghl()
    client.field_ids = field_ids()
    return client
