"""Clay as a store, against the sandbox."""

import pytest
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Drift, Lead, WebhookDelivery
from enrichment.pipeline.receive import storing
from enrichment.stores.clay import ClayStore
from enrichment.vendors.connections import clay
from gdpr.identity import Identity
from gdpr.stores import Capability, Ground, Record, RetryLater, Unsupported
from tests.enrichment.stores.planting import IDENTITY, OWN, PHONE, TABLE, URL, WORK, in_clay, in_the_mirror
from tests.factories import EnrichedLeadFactory

store = ClayStore()


def rows(vendors, table=TABLE):
    return {row["id"]: row for row in vendors.sandbox.state("clay")["tables"][table]}


def keys(records):
    return {record.key: record.sure for record in records}


def stranger(**columns):
    """A row of somebody whom the mirror does not know."""
    (row,) = clay().create_rows(TABLE, [{"linkedin_url": columns.pop("url", "https://www.linkedin.com/in/x-y")}])
    clay().update_row(TABLE, row.id, columns)
    return row.id


def test_rows_are_found_by_id_address_e_mails_and_phone_in_every_table(vendors):
    lead = in_the_mirror()
    known = in_clay(lead)
    second = stranger(url=f"{URL}/")
    by_mail = stranger(email_personal=OWN)
    by_phone = stranger(phone=PHONE)
    old = clay().create_table("older").id
    (elsewhere,) = clay().create_rows(old, [{"linkedin_url": URL}])
    EnrichedLeadFactory(clay_row_id="gone", clay_table_id=old)
    EnrichedLeadFactory(clay_table_id="tbl_removed_long_ago")
    stranger(url="https://www.linkedin.com/in/nobody-of-ours", email_work="n@acme.example")
    assert keys(store.locate(Identity(URL))) == {
        f"{TABLE}/{known}": True,
        f"{TABLE}/{second}": True,
        f"{old}/{elsewhere.id}": True,
        f"{TABLE}/{by_mail}": False,
        f"{TABLE}/{by_phone}": False,
    }


def test_several_profiles_under_one_address_are_for_an_officer(vendors):
    one = stranger(email_work="sales@acme.example")
    two = stranger(url="https://www.linkedin.com/in/a-b", email_work="sales@acme.example")
    found = store.locate(Identity(emails=("sales@acme.example",)))
    assert keys(found) == {f"{TABLE}/{one}": False, f"{TABLE}/{two}": False}


def test_a_row_the_search_does_not_know_yet_is_read_by_its_id(vendors):
    vendors.sandbox.config(search_lag_seconds=10_000_000.0)
    row = in_clay(in_the_mirror())
    assert keys(store.locate(IDENTITY)) == {f"{TABLE}/{row}": True}


@pytest.mark.parametrize("search", ["off404", "off405", "off501"])
def test_without_a_search_exports_are_read_within_their_limit_and_go_on_where_they_stood(
    vendors, settings, monkeypatch, search
):
    vendors.sandbox.config(row_search=search)
    monkeypatch.setattr("enrichment.stores.clay_export.PAGE", 2)
    others = [stranger(url=f"https://www.linkedin.com/in/a-{n}") for n in range(4)]
    ours = stranger(url=URL.upper().replace("HTTPS", "https"), email_work="x@y.example")
    settings.CLAY_EXPORTS_PER_HOUR = 2
    with pytest.raises(RetryLater) as later:
        store.locate(Identity(URL))
    assert later.value.not_before > timezone.now() - timezone.timedelta(seconds=1)
    settings.CLAY_EXPORTS_PER_HOUR = 3
    assert keys(store.locate(Identity(URL))) == {f"{TABLE}/{ours}": True}
    assert vendors.sandbox.stats()["clay"]["calls"]["export"]["by_status"]["200"] == 3
    assert len(others) == 4


def test_a_copy_names_the_providers(vendors):
    lead = in_the_mirror()
    in_clay(lead, title="CRO")
    told = {datum.field: datum.value for datum in store.export(store.locate(IDENTITY)[0]).data}
    assert (told["linkedin_url"], told["email_work"], told["title"]) == (URL, WORK, "CRO")


