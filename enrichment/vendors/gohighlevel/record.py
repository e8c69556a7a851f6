"""GoHighLevel as the product knows it."""

from django.conf import settings

from enrichment.vendors import connections
from enrichment.vendors.calls import NOBODY
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.errors import NotFound, Permanent, Recovery
from enrichment.vendors.gohighlevel import fields
from enrichment.vendors.gohighlevel.client import FIND, PROBE
from enrichment.vendors.gohighlevel.location import LIMIT
from enrichment.vendors.limits import CallLimit, Window
from enrichment.vendors.rules import COMMON, NO_SUCH_TABLE, Rule
from enrichment.vendors.vendor import ConnectionTest, Delivery, Vendor
from gdpr.stores import Capability

RULES = {
    **COMMON,
    404: Rule(NotFound, Recovery.GONE),
    422: Rule(Permanent, Recovery.SET_ASIDE, unsure=True),  # may still have created the contact
}
BY_HAND = {
    Capability.LOCATE: (
        "In GoHighLevel, search the contacts for the person's e-mails and phone, additional ones too. "
        "Note the IDs of any contacts found, or that there are none. Attach a screenshot."
    ),
    Capability.ERASE: (
        "In GoHighLevel, open contact {key} and delete it, then remove it from the deleted contacts. "
        "Attach a screenshot of the search that finds nothing."
    ),
    Capability.VERIFY: "In GoHighLevel, search for contact {key}. Attach a screenshot that shows it is gone.",
    Capability.RECTIFY: "In GoHighLevel, open contact {key} and correct the values by hand. Attach a screenshot.",
    Capability.EXPORT: "In GoHighLevel, open contact {key} and export it; attach the file.",
    Capability.RESTRICT: (
        "In GoHighLevel, open contact {key}, switch on Do Not Disturb for all channels and remove it from "
        "every workflow. Attach a screenshot."
    ),
    Capability.RELEASE: "In GoHighLevel, open contact {key} and switch off Do Not Disturb. Attach a screenshot.",
}
# The vendor's published limits, for each location.
WINDOWS = (Window("10s", "GHL_PER_TEN_SECONDS", 10.0), Window("day", "GHL_PER_DAY", 86_400.0))


def _location() -> str:
    return str(settings.GHL_LOCATION_ID)


def _probe_connection() -> str:
    connections.ghl().find_duplicate(email=NOBODY)
    return "looking up a test address works."


GOHIGHLEVEL = Vendor(
    slug="ghl",
    name="GoHighLevel",
    icon="address-book",
    address_setting="GHL_API_BASE_URL",
    key_setting="GHL_API_KEY",
    client=connections.ghl,
    probe=PROBE,
    connection_test=ConnectionTest(FIND, _probe_connection),
    capabilities=frozenset({Can.CREATE, Can.FETCH, Can.SEARCH, Can.UPDATE, Can.DELETE}),
    limits=(CallLimit(LIMIT, "Calls", WINDOWS, _location),),
    rules=RULES,
    exceptions={
        (call, 404): NO_SUCH_TABLE for call in ("get_location", "list_custom_fields", "create_custom_field")
    },  # no such location
    lifelines=(frozenset({"upsert_contact"}),),
    by_hand=BY_HAND,
    delivery=Delivery(
        limit=LIMIT,
        calls=4,
        at_once=96,
        reference="ghl_contact_id",
        action="create_contact",
        recipient="ghl_crm",
        takes=fields.is_deliverable,
        payload=fields.payload,
        sent=fields.sent_values,
    ),
)
