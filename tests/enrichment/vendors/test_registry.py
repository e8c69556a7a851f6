"""A further vendor is a record: it is seen, limited, judged and paused without a line elsewhere."""

import pytest
from django.test import Client

from enrichment.connections import health, limits
from enrichment.models import Alert, Lead, ServiceHold
from enrichment.pipeline.payload import is_deliverable, payload
from enrichment.pipeline.recovery import alert_of_limit
from enrichment.vendor_pauses import words
from enrichment.vendors import limiter, registry, rules
from enrichment.vendors import limits as declared
from enrichment.vendors.all import VENDORS
from enrichment.vendors.answers import refusal
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.errors import NotFound, RateLimited, Recovery, Retryable, VendorError
from enrichment.vendors.limits import CallLimit, Window
from enrichment.vendors.rules import COMMON, Rule
from enrichment.vendors.vendor import ConnectionTest, Delivery, Vendor
from tests.factories import EnrichedLeadFactory

LIMIT = "acme.calls"
LOOK = Call("look", LIMIT, reads=True, repeatable=True)


class AcmeClient:
    """Answers, or fails with `error`."""

    error: VendorError | None = None
    probed = 0

    def probe(self) -> None:
        self.probed += 1

    def close(self) -> None:
        """It has no connections."""

    def look(self) -> str:
        if self.error:
            raise self.error
        return "looking up a test address works."


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch, settings: object) -> Vendor:
    """A made-up CRM, registered for one test."""
    settings.ACME_URL, settings.ACME_KEY, settings.ACME_PER_MINUTE = "https://api.acme.example/v1", "key", 60
    client = AcmeClient()
    vendor = Vendor(
        slug="acme",
        name="Acme CRM",
        icon="anvil",
        address_setting="ACME_URL",
        key_setting="ACME_KEY",
        client=lambda: client,
        probe=LOOK,
        connection_test=ConnectionTest(LOOK, client.look),
        capabilities=frozenset({Capability.CREATE, Capability.SEARCH}),
        limits=(CallLimit(LIMIT, "Calls", (Window("minute", "ACME_PER_MINUTE", 60.0),), lambda: "team"),),
        rules={**COMMON, 404: Rule(NotFound, Recovery.GONE)},
        lifelines=(frozenset({"create"}),),
        pause_reasons={Recovery.CREDITS: "the team's plan has ended"},
        delivery=Delivery(
            limit=LIMIT,
            calls=2,
            at_once=10,
            reference="ghl_contact_id",
            action="create_person",
            recipient="acme_crm",
            takes=lambda lead: bool(lead.phone),
            payload=lambda lead: {"tel": lead.phone},
            sent=lambda lead: {"tel": lead.phone},
        ),
    )
    monkeypatch.setattr(registry, "_vendors", dict(registry._vendors))
    monkeypatch.setattr(declared, "_limits", dict(declared._limits))
    monkeypatch.setattr(rules, "_tables", dict(rules._tables))
    registry.register(vendor)
    return vendor


def test_those_of_the_product_are_registered_in_the_order_of_a_lead_s_way():
    assert registry.registered() == list(VENDORS)
    assert [vendor.name for vendor in VENDORS] == ["Clay", "GoHighLevel", "Instantly"]
    assert list(registry.delivering()) == ["ghl", "instantly"]
    assert registry.name_of("unheard") == "unheard"
    with pytest.raises(KeyError):
        registry.delivery_to("clay")


def test_it_is_seen_on_connections_and_limits(acme: Vendor, admin_client: Client):
    page = admin_client.get("/connections/").content.decode()
    assert "Acme CRM" in page
    assert "api.acme.example" in page
    assert [budget.limit for budget in health.budgets_of(acme)] == [60]
    page = admin_client.get("/limits/").content.decode()
    assert "Acme CRM" in page
    (shown,) = limits.all_limits()[-1].limits
    assert (shown.label, shown.gauges[0].limit, shown.queue and shown.queue.noun) == ("Calls", 60, "deliveries wait")


def test_it_is_tried_and_probed_under_its_own_limit(acme: Vendor, admin_client: Client):
    admin_client.post("/connections/acme/test/")
    assert "Acme CRM responded in" in admin_client.get("/connections/").content.decode()
    health.probe("acme")
    assert limiter.peek(LIMIT, "team").used == 2
    acme.client().error = Retryable("acme", "look", code="timeout", recovery=Recovery.DELAY)
    assert health.test_call("acme").sentence.startswith("Acme CRM returned an error")


def test_its_error_table_and_its_words_are_its_own(acme: Vendor, db: None):
    assert type(refusal("acme", LOOK, 404, {"message": "gone"}, {})) is NotFound
    assert refusal("acme", LOOK, 418, {"message": "?"}, {}).recovery is Recovery.NEEDS_PERSON
    hold = ServiceHold(system="acme", reason=Recovery.CREDITS)
    assert words.sentence(hold) == "Acme CRM is paused: the team's plan has ended."
    alert_of_limit(RateLimited("acme", "look", 429))
    assert Alert.objects.get().sentence.startswith("Acme CRM rate-limited look")


def test_a_lead_belongs_there_by_its_own_rule(acme: Vendor, db: None):
    lead: Lead = EnrichedLeadFactory(phone="+14155550100")
    assert is_deliverable(lead, "acme")
    assert payload(lead, "acme") == {"tel": "+14155550100"}
    lead.phone = ""
    assert not is_deliverable(lead, "acme")


def test_without_a_key_it_is_not_set_up(acme: Vendor, settings: object, db: None):
    settings.ACME_KEY = " "
    assert health.all_vendors()[-1].state == "no_key"
