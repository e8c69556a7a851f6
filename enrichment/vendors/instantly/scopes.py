"""The scopes that the API key needs, each with the call that tells whether it is there."""

from django.conf import settings

from enrichment.vendors.calls import NOBODY
from enrichment.vendors.instantly.campaigns import NO_RECORD
from enrichment.vendors.instantly.client import InstantlyClient
from enrichment.vendors.scopes import Scope
from enrichment.vendors.transport import segment

LEADS_READ = "leads:read"
CAMPAIGNS_READ = "campaigns:read"


def scopes(client: InstantlyClient) -> list[Scope]:
    """Writing is tried on a record that does not exist, and adding with no lead."""
    nowhere = f"/leads/{segment(NO_RECORD)}"
    return [
        Scope(
            LEADS_READ,
            "Find a lead and read back what was stored",
            lambda: client.examine("POST", "/leads/list", {"contacts": [NOBODY], "limit": 1}),
        ),
        Scope(
            "leads:create",
            "Add leads to the campaign",
            lambda: client.examine("POST", "/leads/add", {"campaign_id": NO_RECORD, "leads": []}),
        ),
        Scope("leads:update", "Update a lead's fields", lambda: client.examine("PATCH", nowhere, {})),
        Scope(
            "leads:delete",
            "Delete a lead for a subject request, or when its e-mail changes",
            lambda: client.examine("DELETE", nowhere),
        ),
        Scope(
            CAMPAIGNS_READ,
            "List campaigns to choose from, and see whether the chosen one sends",
            lambda: client.examine("GET", "/campaigns", params={"limit": "1"}),
        ),
        Scope(
            "block_list_entries:create",
            "Put an erased person's address on the block list",
            lambda: client.examine("POST", "/block-lists-entries", {}),
            "" if settings.INSTANTLY_BLOCK_ERASED else "Not used: INSTANTLY_BLOCK_ERASED is off.",
        ),
    ]
