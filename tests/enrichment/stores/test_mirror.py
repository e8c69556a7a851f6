"""The mirror as a store: found, told, corrected, kept only, and forgotten without a neighbour noticing."""

import json

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from enrichment.imports import importing
from enrichment.leads import searches
from enrichment.models import (
    BulkJob,
    Disclosure,
    Drift,
    FieldConflict,
    Handover,
    Lead,
    ReconcileRun,
    SeenRow,
    WebhookDelivery,
)
from enrichment.pipeline.receive import storing
from enrichment.stores import mirror_copy, mirror_tables
from enrichment.stores.mirror import MirrorStore
from gdpr import rectifiable
from gdpr.identity import Identity
from gdpr.leftovers import scan
from gdpr.stores import Ground, RetryLater, Unsupported
from tests.enrichment.stores.planting import IDENTITY, OWN, PHONE, URL, WORK, in_the_mirror
from tests.factories import EnrichedLeadFactory, lead_row

pytestmark = pytest.mark.django_db
store = MirrorStore()


def row_of(model, **where):
    return list(model.objects.filter(**where).order_by("pk").values())


def a_webhook(body, **columns):
    storing.store(json.dumps(body).encode() if not isinstance(body, bytes) else body, {})
    delivery = WebhookDelivery.objects.latest("pk")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**{"status": "processed", **columns})
    return delivery.pk


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize(
    ("asked", "matched", "sure"),
    [
        ({"linkedin_url": "https://LinkedIn.com/in/Erika-Mustermann/?utm_source=x"}, ("linkedin_url",), True),
        ({"emails": (WORK.upper(),)}, ("email",), True),
        ({"emails": (OWN,)}, ("email",), True),
        ({"phone": "(415) 555-0101"}, ("phone",), False),
        ({"linkedin_url": "https://www.linkedin.com/in/somebody-else", "emails": (OWN,)}, ("email",), False),
    ],
)
def test_a_lead_is_found_by_any_identifier_in_any_spelling(asked, matched, sure):
    lead = in_the_mirror()
    EnrichedLeadFactory()
    (record,) = store.locate(Identity(**asked))
    assert (record.key, record.matched, record.sure) == (f"lead:{lead.pk}", matched, sure)
    assert record.summary["name"] == "Erika Mustermann"


def test_two_people_behind_one_inbox_are_for_an_officer_to_tell_apart():
    ours = in_the_mirror(email_work="sales@acme.example")
    theirs = EnrichedLeadFactory(email_work="Sales@Acme.example")
    found = {record.key: record.sure for record in store.locate(Identity(emails=("sales@acme.example",)))}
    assert found == {f"lead:{ours.pk}": False, f"lead:{theirs.pk}": False}
    found = {record.key: record.sure for record in store.locate(Identity(URL, ("sales@acme.example",)))}
    assert found == {f"lead:{ours.pk}": True, f"lead:{theirs.pk}": False}


def test_a_fingerprint_changes_with_the_data_and_with_nothing_else():
    lead = in_the_mirror()
    first = store.locate(IDENTITY)[0].fingerprint
    Lead.objects.filter(pk=lead.pk).update(icp_score=3, scored_at=timezone.now(), raw={"x": 1})
    assert store.locate(IDENTITY)[0].fingerprint == first
    Lead.objects.filter(pk=lead.pk).update(title="CRO")
    assert store.locate(IDENTITY)[0].fingerprint != first


