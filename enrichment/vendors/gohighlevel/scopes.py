"""The scopes that a private integration's token needs, each with the call that tells whether it is there."""

from enrichment.vendors.calls import NOBODY
from enrichment.vendors.gohighlevel.client import GoHighLevelClient
from enrichment.vendors.gohighlevel.location import NO_RECORD
from enrichment.vendors.scopes import Scope
from enrichment.vendors.transport import segment

CONTACTS_READ = "contacts.readonly"
FIELDS_READ = "locations/customFields.readonly"
FIELDS_WRITE = "locations/customFields.write"
LOCATION_READ = "locations.readonly"


def scopes(client: GoHighLevelClient) -> list[Scope]:
    """Writing is tried on a record that does not exist."""
    location = {"locationId": client.location_id}
    return [
        Scope(
            CONTACTS_READ,
            "Find a lead's contact and read back what was stored",
            lambda: client.examine("GET", "/contacts/search/duplicate", params={**location, "email": NOBODY}),
        ),
        Scope(
            "contacts.write",
            "Create, update, tag and delete contacts",
            lambda: client.examine("PUT", f"/contacts/{segment(NO_RECORD)}", {}),
        ),
        Scope(
            FIELDS_READ,
            "See which custom fields the location has",
            lambda: client.examine("GET", client.field_path(), params={"model": "contact"}),
        ),
        Scope(
            FIELDS_WRITE,
            "Create the missing custom fields",
            lambda: client.examine("PUT", client.field_path(NO_RECORD), {}),
            "Only needed to create custom fields from here.",
        ),
        Scope(
            LOCATION_READ,
            "Show the location's name",
            lambda: client.examine("GET", client.location_path()),
            "Without it, only the location's ID is shown.",
        ),
    ]
