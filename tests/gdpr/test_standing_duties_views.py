"""The screens of the standing duties: who sees them, and what their buttons do."""

import pytest
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.models import AuditEvent, Notice, NoticeRun, Purge, PurgeRecord, Suppression
from gdpr.notices import delivery as notice_delivery
from gdpr.notices import runs as notice_runs
from gdpr.notices import wording
from gdpr.states import PurgeStatus, RemovalStatus
from gdpr.suppression import gate
from tests.gdpr.fake_source import DAY

pytestmark = pytest.mark.django_db
PAGES = (
    "/retention/",
    "/notices/",
    "/notices/plan/?limit=5",
    "/notices/text/",
    "/suppression/",
    "/processing/",
)
POSTS = (
    "/notices/send/",
    "/notices/again/",
    "/suppression/add/",
    "/suppression/release/",
    "/retention/1/again/",
)


@pytest.mark.parametrize("page", PAGES)
def test_compliance_sees_them_and_sales_does_not(client, sales_client, compliance_client, page):
    assert client.get(page).status_code == 302
    assert sales_client.get(page).status_code == 403
    assert compliance_client.get(page).status_code == 200


def test_one_identifier_is_spoken_of_as_one_and_an_address_by_its_field(compliance_client):
    wrong = compliance_client.post("/suppression/add/", {"email": "no-address", "reason": "They called"})
    assert wrong.context["blocking"].errors == {"email": ["E-mail isn't a valid e-mail address"]}
    given = {"email": "zoe@example.com", "reason": "They called"}
    page = compliance_client.post("/suppression/add/", given, follow=True).content.decode()
    assert "1 identifier is now suppressed." in page
    found = Suppression.objects.get()
    told = {"id": found.pk, "reason": "They\x00 asked for it"}
    page = compliance_client.post("/suppression/release/", told, follow=True).content.decode()
    assert "1 identifier is released." in page


@pytest.mark.parametrize("page", POSTS)
def test_sales_changes_nothing(client, sales_client, page):
    assert client.post(page).status_code == 302
    assert sales_client.post(page).status_code == 403


def test_what_waits_for_a_person_is_removed_by_hand_with_evidence(compliance_client, source):
    source.add("7", until=timezone.now() - DAY)
    purge = Purge.objects.create(
        store="home", key="7", key_hash="h", kept_until=timezone.now(), status=PurgeStatus.MANUAL
    )
    record = PurgeRecord.objects.create(
        purge=purge,
        position=0,
        store="crm",
        key="c7",
        status=RemovalStatus.MANUAL,
        instructions="Delete it there.",
    )
    page = compliance_client.get("/retention/").content.decode()
    assert "1 record must be removed by hand" in page
    assert "Delete it there." in page
    compliance_client.post(f"/retention/records/{record.pk}/by-hand/", {"evidence": "no"})
    record.refresh_from_db()
    assert record.status == RemovalStatus.MANUAL
    compliance_client.post(f"/retention/records/{record.pk}/by-hand/", {"evidence": "ticket 12"})
    record.refresh_from_db()
    assert (record.status, record.evidence) == (RemovalStatus.DONE, "ticket 12")
    assert compliance_client.post(f"/retention/{purge.pk}/again/").status_code == 302


def test_the_plan_shows_the_text_and_sending_queues_them(compliance_client, untold):
    plan = compliance_client.get("/notices/plan/?limit=10").content.decode()
    assert "Send 2 by e-mail" in plan
    assert "Art. 14 GDPR" in plan
    compliance_client.post("/notices/send/", {"limit": "10"})
    assert "0 of up to 10" in compliance_client.get("/notices/").content.decode()
    notice_runs.run_due()
    assert Notice.objects.count() == 2
    assert "Queued" in compliance_client.get("/notices/").content.decode()


def test_without_a_mail_server_the_plan_says_why_nothing_is_sent(compliance_client, untold, settings):
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    plan = compliance_client.get("/notices/plan/?limit=10").content.decode()
    assert "Send 2 by e-mail" not in plan
    assert "set up (EMAIL_URL)" in plan
    assert "Export as CSV" in plan