def test_messages_about_unknown_rows_are_found_by_what_their_bodies_say():
    a_webhook({"row_id": "r1", "data": {"linkedin_url": "http://linkedin.com/in/ERIKA-mustermann/"}})
    hidden = json.dumps({"row_id": "r2", "data": {"email_work": OWN}}).replace("@", "\\u0040").encode()
    a_webhook(hidden)
    a_webhook(b"not json at all, from " + URL.encode() + b" cut of")
    a_webhook({"row_id": "r3", "data": {"linkedin_url": "https://www.linkedin.com/in/erika-mustermann-2"}})
    a_webhook({"row_id": "r4", "data": {"linkedin_url": "https://www.linkedin.com/in/other", "email_work": OWN}})
    a_webhook({"row_id": "r5", "data": {"phone": PHONE}})
    found = store.locate(IDENTITY)
    assert [(record.key[:7], record.matched) for record in found] == [
        ("webhook", ("linkedin_url",)),
        ("webhook", ("email",)),
        ("webhook", ("linkedin_url",)),
    ]
    for record in found:
        assert store.export(record).data
        store.erase(record)
        assert store.verify_absent(record)
    assert store.locate(IDENTITY) == []
    assert WebhookDelivery.objects.exclude(body=b"").count() == 3


# ---------------------------------------------------------------- telling and correcting


def test_a_copy_names_the_source_of_each_value_and_the_recipients():
    lead = in_the_mirror()
    FieldConflict.objects.create(lead=lead, field="title", reason="pinned", value="Chief", observed_at=timezone.now())
    a_webhook({"row_id": "r1", "data": {"linkedin_url": URL}}, lead=lead)
    (record, *_) = store.locate(IDENTITY)
    told = store.export(record)
    by_field = {datum.field: datum for datum in told.data}
    assert (by_field["email_work"].value, by_field["email_work"].source) == (WORK, "Apollo")
    assert by_field["first_name"].source == "Competitor follower: Gong.io"
    assert by_field["first_name"].obtained_at == lead.scraped_at
    assert by_field["title (not applied)"].value == "Chief"
    assert by_field["message from Clay"].value["data"]["linkedin_url"] == URL
    assert [(share.recipient, share.fields) for share in told.shares] == [("GoHighLevel", ("email", "first_name"))]
    assert told.retention_until == lead.retention_until
    assert told.purposes


def test_a_corrected_field_is_written_pinned_and_scored_before_anything_else():
    lead = in_the_mirror(scored_at=timezone.now(), title="Intern", raw={"title": "Intern"})
    (record,) = store.locate(IDENTITY)
    assert store.rectify(record, {"title": "VP of Revenue Operations", "phone": "415 555 0199"}) == {
        "title": "Intern",
        "phone": PHONE,
    }
    lead.refresh_from_db()
    assert (lead.title, lead.phone, lead.pinned_fields) == (
        "VP of Revenue Operations",
        "+14155550199",
        ["phone", "title"],
    )
    assert lead.raw == {"title": "VP of Revenue Operations"}
    assert lead.scorecard is not None


@pytest.mark.parametrize(
    "values",
    [
        {"phone": "12"},
        {"linkedin_url": ""},
        {"icp_score": "100"},
        {"email_work": "nobody"},
        {"company_size": "many"},
        {"first_name": "null"},
        {"company_location": "null, null"},
        {"email_work": "null@acme.com"},
        {"email_work": "noreply@acme.com"},
    ],
)
def test_what_is_not_valid_is_not_written_and_not_repeated(values):
    in_the_mirror()
    (record,) = store.locate(IDENTITY)
    with pytest.raises(ValueError, match=r"\.$") as refused:
        store.rectify(record, values)
    assert all(value not in str(refused.value) for value in values.values() if value)
    assert Lead.objects.get().pinned_fields == []


def test_another_leads_address_is_refused():
    in_the_mirror()
    other = EnrichedLeadFactory()
    with pytest.raises(ValueError, match="another lead"):
        store.rectify(store.locate(IDENTITY)[0], {"linkedin_url": other.linkedin_url})


# ---------------------------------------------------------------- forgetting


