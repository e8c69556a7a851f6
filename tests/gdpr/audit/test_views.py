"""Audit: who sees the ledger, what the filters leave, and what goes out of it."""

import io
import json
import zipfile

import pytest

from gdpr import audit
from gdpr.audit import anchor, check, seal
from gdpr.audit.verifier import read, verify
from gdpr.models import AuditAnchor, AuditCheck, AuditEvent

PAGES = ("/audit/", "/audit/export/", "/audit/regulator-pack/")


@pytest.fixture(autouse=True)
def anchors_file(settings, tmp_path) -> None:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")


@pytest.fixture
def ledger(django_user_model) -> list[AuditEvent]:
    person = django_user_model.objects.create_user("kim@example.com", first_name="Kim")
    return [
        audit.record("retry", by=person, object_type="lead", object_id="7", counts={"leads": 1200}),
        audit.record("suppress", fields={"email_work"}, reason="=HYPERLINK(1)"),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_only_who_may_see_the_ledger_does(client, sales_client, compliance_client, page):
    assert client.get(page).status_code == 302
    assert sales_client.get(page).status_code == 403
    assert compliance_client.get(page).status_code == 200


def test_the_navigation_of_a_sales_person_does_not_name_it(sales_client, compliance_client):
    assert b'href="/audit/"' not in sales_client.get("/leads/").content
    assert b'href="/audit/"' in compliance_client.get("/audit/").content


def test_the_newest_event_stands_first_with_its_place_in_the_chain(compliance_client, ledger):
    seal.run_due()
    page = compliance_client.get("/audit/").content.decode()
    assert page.index("<strong>Suppressed a person</strong>") < page.index(
        "<strong>Retried the enrichment of a lead</strong>"
    )
    assert "leads 1,200" in page
    assert 'href="/leads/7/"' in page


@pytest.mark.parametrize(
    ("query", "left"),
    [("who=system", 1), ("verb=retry", 1), ("object_type=lead&object_id=7", 1), ("verb=none", 0),
     ("since=2026-01-01", 2), ("until=2020-01-01", 0), ("since=yesterday", 2), ("who=1;drop", 2)],
)  # fmt: skip
def test_filters_leave_what_they_say(compliance_client, ledger, query, left):
    AuditEvent.objects.exclude(pk__in=[event.pk for event in ledger])
    page = compliance_client.get(f"/audit/?{query}")
    assert len(page.context["entries"]) == left
    assert ("Ignored filters" in page.content.decode()) == (query in ("since=yesterday", "who=1;drop"))


def test_pages_go_on_below_the_last_event(compliance_client, monkeypatch, ledger):
    monkeypatch.setattr("gdpr.audit.reading.SIZE", 1)
    first = compliance_client.get("/audit/")
    second = compliance_client.get(f"/audit/?before={first.context['next']}")
    assert [e.event.pk for page in (first, second) for e in page.context["entries"]] == [
        ledger[1].pk, ledger[0].pk
    ]  # fmt: skip


def test_the_csv_holds_what_the_filters_leave_and_no_formula(compliance_client, ledger):
    answer = compliance_client.get("/audit/export/?verb=suppress")
    text = b"".join(answer.streaming_content).decode()
    assert "'=HYPERLINK(1)" in text
    assert "retry" not in text
    assert AuditEvent.objects.order_by("-id")[0].verb == "export_audit"


def test_a_check_is_asked_for_once_and_its_verdict_shown(compliance_client, ledger):
    for _ in range(2):
        assert compliance_client.post("/audit/verify/").status_code == 302
    asked = AuditCheck.objects.get()
    assert "Verifying…" in compliance_client.get("/audit/").content.decode()
    seal.run_due()
    check.perform(asked)
    page = compliance_client.get("/audit/").content.decode()
    assert "Not anchored: the chain of 3 events is consistent, but no external anchor" in page
    anchor.run_due()
    check.perform(AuditCheck.objects.create())
    page = compliance_client.get("/audit/").content.decode()
    assert "(link 3 of 3), anchored on" in page


def test_a_verdict_is_not_said_of_what_came_after_its_check(compliance_client):
    check.perform(AuditCheck.objects.create())
    audit.record("retry", object_type="lead", object_id="7")
    seal.run_due()
    page = compliance_client.get("/audit/").content.decode()
    assert "the audit log was empty" in page
    assert "1 event since" in page


def test_only_who_may_verify_asks_for_a_check(sales_client, compliance_client):
    assert sales_client.post("/audit/verify/").status_code == 403
    assert compliance_client.get("/audit/verify/").status_code == 405
    assert not AuditCheck.objects.exists()


def test_the_pack_holds_the_whole_chain_and_says_how_to_check_it(compliance_client, ledger):
    answer = compliance_client.get("/audit/regulator-pack/")
    audit.record("suppress")
    seal.run_due()
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as pack:
        anchors = [json.loads(line) for line in pack.read("anchors.jsonl").splitlines()]
        readme = pack.read("README.txt").decode()
        wanted = {"README.txt", "audit.jsonl", "anchors.jsonl", "verifier.py", "verbs.csv"}
        assert wanted <= set(pack.namelist())
        assert b"retry,Retried the enrichment of a lead," in pack.read("verbs.csv")
        links = [json.loads(line) for line in pack.read("audit.jsonl").splitlines()]
        assert b"python verifier.py audit.jsonl anchors.jsonl" in pack.read("README.txt")
    assert [link["event"]["verb"] for link in links] == ["retry", "suppress", "export_regulator_pack"]
    made = AuditAnchor.objects.get()
    assert (made.occasion, made.position, made.filed_at is not None) == ("pack", 3, True)
    assert [(told["position"], told["digest"]) for told in anchors] == [(3, links[-1]["digest"])]
    assert links[-1]["digest"] in readme
    report = verify(read(json.dumps(link) for link in links), anchors)
    assert (report.verdict.count("every event"), report.status) == (1, 0)


def test_each_pack_has_its_anchor_beside_the_one_of_the_day(compliance_client, ledger):
    seal.run_due()
    anchor.run_due()
    for _ in range(2):
        compliance_client.get("/audit/regulator-pack/")
    anchor.run_due()
    told = AuditAnchor.objects.order_by("position").values_list("occasion", "position")
    assert list(told) == [("day", 2), ("pack", 3), ("pack", 4)]


def test_a_filter_the_database_cannot_keep_finds_nothing(compliance_client, ledger):
    for name in ("verb", "object_type", "object_id"):
        assert compliance_client.get(f"/audit/?{name}=%00nobody%00").status_code == 200
