"""Deliveries, by persona; what is sent against what is stored."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.deliveries import redelivery
from enrichment.estimates.estimating import Work, estimate
from enrichment.jobs import jobs
from enrichment.models import BulkJob, Handover, Lead, ServiceHold
from enrichment.pipeline import compare
from enrichment.pipeline.deliver import redeliver
from enrichment.vendors import registry
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from gdpr.identity import Identity
from gdpr.models import AuditEvent, Suppression
from gdpr.suppression import gate
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.factories import EnrichedLeadFactory, LeadFactory

FRAGMENT = {"HX-Request": "true"}


def handover(lead: Lead | None = None, **values: Any) -> Handover:
    defaults = {"system": "ghl", "status": "failed", "finished_at": timezone.now(), "tries": 3}
    return Handover.objects.create(lead=lead or EnrichedLeadFactory(), **{**defaults, **values})


def page(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    pk = handover().pk
    addresses = ("/deliveries/", f"/deliveries/{pk}/", f"/deliveries/{pk}/drawer/", "/deliveries/figures/")
    for address in addresses:
        people = (sales_client, compliance_client, admin_client, nobody_client)
        assert [c.get(address).status_code for c in people] == [200, 200, 200, 403]
        assert Client().get(address).status_code == 302


@pytest.mark.parametrize("address", ["{pk}/retry/", "{pk}/read-back/", "retry/", "retry/run/"])
def test_who_may_not_change(compliance_client: Client, nobody_client: Client, address: str) -> None:
    given = handover()
    address = "/deliveries/" + address.format(pk=given.pk)
    assert [c.post(address).status_code for c in (compliance_client, nobody_client)] == [403, 403]
    assert compliance_client.get(address).status_code == 405
    given.refresh_from_db()
    assert given.status == "failed"


def test_a_disabled_button_says_why(compliance_client: Client, sales_client: Client) -> None:
    failed, done = handover(), handover(status="done")
    assert "have permission to deliver leads" in page(compliance_client, f"/deliveries/{failed.pk}/")
    assert f'action="/deliveries/{failed.pk}/retry/"' in page(sales_client, f"/deliveries/{failed.pk}/")
    assert "/retry/" not in page(sales_client, f"/deliveries/{done.pk}/")
    assert "no record of this lead" in page(sales_client, f"/deliveries/{failed.pk}/")


def test_names_are_masked_for_people_without_the_right(sales_client: Client, admin_client: Client) -> None:
    lead = EnrichedLeadFactory(first_name="Zofia", last_name="Kowalska", phone="+14155550199")
    given = handover(lead, status="done", differences=["phone"], external_id="c1")
    for address in ("/deliveries/", f"/deliveries/{given.pk}/"):
        assert "Zofia Kowalska" in page(sales_client, address)
        assert "Kowalska" not in page(admin_client, address)
        assert "Z. K." in page(admin_client, address)
    assert "+14155550199" in page(sales_client, f"/deliveries/{given.pk}/")
    assert "+14155550199" not in page(admin_client, f"/deliveries/{given.pk}/")
    seen = AuditEvent.objects.filter(verb="view_lead").values_list("actor_id", flat=True)
    assert list(seen) == [User.objects.get(email="sales@example.com").pk]


def test_figures_are_per_system(sales_client: Client) -> None:
    handover(status="done")
    handover(status="done", system="instantly", differences=["phone"])
    handover(status="unknown")
    handover(status="withheld", system="instantly")
    handover()
    ghl, instantly = sales_client.get("/deliveries/").context["figures"]
    assert (ghl["done"], ghl["unknown"], ghl["failed"], ghl["differing"]) == (1, 1, 1, 0)
    assert (instantly["done"], instantly["withheld"], instantly["differing"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "differs done failed unknown"),
        ("system=instantly", "done"),
        ("status=failed", "failed"),
        ("differs=yes", "differs"),
        ("q=c_7", "differs"),
        ("status=nonsense", "differs done failed unknown"),
    ],
)
def test_filters(sales_client: Client, query: str, names: str) -> None:
    mended = EnrichedLeadFactory()
    rows = {
        "differs": handover(status="done", differences=["phone"], external_id="c_7"),
        "done": handover(status="done", system="instantly"),
        "failed": handover(),
        "unknown": handover(status="unknown"),
        "older": handover(mended, status="done", differences=["phone"]),
        "newer": handover(mended, status="done"),
    }
    expected = {rows[name].pk for name in names.split()}
    expected |= {rows["older"].pk, rows["newer"].pk} if query in ("", "status=nonsense") else set()
    assert {row.pk for row in sales_client.get(f"/deliveries/?{query}").context["rows"]} == expected


def test_the_header_turns_the_list(sales_client: Client) -> None:
    pks = [handover().pk for _ in range(3)]
    assert [row.pk for row in sales_client.get("/deliveries/").context["rows"]] == pks[::-1]
    assert [row.pk for row in sales_client.get("/deliveries/?sort=oldest").context["rows"]] == pks


def test_a_lead_is_found_by_its_number(sales_client: Client) -> None:
    given, _ = handover(), handover()
    assert [row.pk for row in sales_client.get(f"/deliveries/?q={given.lead_id}").context["rows"]] == [given.pk]


def test_an_unknown_outcome_says_when_it_is_read_back(sales_client: Client) -> None:
    soon = timezone.now() + timezone.timedelta(seconds=30)
    given = handover(status="unknown", not_before=soon, error_kind="read_back", finished_at=None)
    shown = page(sales_client, f"/deliveries/{given.pk}/")
    assert "before sending again" in shown
    assert f'datetime="{soon:%Y-%m-%dT%H:%M}' in shown


def test_a_failed_one_gives_the_advice_of_the_table(sales_client: Client) -> None:
    given = handover(error_kind="set_aside", error_message="ghl upsert_contact: 422")
    assert "Correct the record, then retry." in page(sales_client, f"/deliveries/{given.pk}/")


# ---------------------------------------------------------------- retry


@pytest.mark.parametrize("status", ["failed", "withheld"])
def test_one_is_planned_again_and_audited(sales_client: Client, status: str) -> None:
    given = handover(status=status, error_kind="not_wanted")
    sales_client.post(f"/deliveries/{given.pk}/retry/")
    given.refresh_from_db()
    assert (given.status, given.tries, given.error_kind, given.finished_at) == ("planned", 0, "", None)
    [event] = AuditEvent.objects.filter(verb="deliver_again")
    assert (event.object_type, event.object_id) == ("lead", str(given.lead_id))


def test_what_is_not_retried_and_why(db: None) -> None:
    overtaken, under_way, suppressed = (EnrichedLeadFactory() for _ in range(3))
    cases = {
        redeliver.OVER: handover(status="done"),
        redeliver.OVERTAKEN: handover(overtaken),
        redeliver.UNDER_WAY: handover(under_way),
        redeliver.SUPPRESSED: handover(suppressed),
        redeliver.NOT_WANTED: handover(LeadFactory()),
    }
    handover(overtaken, status="done")
    handover(under_way, status="planned")
    gate.suppress(Identity(suppressed.linkedin_url), reason="objection")
    ready = handover()
    found = redeliver.sort_for_retry([*cases.values(), ready])
    assert found.ready == [ready]
    assert found.left_out == dict.fromkeys(cases, 1)
    assert Suppression.objects.get().blocked_count == 0
    for given in cases.values():
        with pytest.raises(ActionNotAllowed):
            redelivery.retry_deliveries([given], by=None)
    assert not AuditEvent.objects.filter(verb="deliver_again").exists()


def test_a_filter_is_retried_after_its_plan(sales_client: Client, settings: Any) -> None:
    settings.GHL_PER_TEN_SECONDS, settings.CLOCK_SPEED = 8, 1.0
    failed = [handover() for _ in range(3)]
    handover(LeadFactory())
    other = handover(system="instantly")
    query = {"query": "system=ghl&status=failed"}
    plan = sales_client.post("/deliveries/retry/", query).context["plan"]
    assert (plan["count"], plan["duration"]) == (3, "about 10 s")
    assert plan["left_out"] == [{"count": 1, "why": f"delivery: {redeliver.NOT_WANTED}"}]
    assert not Handover.objects.filter(status="planned").exists()
    started = sales_client.post("/deliveries/retry/run/", query)
    job = BulkJob.objects.get()
    assert (started["Location"], job.kind, job.total) == (f"/jobs/{job.pk}/", "retry_deliveries", 3)
    jobs.run_due()
    assert set(Handover.objects.filter(status="planned")) == set(failed)
    other.refresh_from_db()
    assert other.status == "failed"
    assert AuditEvent.objects.filter(verb="deliver_again", counts={"deliveries": 3}).count() == 1


def test_the_plan_counts_what_waits_already(db: None, settings: Any) -> None:
    settings.GHL_PER_TEN_SECONDS, settings.GHL_PER_DAY, settings.CLOCK_SPEED = 20, 200_000, 1.0
    for _ in range(5):
        handover(status="planned", finished_at=None)
    # 5 wait and 15 come: 80 calls, of which 20 leave at once and the others in three windows
    assert estimate(Work(deliveries={"ghl": 15})).seconds == pytest.approx(30.0)


def test_too_many_at_once_are_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redelivery, "MOST", 1)
    given = [handover(), handover()]
    with pytest.raises(ActionNotAllowed):
        redelivery.retry_deliveries(given, by=None)
    assert redelivery.candidates(Handover.objects.all()) == ([given[0]], 1)


# ---------------------------------------------------------------- sent against stored


def contact(lead: Lead, **changes: Any) -> Contact:
    """The lead's contact as GoHighLevel would answer it, with some things otherwise."""
    custom = {
        name: value
        for name, value in compare.sent_values(lead, "ghl").items()
        if name not in ("first_name", "last_name", "email", "phone", "company_name", "website", "source", "tags")
    }
    document = {
        "id": "c1",
        "firstName": lead.first_name,
        "lastName": lead.last_name,
        "email": lead.email.upper(),
        "phone": "(415) 555-1234",
        "companyName": lead.company_name,
        "website": f"https://{lead.company_domain}/",
        "source": lead.source_name,
        "tags": ["swarm", "icp tier 1", "competitor follower", "by hand"],
        "customFields": [{"id": f"f_{name}", "key": name, "value": str(value)} for name, value in custom.items()],
    }
    document |= changes
    return Contact.model_validate({**document, "raw": document})


