"""A person in all four systems, forgotten; and every way in which they could come back."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from enrichment.drift import reconcile
from enrichment.imports import importing
from enrichment.models import BulkJob, Drift, Lead, RejectedRow, SeenRow, WebhookDelivery
from enrichment.pipeline import intake
from enrichment.pipeline.receive import reading, storing
from gdpr import stores
from gdpr.identity import Identity
from gdpr.models import Suppression
from gdpr.stores import Ground, RetryLater, Unsupported
from gdpr.suppression import gate
from tests.enrichment.stores.planting import (
    IDENTITY,
    OWN,
    PHONE,
    TABLE,
    URL,
    WORK,
    everywhere,
    in_clay,
    in_ghl,
    in_instantly,
    in_the_mirror,
)
from tests.factories import lead_row

SPELLINGS = (
    URL,
    "HTTP://LinkedIn.com/in/Erika-Mustermann/",
    "https://de.linkedin.com/in/erika-mustermann?utm_source=share&utm_medium=member#about",
    "linkedin.com/in/erika%2Dmustermann/details/experience",
)
SECRETS = (URL.rpartition("/")[2], "mustermann", OWN, PHONE)


def located():
    return {(record.store, record.key): record for store in stores.registered() for record in store.locate(IDENTITY)}


def forget(identity=IDENTITY):
    """As the desk does it: suppression first, then every record of every store in its order, each read back."""
    found = [(store, record) for store in stores.registered() for record in store.locate(identity) if record.sure]
    for _, record in found:
        gate.suppress(record.identity, reason="erasure")
    gate.suppress(identity, reason="erasure")
    for store, record in found:
        store.erase(record)
        assert store.verify_absent(record), record.store
    return found


def rows_with(secrets):
    """(table, column) of every text of the enrichment tables that holds one of these."""
    from django.apps import apps

    hits = set()
    for model in apps.get_app_config("enrichment").get_models():
        for row in model._default_manager.values():
            for name, value in row.items():
                text = bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else str(value)
                if any(secret.lower() in text.lower() for secret in secrets):
                    hits.add((model.__name__, name))
    return hits


def webhook(row_id, **data):
    body = {
        "event": "row.enriched",
        "row_id": row_id,
        "table_id": TABLE,
        "timestamp": timezone.now().isoformat(),
    }
    storing.store(json.dumps({**body, "data": data}).encode(), {})


def test_the_person_is_found_told_corrected_restricted_and_forgotten_everywhere(vendors):
    lead = everywhere()
    found = located()
    assert [store for store, _ in found] == ["clay", "instantly", "ghl", "mirror"]
    assert all(record.sure and record.identity.identifiers() for record in found.values())
    for (store, _), record in found.items():
        values = [str(datum.value) for datum in stores.get_store(store).export(record).data]
        assert WORK in values
    for (store, _), record in found.items():
        stores.get_store(store).rectify(record, {"title": "Chief Revenue Officer", "phone": "+1 415 555 0222"})
    lead.refresh_from_db()
    assert (lead.title, lead.pinned_fields) == ("Chief Revenue Officer", ["phone", "title"])
    (row,) = vendors.sandbox.state("clay")["tables"][TABLE]
    (contact,) = vendors.sandbox.state("ghl")["contacts"]
    (member,) = vendors.sandbox.state("instantly")["leads"]
    assert {row["title"], member["job_title"], contact["customFields"][0]["value"]} == {"Chief Revenue Officer"}
    assert {row["phone"], member["phone"], contact["phone"]} == {"+14155550222"}
    for (store, _), record in found.items():
        stores.get_store(store).restrict(record, Ground.RESTRICTION)
    assert vendors.sandbox.state("instantly")["leads"] == []
    assert vendors.sandbox.state("ghl")["contacts"][0]["dnd"] is True
    for (store, _), record in found.items():
        stores.get_store(store).release(record, Ground.RESTRICTION)
    vendors.settle()
    assert vendors.sandbox.stats()["instantly"]["leads"] == 1
    forget()
    assert located() == {}
    assert rows_with((*SECRETS, "+14155550222")) == set()


@pytest.mark.django_db(transaction=True)  # refusals are counted once they are committed
def test_the_person_does_not_come_back_by_any_way(vendors, settings, tmp_path, caplog):
    settings.MEDIA_ROOT = tmp_path
    everywhere()
    row_id = Lead.objects.get().clay_row_id
    forget()

    result = intake.accept([lead_row(linkedin_url=url) for url in SPELLINGS])
    assert (result.suppressed, result.accepted, result.known) == (4, [], [])
    for number in range(2):  # the same file twice, with a row that is refused as well
        rows = [
            *(lead_row(linkedin_url=url) for url in SPELLINGS),
            lead_row(linkedin_url=URL, source_type="x"),
        ]
        job = importing.upload(SimpleUploadedFile("a.json", json.dumps(rows).encode()), name=f"a{number}.json")
        importing.start_import(job, columns={name: name for name in lead_row()})
        importing.run_due()
    assert set(BulkJob.objects.values_list("suppressed", "accepted", "known", "file")) == {(4, 0, 0, "")}
    assert RejectedRow.objects.count() == 2
    for _ in range(2):  # late, and doubled
        webhook(row_id, linkedin_url=SPELLINGS[1])
        webhook(row_id, email_work=WORK.upper())
        webhook("row_of_another_table", phone="+1 (415) 555-0101")
        storing.store(f"cut off {{{SPELLINGS[2]}".encode(), {})
        storing.store(json.dumps({"event": "row.made", "row_id": "r", "data": {"email": OWN}}).encode(), {})
    reading.run_due()
    deliveries = WebhookDelivery.objects.values_list("status", "verdict", "body", "body_hash", "row_id", "event")
    assert {row[:5] for row in deliveries if row[1] == "suppressed"} == {("processed", "suppressed", b"", "", "")}
    assert WebhookDelivery.objects.exclude(verdict="suppressed").count() == 0
    assert not Lead.objects.exists()
    assert rows_with(SECRETS) == set()
    assert not any(secret in caplog.text.lower() for secret in SECRETS)
    # By the profile: once by the API and twice by a file in each spelling, and two messages twice.
    assert max(Suppression.objects.values_list("blocked_count", flat=True)) == 3 * len(SPELLINGS) + 4


@pytest.mark.parametrize("deletion", ["405", "lies"])
def test_a_row_clay_keeps_is_not_seen_by_the_comparison(vendors, settings, deletion):
    lead = everywhere()
    row_id = lead.clay_row_id
    vendors.sandbox.config(row_delete=deletion == "lies", delete_lies=deletion == "lies")
    clay_record = next(record for (store, _), record in located().items() if store == "clay")
    gate.suppress(IDENTITY, reason="erasure")
    if deletion == "lies":
        stores.get_store("clay").erase(clay_record)
    else:
        with pytest.raises(Unsupported):
            stores.get_store("clay").erase(clay_record)
    assert not stores.get_store("clay").verify_absent(clay_record)
    forgotten = next(record for (store, _), record in located().items() if store == "mirror")
    stores.get_store("mirror").erase(forgotten)
    neighbour = in_the_mirror(linkedin_url="https://www.linkedin.com/in/neighbour", email_work="n@acme.example",
                              email_personal="", phone="+14155550999")  # fmt: skip
    in_clay(neighbour)
    reconcile.run_due()
    assert reconcile.ReconcileRun.objects.get().rows == {TABLE: 2}
    assert not SeenRow.objects.exists()
    assert not Drift.objects.filter(row_id=row_id).exists()
    assert [record.key for record in stores.get_store("clay").locate(Identity(URL))] == [f"{TABLE}/{row_id}"]


def test_marks_of_a_run_that_goes_on_name_no_suppressed_row(vendors, settings, monkeypatch):
    lead = everywhere()
    gate.suppress(IDENTITY, reason="erasure")
    monkeypatch.setattr(reconcile, "_finish", lambda run, error="": None)
    reconcile.run_due()
    assert lead.clay_row_id not in SeenRow.objects.values_list("row_id", flat=True)


def test_a_vendor_that_is_down_for_days_keeps_its_record_and_the_others_go(vendors):
    everywhere()
    found = located()
    gate.suppress(IDENTITY, reason="erasure")
    vendors.sandbox.fault("ghl", "502")
    left = []
    for (store, _), record in found.items():
        try:
            stores.get_store(store).erase(record)
        except RetryLater as later:
            left.append((store, later.not_before))
    assert left == [("ghl", None)], "no time of its own: it is asked more and more seldom"
    vendors.sandbox.no_faults()
    contact = next(record for (store, _), record in found.items() if store == "ghl")
    stores.get_store("ghl").erase(contact)
    assert stores.get_store("ghl").verify_absent(contact)


def test_two_people_behind_one_inbox_the_other_untouched_to_the_byte(vendors):
    inbox = "sales@acme.example"
    erika = everywhere(email_work=inbox, email_personal=OWN)
    other = in_the_mirror(linkedin_url="https://www.linkedin.com/in/neighbour", first_name="Nora", last_name="Nachbar",
                          email_work=inbox, email_personal="nora@home.example", phone=PHONE)  # fmt: skip
    in_clay(other)
    in_ghl(other, email="nora@home.example", phone="+14155550333")
    in_instantly(other, email="nora@home.example")
    webhook(other.clay_row_id, linkedin_url=other.linkedin_url, email_work=inbox)

    def state():
        other.refresh_from_db()
        lead = Lead.objects.filter(pk=other.pk).values().get()
        outside = [
            *(row for row in vendors.sandbox.state("clay")["tables"][TABLE] if row["id"] == other.clay_row_id),
            *(c for c in vendors.sandbox.state("ghl")["contacts"] if c["id"] == other.ghl_contact_id),
            *(m for m in vendors.sandbox.state("instantly")["leads"] if m["id"] == other.instantly_lead_id),
        ]
        bodies = [bytes(body) for body in WebhookDelivery.objects.values_list("body", flat=True)]
        return lead, outside, bodies, list(other.facts.values()), list(other.disclosures.values())

    before = state()
    asked = Identity(URL, (inbox,), PHONE)
    unsure = {(r.store, r.key) for s in stores.registered() for r in s.locate(asked) if not r.sure}
    assert unsure == {
        ("mirror", f"lead:{other.pk}"),
        ("clay", f"{TABLE}/{other.clay_row_id}"),
        ("ghl", other.ghl_contact_id),
        ("instantly", other.instantly_lead_id),
    }
    for store in stores.registered():
        for record in store.locate(asked):
            if record.sure:
                assert inbox not in record.identity.emails
                assert record.identity.phone == ""
                store.erase(record)
                assert store.verify_absent(record)
    assert not Lead.objects.filter(pk=erika.pk).exists()
    assert state() == before
