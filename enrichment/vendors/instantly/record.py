"""Instantly as the product knows it."""

from enrichment.vendors import connections
from enrichment.vendors.calls import NOBODY
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.errors import NotFound, Recovery
from enrichment.vendors.instantly import fields
from enrichment.vendors.instantly.campaigns import LIMIT, WORKSPACE
from enrichment.vendors.instantly.client import LIST, PROBE
from enrichment.vendors.limits import CallLimit, Window
from enrichment.vendors.rules import COMMON, NO_SUCH_CALL, Rule
from enrichment.vendors.vendor import ConnectionTest, Delivery, Vendor
from gdpr.stores import Capability

RULES = {**COMMON, 404: Rule(NotFound, Recovery.GONE)}
BY_HAND = {
    Capability.LOCATE: (
        "In Instantly, search all campaigns for each of the person's e-mails. Note any leads found, or that "
        "there are none. Attach a screenshot."
    ),
    Capability.ERASE: (
        "In Instantly, open lead {key} and delete it from its campaign. Attach a screenshot of the search "
        "that finds nothing."
    ),
    Capability.VERIFY: (
        "In Instantly, search for lead {key} in all campaigns. Attach a screenshot that shows it is gone."
    ),
    Capability.RECTIFY: (
        "In Instantly, open lead {key} and correct the values by hand; to change the e-mail, delete the "
        "lead and add it again. Attach a screenshot."
    ),
    Capability.EXPORT: "In Instantly, open lead {key} and export it; attach the file.",
    Capability.RESTRICT: "In Instantly, open lead {key} and remove it from its campaign. Attach a screenshot.",
    Capability.RELEASE: (
        "Lead {key} was removed from a campaign we don't manage. If the person may be contacted again, add "
        "them to that campaign in Instantly by hand. Attach a screenshot."
    ),
}
# The vendor's published limits, for the workspace.
WINDOWS = (Window("second", "INSTANTLY_PER_SECOND", 1.0), Window("minute", "INSTANTLY_PER_MINUTE", 60.0))


def _probe_connection() -> str:
    connections.instantly().list_leads(NOBODY, limit=1)
    return "looking up a test address works."


INSTANTLY = Vendor(
    slug="instantly",
    name="Instantly",
    icon="send",
    address_setting="INSTANTLY_API_BASE_URL",
    key_setting="INSTANTLY_API_KEY",
    client=connections.instantly,
    probe=PROBE,
    connection_test=ConnectionTest(LIST, _probe_connection),
    capabilities=frozenset({Can.CREATE, Can.FETCH, Can.SEARCH, Can.UPDATE, Can.DELETE}),
    limits=(CallLimit(LIMIT, "Calls", WINDOWS, lambda: WORKSPACE),),
    rules=RULES,
    exceptions={("block_list_entry", 404): NO_SUCH_CALL},
    lifelines=(frozenset({"add_lead", "add_leads"}),),
    pause_reasons={
        Recovery.CREDITS: "the workspace has no paid plan or no credits left",
        Recovery.CHECK_ADDRESS: "no campaign is chosen, or the address is wrong",
    },
    by_hand=BY_HAND,
    delivery=Delivery(
        limit=LIMIT,
        calls=1,
        at_once=100,
        reference="instantly_lead_id",
        action="add_to_campaign",
        recipient="instantly",
        takes=fields.is_deliverable,
        payload=fields.lead_of,
        sent=fields.sent_values,
    ),
)