def test_what_nobody_knows_of_is_decided_by_staff(compliance_client, untold):
    for key in ("1", "2"):
        Notice.objects.create(
            store="home", key=key, key_hash=key, template=wording.template(), channel="email",
            status="unknown", due_on=timezone.localdate(),
        )  # fmt: skip
    assert "Delivery of 2 notices is unconfirmed" in compliance_client.get("/notices/").content.decode()
    page = compliance_client.post("/notices/again/", {"told": "1"}, follow=True).content.decode()
    assert "2 marked as notified." in page
    assert set(untold.told) == {"1", "2"}


@pytest.mark.parametrize("limit", ["0", "x", "99999999"])
def test_an_impossible_number_is_refused_with_a_sentence(compliance_client, untold, limit):
    answer = compliance_client.post("/notices/send/", {"limit": limit}, follow=True)
    assert "Number of notices: " in answer.content.decode()
    assert not Notice.objects.exists()


def test_another_tool_gets_a_file(compliance_client, untold):
    answer = compliance_client.post("/notices/send/", {"limit": "10", "export": "1"})
    text = b"".join(answer.streaming_content).decode()
    assert "ada@x.example" in text
    assert untold.told == {}
    page = compliance_client.get("/notices/").content.decode()
    assert "2 people exported" in page
    run = NoticeRun.objects.get()
    assert compliance_client.post(f"/notices/exports/{run.pk}/", {"sent_at": "2020-01-01T10:00"}, follow=True).context
    assert compliance_client.post(f"/notices/exports/{run.pk}/", {"sent_at": ""}).status_code == 302
    run.refresh_from_db()
    assert run.confirmed_at is None  # neither a time before it nor none
    now = f"{timezone.localtime():%Y-%m-%dT%H:%M}"
    answer = compliance_client.post(f"/notices/exports/{run.pk}/", {"sent_at": now}, follow=True)
    assert "2 people are being marked as notified." in answer.content.decode()
    notice_delivery.run_due()
    assert set(untold.told) == {"1", "2"}


def test_a_text_with_an_unknown_value_stays_in_the_form(compliance_client):
    answer = compliance_client.post("/notices/text/", {"subject": "Hello", "body": "Dear $surname, mine"})
    assert answer.status_code == 422
    assert "Unknown placeholder: $surname" in answer.content.decode()
    assert "Dear $surname, mine" in answer.content.decode()
    short = compliance_client.post("/notices/text/", {"subject": "Hello", "body": "Dear $first_name"})
    assert "Art. 14 requires more than this text says" in short.content.decode()
    polite = wording.BODY.strip().replace("Hello", "Dear")
    assert compliance_client.post("/notices/text/", {"subject": "Hello", "body": polite}).status_code == 302
    assert wording.template().body == polite


# ---------------------------------------------------------------- suppression


def test_a_person_is_blocked_found_and_released_and_never_named(compliance_client):
    added = {"email": "Ada@X.example", "phone": "+49 30 1234567", "reason": "asked by phone"}
    assert compliance_client.post("/suppression/add/", added).status_code == 302
    assert Suppression.objects.count() == 2
    found = compliance_client.post("/suppression/look-up/", {"email": "ada@x.example"})
    assert "Suppressed: 1 identifier." in found.content.decode()
    ids = [row.pk for row in found.context["found"]]
    compliance_client.post("/suppression/release/", {"id": ids, "reason": "no"})
    assert gate.look_up([Identity(emails=("ada@x.example",))])
    compliance_client.post("/suppression/release/", {"id": ids, "reason": "she wrote that she wants it"})
    assert not gate.look_up([Identity(emails=("ada@x.example",))])
    assert not any("ada" in str(event).lower() for event in AuditEvent.objects.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Enter at least one of"),
        ({"email": "nobody"}, "a valid e-mail address"),
        ({"phone": "12"}, "a valid phone number"),
    ],
)
def test_nobody_is_looked_up_without_an_identifier(compliance_client, given, said):
    answer = compliance_client.post("/suppression/look-up/", given)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_a_key_that_left_the_environment_is_said_to_block_nobody(compliance_client):
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    Suppression.objects.update(key_id="old")
    assert "these block no one" in compliance_client.get("/suppression/").content.decode()


def test_the_record_of_processing_names_purposes_recipients_and_retention(compliance_client, settings):
    page = compliance_client.get("/processing/").content.decode()
    for words in (
        "Legitimate interest",
        "GoHighLevel",
        "Apollo",
        f"{settings.RETENTION_DAYS} days",
        "Suppression list",
    ):
        assert words in page