def test_a_lead_is_forgotten_in_every_table_and_its_neighbours_to_the_byte_are_not():
    lead = in_the_mirror(clay_row_id="row_e", clay_table_id="tbl_test", email_work="sales@acme.example")
    neighbour = EnrichedLeadFactory(email_work="sales@acme.example", phone=PHONE, clay_row_id="row_n")
    run = ReconcileRun.objects.create(full=True, is_open=True)
    made: dict[str, list[int]] = {}
    for row_id in ("row_e", "row_n"):
        SeenRow.objects.create(run=run, row_id=row_id)
        Drift.objects.create(kind="values", subject=f"row {row_id}", row_id=row_id)
        body = {"row_id": row_id, "data": {"email_work": "sales@acme.example"}}
        made[row_id] = [a_webhook(body, row_id=row_id, verdict="accepted")]
    for each in (lead, neighbour):
        Handover.objects.create(lead=each, system="ghl", status="done", external_id=f"c{each.pk}")
        Disclosure.objects.create(lead=each, system="ghl", action="create_contact")
        body = {"row_id": "x", "data": {"linkedin_url": each.linkedin_url}}
        made[each.clay_row_id].append(a_webhook(body, lead=each, verdict="accepted"))
    of_lead = made["row_e"]
    received = a_webhook({"row_id": "row_e", "event": "row.enriched"}, status="received", verdict="")
    refused = a_webhook({"row_id": "row_e"}, status="processed", verdict="suppressed", lead=lead)
    failed = a_webhook({"row_id": "row_e"}, status="failed", verdict="", lead=lead, changed_fields=["phone"])
    kept = {
        model: row_of(model, **{path: neighbour.pk})
        for model, path in ((Lead, "pk"), (Handover, "lead"), (Disclosure, "lead"), (WebhookDelivery, "lead"))
    }
    kept_bodies = row_of(WebhookDelivery, row_id="row_n")

    (record,) = [each for each in store.locate(IDENTITY) if each.sure]
    store.erase(record)

    assert store.verify_absent(record)
    assert not Lead.objects.filter(pk=lead.pk).exists()
    assert list(SeenRow.objects.values_list("row_id", flat=True)) == ["row_n"]
    assert list(Drift.objects.values_list("row_id", flat=True)) == ["row_n"]
    blanked = WebhookDelivery.objects.filter(body=b"")
    assert set(blanked.values_list("row_id", "body_hash", "lead")) == {("", "", None)}
    assert {each.pk: (each.status, each.verdict, bool(each.erased_at)) for each in blanked} == {
        **dict.fromkeys(of_lead, ("processed", "accepted", True)),
        received: ("processed", "erased", True),
        refused: ("processed", "suppressed", False),
        failed: ("failed", "", True),
    }
    assert {tuple(each.changed_fields) for each in blanked} == {()}
    when = set(blanked.values_list("pk", "erased_at"))
    mirror_tables.blank_bodies(blanked)
    assert set(blanked.values_list("pk", "erased_at")) == when, "the first time it was erased is told"
    for model, rows in kept.items():
        path = "pk" if model is Lead else "lead"
        assert row_of(model, **{path: neighbour.pk}) == rows
    assert row_of(WebhookDelivery, row_id="row_n") == kept_bodies
    store.erase(record)  # twice is no error


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Handover, {"system": "ghl", "status": "in_flight", "in_flight_since": timezone.now()}),
        (WebhookDelivery, {"status": "processing", "body": URL.encode(), "body_hash": "x"}),
    ],
)
def test_what_a_worker_is_at_now_is_waited_for(model, columns):
    lead = in_the_mirror()
    model.objects.create(lead=lead, **columns)
    (record, *_) = store.locate(IDENTITY)
    with pytest.raises(RetryLater) as later:
        store.erase(record)
    assert later.value.not_before > timezone.now()
    assert Lead.objects.filter(pk=lead.pk).exists()
    assert URL not in str(later.value)