def differences(lead: Lead, **changes: Any) -> set[str]:
    wanted = compare.sent_values(lead, "ghl")
    return compare.differing_fields(lead, wanted, contact_fields.stored_values(contact(lead, **changes), wanted))


def test_another_way_of_writing_is_no_difference(db: None) -> None:
    assert differences(EnrichedLeadFactory(phone="4155551234")) == set()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"phone": None}, {"phone"}),
        ({"companyName": "Acme Corp"}, {"company_name"}),
        ({"tags": ["swarm", "competitor follower"]}, {"tags"}),
        ({"tags": ["swarm", "icp tier 1", "icp tier 3", "competitor follower"]}, {"tags"}),
        ({"firstName": "Ad", "source": ""}, {"first_name", "source"}),
    ],
)
def test_every_sent_field_is_compared(db: None, changes: dict[str, Any], names: set[str]) -> None:
    assert differences(EnrichedLeadFactory(phone="4155551234"), **changes) == names


def test_custom_fields_are_compared_with_and_without_their_names(db: None) -> None:
    lead = EnrichedLeadFactory(phone="4155551234")
    fields = contact(lead).custom_fields
    wrong = [{**entry, "value": "9"} if entry["key"] == "icp_score" else entry for entry in fields]
    assert differences(lead, customFields=wrong) == {"icp_score"}
    nameless = [{"id": entry["id"], "value": entry["value"]} for entry in wrong]
    assert differences(lead, customFields=nameless) == {"icp_score"}
    assert differences(lead, customFields=fields[:-1]) == {fields[-1]["key"]}
    assert differences(lead, customFields=None) == set()  # the answer says nothing about them