def test_a_row_is_corrected_in_the_columns_it_has(vendors):
    row = in_clay(in_the_mirror(), title="CRO")
    (record,) = store.locate(IDENTITY)
    values = {
        "title": "CFO",
        "email_personal": "",
        "source_url": "https://x.example",
        "tech_stack": "Gong, Outreach",
    }
    assert store.rectify(record, values) == {"title": "CRO", "email_personal": OWN, "tech_stack": ""}
    stored = rows(vendors)[row]
    assert (stored["title"], stored["email_personal"], stored["tech_stack"]) == (
        "CFO",
        None,
        ["Gong", "Outreach"],
    )


def test_a_row_is_erased_with_what_is_kept_of_it_and_its_absence_read_back(vendors):
    row, neighbour = stranger(url=URL), stranger()
    before = rows(vendors)[neighbour]
    Drift.objects.create(kind="unknown_row", subject=f"row {row}", row_id=row, table_id=TABLE)
    storing.store(b'{"secret": 1}', {})
    WebhookDelivery.objects.update(row_id=row, verdict="unknown_row", status="processed")
    (record,) = store.locate(Identity(URL))
    assert not store.verify_absent(record)
    store.erase(record)
    store.erase(record)
    assert store.verify_absent(record)
    assert rows(vendors) == {neighbour: before}
    assert not Drift.objects.exists()
    assert WebhookDelivery.objects.values_list("body", "row_id").get() == (b"", "")


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_deletion_the_vendor_does_not_offer_is_a_persons(vendors, status):
    row = in_clay(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(row_delete=False, row_delete_status=status)
    with pytest.raises(Unsupported) as missing:
        store.erase(record)
    assert missing.value.capability == Capability.ERASE
    assert row in store.instructions(Capability.ERASE, record)
    assert not store.verify_absent(record)


@pytest.mark.parametrize("call", ["rows.delete", "rows.get"])
def test_a_proxys_page_is_no_proof_that_a_row_is_gone(vendors, call):
    in_clay(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.fault("clay", "html", call=call, status=404)
    with pytest.raises(Unsupported):
        store.erase(record) if call == "rows.delete" else store.verify_absent(record)


def test_a_deletion_without_effect_is_seen(vendors):
    in_clay(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(delete_lies=True)
    store.erase(record)
    assert not store.verify_absent(record)


def test_a_search_that_lags_is_waited_for(vendors):
    in_clay(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(search_lag_seconds=10_000_000.0)
    store.erase(record)
    with pytest.raises(RetryLater):
        store.verify_absent(record)
    vendors.sandbox.config(search_lag_seconds=0.0)
    assert store.verify_absent(record)


@pytest.mark.parametrize("step", ["locate", "erase", "verify_absent", "export"])
def test_a_vendor_that_is_down_is_asked_later(vendors, step):
    in_clay(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.fault("clay", "500")
    with pytest.raises(RetryLater) as later:
        getattr(store, step)(IDENTITY if step == "locate" else record)
    assert URL not in str(later.value)


@pytest.mark.parametrize("status", ["in_flight", "unknown"])
def test_a_row_that_is_being_made_is_waited_for(vendors, status):
    lead = in_the_mirror()
    batch = Batch.objects.create(kind="rows", table_id=TABLE, status=status, in_flight_since=timezone.now())
    BatchItem.objects.create(batch=batch, lead=lead, position=0)
    with pytest.raises(RetryLater):
        store.locate(IDENTITY)


def test_restricting_stops_our_own_triggers(vendors):
    lead = in_the_mirror(dispatch_after=timezone.now())
    in_clay(lead)
    (record,) = store.locate(IDENTITY)
    store.restrict(record, Ground.RESTRICTION)
    assert Lead.objects.get().restriction == "restriction"
    assert not Lead.objects.due_for_dispatch(timezone.now()).exists()
    store.restrict(Record("clay", f"{TABLE}/unknown"), Ground.RESTRICTION)
