"""Every right of a person whose rows are in a Clay table: what no call can do is a person's, with words and proof."""

import html
import json

import pytest
from django.utils import timezone

from enrichment.models import (
    Alert,
    Attempt,
    Batch,
    BatchItem,
    ClaySource,
    FailureIgnore,
    ForgottenReference,
    Lead,
    WebhookDelivery,
)
from enrichment.models.work import BatchKind
from enrichment.monitoring import compliance_alarms
from enrichment.pipeline import suppressed_rows
from enrichment.pipeline.dispatch import plan as dispatch_plan
from enrichment.pipeline.dispatch import submit
from enrichment.vendors.clay.wire import ClayRow
from gdpr import compliance_alerts, stores
from gdpr.identity import Identity
from gdpr.models import Purge, RequestDocument
from gdpr.package import document
from gdpr.requests import certificate
from gdpr.requests.pipeline import open
from gdpr.retention import retention
from gdpr.stores import Record
from gdpr.suppression import gate
from tests.enrichment.stores.clay_tables import attempt
from tests.enrichment.stores.request_desk import RequestDesk, states
from tests.plugins.clay_table import TABLE, TablePipeline


@pytest.fixture
def desk(db, monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(open, "enqueue", lambda request_id: None)
    return RequestDesk()


def enriched(table, slug="jane-doe"):
    """A lead that came back from the table and was delivered."""
    table.lead(slug, first_name="Jane", last_name="Doe", company_name="Acme Inc")
    table.settle()
    return Lead.objects.get(linkedin_url__endswith=slug)


def again(table, lead):
    """A second run of the lead: a second row."""
    Lead.objects.filter(pk=lead.pk).update(enrichment_status="pending", dispatch_after=timezone.now())
    table.settle()
    lead.refresh_from_db()
    return lead


def references(lead):
    return list(lead.attempts.order_by("pk").values_list("reference", flat=True))


def delete_in_clay(table, reference):
    """As the words say: found by the reference, and deleted."""
    rows = table.sandbox.control("GET", f"tables/{TABLE}/rows?swarm_ref={reference}")["rows"]
    for row in rows:
        table.sandbox.control("DELETE", f"tables/{TABLE}/rows/{row['id']}")
    return len(rows)


def test_an_erasure_with_two_rows_is_done_by_hand_and_certified(table: TablePipeline, desk: RequestDesk):
    lead = again(table, enriched(table))
    enriched(table, "neighbour")
    first, second = references(lead)
    words = [lead.linkedin_url, lead.email_work, lead.phone]
    request = desk.open("erasure", lead)
    assert request.status == "needs_action"
    (search,) = desk.by_hand(request, "locate")
    for value in (*words, first, second, "the table “People (first)”"):
        assert value in search.instructions
    assert request.records.filter(store="clay").count() == 2
    request = desk.approved(desk.searched(request))
    assert len(table.rows()) == 3, "nothing was deleted by itself"
    for step in desk.by_hand(request, "erase"):
        (reference,) = [each for each in (first, second) if each in step.instructions]
        assert delete_in_clay(table, reference) == 1
        desk.did(step)
    request = desk.work(request)
    for step in desk.by_hand(request, "verify"):
        desk.did(step, "Searched for the reference: nothing.")
    request = desk.work(request)
    assert (request.status, states(request)[1:]) == ("completed", []), states(request)
    assert table.rows(lead) == []
    assert len(table.rows()) == 1
    assert not Lead.objects.filter(pk=lead.pk).exists()
    told = _certificate(request)
    of_clay = [step for record in told["records"] if record["store"] == "clay" for step in record["steps"]]
    assert [(step["action"], step["by_hand"]) for step in of_clay] == [("erase", True), ("verify", True)] * 2
    assert told["statements"] == []
    assert not any(word in json.dumps(told) for word in (*words, first, second))
    notice = request.steps.get(action="notify", store="clay")
    assert notice.proof.startswith("Informed by the change itself")


def _certificate(request):
    kept = certificate.issue(request.pk)
    assert kept is not None
    with RequestDocument.objects.get(pk=kept.pk).file.open() as file:
        return json.loads(file.read())


def test_what_comes_back_after_an_erasure_is_kept_nowhere(table: TablePipeline, desk: RequestDesk):
    lead = enriched(table)
    secrets = [lead.email_work, lead.linkedin_url, *references(lead)]
    body = bytes(WebhookDelivery.objects.get().body)
    stores.get_store("mirror").erase(Record("mirror", f"lead:{lead.pk}"))
    assert ForgottenReference.objects.count() == 1
    table.receiver.bodies.append(body)
    table.step()
    late = WebhookDelivery.objects.order_by("-pk").first()
    assert (late.verdict, bytes(late.body), late.row_id) == ("erased", b"", "")
    assert not Lead.objects.exists()
    kept = str([list(model.objects.values()) for model in (WebhookDelivery, Attempt, ForgottenReference)])
    assert not any(secret in kept for secret in secrets)


def test_a_reference_that_is_left_somewhere_is_found(table: TablePipeline, desk: RequestDesk):
    lead = enriched(table)
    (reference,) = references(lead)
    request = desk.searched(desk.open("erasure", lead))
    FailureIgnore.objects.create(what="x", error_kind="x", provider="", shape="", reason=f"row {reference} is odd")
    request = desk.approved(request)
    for action in ("erase", "verify"):
        for step in desk.by_hand(request, action):
            delete_in_clay(table, reference)
            desk.did(step)
        request = desk.work(request)
    scan = request.steps.get(action="scan")
    assert (scan.status, "enrichment_failureignore.reason: 1 (reference)" in scan.instructions) == ("manual", True)
    assert "forgottenreference" not in scan.instructions


def test_a_submission_on_its_way_is_waited_for_and_changes_the_plan(table: TablePipeline, desk: RequestDesk):
    lead = enriched(table)
    request = desk.searched(desk.open("erasure", lead))
    batch = Batch.objects.create(kind="submit", table_id="", status="in_flight", in_flight_since=timezone.now())
    item = BatchItem.objects.create(batch=batch, lead=lead, position=0)
    run = attempt(
        lead, batch=batch, source=ClaySource.objects.get(), status="intended", triggered_at=None, finished_at=None
    )
    request = desk.approved(request)
    waiting = request.steps.get(action="recheck", store="clay")
    assert (waiting.status, "being sent" in waiting.error_message) == ("planned", True)
    assert not request.steps.filter(action="erase", store__in=("clay", "mirror"), status="done").exists()
    BatchItem.objects.filter(pk=item.pk).update(status="done")
    Batch.objects.filter(pk=batch.pk).update(status="done", in_flight_since=None)
    Attempt.objects.filter(pk=run.pk).update(status="running", triggered_at=timezone.now())
    request = desk.work(request)
    assert (request.status, request.plan_changed) == ("awaiting_approval", True)
    assert request.records.filter(store="clay").count() == 2
    request = desk.approved(request)
    assert [step.record.key.partition("/")[2] for step in desk.by_hand(request, "erase")] == references(lead)


def test_a_correction_says_the_new_values_and_keeps_what_stood_there(
    table: TablePipeline, desk: RequestDesk, compliance_client
):
    lead = enriched(table)
    (reference,) = references(lead)
    request = desk.approved(desk.searched(desk.open("rectification", lead, values={"title": "Chief Figures Officer"})))
    (step,) = desk.by_hand(request, "rectify")
    for words in ("the table “People (first)”", reference, "New values: Title: Chief Figures Officer."):
        assert words in step.instructions
    page = compliance_client.get(f"/requests/{request.pk}/").content.decode()
    assert "What stood there before, one per line" in page
    (row,) = table.rows(lead)
    table.sandbox.control("PATCH", f"tables/{TABLE}/rows/{row['id']}", title="Chief Figures Officer")
    desk.did(step, "The row shows it.", data={"title": row["cells"]["title"]["value"]})
    request = desk.work(request)
    assert request.status == "completed", states(request)
    step.refresh_from_db()
    assert step.result == {"before": {"title": lead.title}, "after": {"title": "Chief Figures Officer"}}
    page = compliance_client.get(f"/requests/{request.pk}/").content.decode()
    assert f"Title: {lead.title} → Chief Figures Officer" in html.unescape(page)
    lead.refresh_from_db()
    assert (lead.title, lead.pinned_fields) == ("Chief Figures Officer", ["title"])


def test_an_access_package_has_the_row_and_says_which_way_it_came(table: TablePipeline, desk: RequestDesk):
    lead = enriched(table)
    request = desk.searched(desk.open("access", lead))
    (step,) = desk.by_hand(request, "export")
    desk.did(step, "Read in Clay.", data={"title": lead.title})
    request = desk.work(request)
    package = document.compose(request)
    clay = next(each for each in package["c"] if each["recipient"] == "Clay")
    assert (clay["times"], "LinkedIn URL" in clay["fields"] or "linkedin url" in clay["fields"]) == (1, True)
    assert "Clay, from the table People (first)" in {each["source"] for each in package["g"]}
    assert package["statements"] == []
    assert [each["copied_by_hand"] for each in package["records"] if each["where"] == "Clay"] == [True]


def test_an_objection_waits_for_no_search_by_hand(table: TablePipeline, desk: RequestDesk):
    lead = enriched(table)
    request = desk.open("objection", lead)
    assert not desk.by_hand(request, "locate")
    assert request.stopped_at is not None
    assert Lead.objects.get(pk=lead.pk).restriction == "objection"


def test_the_row_of_a_suppressed_person_who_came_back_is_an_officer_s(table: TablePipeline, desk: RequestDesk):
    lead = table.lead("another-profile", dispatch_priority=20)
    gate.suppress(Identity(emails=("jane@acme.example",)), reason="erasure")
    dispatch_plan.plan_batches(BatchKind.SUBMIT)
    submit.run_due()
    (reference,) = references(lead)
    row = {"linkedin_url": lead.linkedin_url, "email_work": "jane@acme.example"}
    suppressed_rows.handle_return(lead.pk, ClayRow(id="", values=row, raw=row), attempt=lead.attempts.get())
    retention.run_due()
    waiting = Purge.objects.get().records.get(status="manual")
    assert reference in waiting.instructions
    compliance_alarms.sync_alerts(compliance_alerts.current())
    assert "who came back must be removed by hand" in Alert.objects.get().sentence
    delete_in_clay(table, reference)
    retention.complete_by_hand(waiting, evidence="Deleted and searched: nothing.", by=desk.first)
    retention.run_due()
    assert not Lead.objects.exists()
    assert gate.look_up([Identity(lead.linkedin_url)]) == {0}