def test_delivering_again_is_planned_first(sales_client: Client, compliance_client: Client) -> None:
    lead = EnrichedLeadFactory(icp_tier=1, ghl_contact_id="known", instantly_lead_id="")
    address = f"/leads/{lead.pk}/deliver/plan/"
    assert f'href="{address}"' in sales_client.get(f"/leads/{lead.pk}/").content.decode()
    page = sales_client.get(address)
    first, second = page.context["steps"]
    assert (first.name, first.calls) == ("GoHighLevel", registry.delivery_to("ghl").calls)
    assert "Update the existing record" in first.what
    assert "Create a record" in second.what
    assert "after deliveries already queued" in second.when
    assert page.context["calls"] == sum(channel.calls for channel in registry.delivering().values())
    assert not Handover.objects.exists()
    assert compliance_client.get(address).status_code == 403


def test_the_plan_says_to_whom_nothing_goes_and_what_is_paused(sales_client: Client) -> None:
    lead = EnrichedLeadFactory(icp_tier=3)
    ServiceHold.objects.create(system="ghl", reason="pause_until_reset", message="x")
    first, second = sales_client.get(f"/leads/{lead.pk}/deliver/plan/").context["steps"]
    assert first.when.startswith("When GoHighLevel resumes.")
    assert (second.calls, second.what) == (0, "Nothing")
    Handover.objects.create(lead=lead, system="ghl", status="planned")
    assert sales_client.get(f"/leads/{lead.pk}/deliver/plan/").url == f"/leads/{lead.pk}/"


def test_the_rows_ask_again_until_none_is_open(sales_client: Client) -> None:
    handover = Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="planned")
    assert 'hx-get="/deliveries/?live=1"' in sales_client.get("/deliveries/").content.decode()
    Handover.objects.filter(pk=handover.pk).update(status="done", finished_at=timezone.now())
    answer = sales_client.get("/deliveries/?live=1", headers={"HX-Request": "true"})
    assert "live=1" not in answer.content.decode()
    assert "HX-Push-Url" not in answer.headers