def test_a_waiting_import_that_names_the_person_is_cancelled_and_its_file_removed(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    rows = [lead_row(linkedin_url="linkedin.com/in/Erika-Mustermann/"), lead_row()]
    file = SimpleUploadedFile("Erika.json", json.dumps(rows).encode())
    job = importing.upload(file, name="Erika.json")
    other = importing.upload(SimpleUploadedFile("b.json", json.dumps([lead_row()]).encode()), name="b.json")
    (record,) = store.locate(Identity(URL))
    assert record.key == f"import:{job.pk}"
    assert store.export(record).data[0].value["linkedin_url"] == "linkedin.com/in/Erika-Mustermann/"
    with pytest.raises(Unsupported):
        store.restrict(record, Ground.RESTRICTION)
    store.erase(record)
    assert store.verify_absent(record)
    job.refresh_from_db()
    assert (job.status, job.file.name, job.file_name) == ("cancelled", "", "")
    assert len(list((tmp_path / "imports").iterdir())) == 1
    assert BulkJob.objects.get(pk=other.pk).status == "queued"


def test_kept_search_words_are_forgotten(django_user_model):
    staff = django_user_model.objects.create_user("staff")
    in_the_mirror()
    keys = {
        words: searches.remember_search(words, by=staff)
        for words in (OWN, "erika mustermann", "acme", "Mustermann & Co")
    }
    store.erase(store.locate(IDENTITY)[0])
    left = {words for words, key in keys.items() if searches.search_words(key) is not None}
    assert left == {"acme", "Mustermann & Co"}
    assert cache.get("search:" + keys["acme"]) == "acme"


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in text)


@pytest.mark.parametrize(
    "words",
    [
        "(415) 555-0101", "4155550101", "14155550101", "415.555.0101", "+1 415 555 0101", "0014155550101", "5550101",
        "4155550101 ext. 7", "Erika (415) 555-0101", full_width("(415) 555-0101"),
        WORK.upper(), f"mailto:{OWN}", f"Erika <{OWN}>", "erika%40home.example", "erika@home", "Erika.Mus",
        "de.linkedin.com/in/Erika-Mustermann/?x=1", "linkedin.com/in/erika%2Dmustermann", "erika-mus",
        "Érika Mústermann", "Must Erik", full_width("Erika Mustermann"),
    ],
)  # fmt: skip
def test_words_that_find_the_lead_are_forgotten_in_every_spelling(django_user_model, words):
    staff = django_user_model.objects.create_user("staff")
    in_the_mirror()
    key, other = searches.remember_search(words, by=staff), searches.remember_search("415 555 0199", by=staff)
    store.erase(store.locate(IDENTITY)[0])
    assert searches.search_words(key) is None
    assert searches.search_words(other) == "415 555 0199"


@pytest.mark.parametrize("words", ["Jürgen Groß", "Juergen Gross", "jurgen gross", "Jurgen Groß", "dora@müller.de"])
def test_words_are_forgotten_in_any_spelling_of_an_umlaut(django_user_model, words):
    staff = django_user_model.objects.create_user("staff")
    in_the_mirror(first_name="Jürgen", last_name="Groß", email_work="dora@xn--mller-kva.de")
    key = searches.remember_search(words, by=staff)
    store.erase(store.locate(IDENTITY)[0])
    assert searches.search_words(key) is None


def test_words_about_somebody_who_is_no_lead_are_forgotten_before_the_last_look(django_user_model, tmp_path):
    staff = django_user_model.objects.create_user("staff")
    sought = [("email", "zoe@nobody.example"), ("phone", "+13215554188"), ("name", "Zoé Nobody")]
    asked = ("ZOE@nobody.example", "(321) 555-4188", "3215554188", "13215554188", "321.555.4188", "zoe nobody")
    keys = [searches.remember_search(words, by=staff) for words in asked]
    other = searches.remember_search("zoe", by=staff)
    assert not scan.scan(sought, roots=[tmp_path]).is_clean
    assert scan.tidy(sought) == ""
    assert [words for words in map(searches.search_words, keys) if words is not None] == []
    assert searches.search_words(other) == "zoe"
    assert scan.scan(sought, roots=[tmp_path]).is_clean


def test_no_field_is_told_by_the_name_of_its_column():
    table = mirror_copy.table_of("Lead")
    told = table.fields - table.not_exported
    unnamed = {name for name in told if "_" in name and rectifiable.label(name) == name.replace("_", " ")}
    assert unnamed == set()
