"""What is said of runs of a routine: that nothing stays, until when Clay's history shows them, and of whom."""

import datetime
import json

import pytest

from enrichment.models import ForgottenReference, Lead
from enrichment.pipeline import suppressed_rows
from enrichment.stores.clay import ClayStore
from enrichment.vendors.clay.wire import ClayRow
from enrichment.waterfall.anonymous import digest
from gdpr.identity import Identity
from gdpr.models import Purge, RequestDocument
from gdpr.package import document, render
from gdpr.package.pdf import as_pdf
from gdpr.requests import certificate, forget
from gdpr.requests.pipeline import open
from gdpr.requests.pipeline.report import remaining_data_text
from gdpr.retention import retention
from gdpr.suppression import gate
from tests.enrichment.stores.clay_tables import attempt, routine_run
from tests.enrichment.stores.planting import IDENTITY, PHONE, URL, in_the_mirror
from tests.enrichment.stores.request_desk import RequestDesk, states
from tests.factories import EnrichedLeadFactory, LeadFactory

store = ClayStore()
DAY = datetime.timedelta(days=1)
NOON = datetime.datetime(2026, 3, 5, 12, 30, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def by_routine(vendors, settings, tmp_path, monkeypatch):
    settings.CLAY_CONNECTOR, settings.CLAY_TABLE_ID, settings.MEDIA_ROOT = "routine", "", tmp_path
    monkeypatch.setattr(open, "enqueue", lambda request_id: None)


@pytest.fixture
def desk(db):
    return RequestDesk()


def stated(identity=IDENTITY):
    return [(each.says, each.kept_until) for each in store.statements(identity)]


def test_a_run_is_dated_and_its_history_ends_a_day_later_at_a_full_hour():
    routine_run(in_the_mirror(), started_at=NOON)
    until = datetime.datetime(2026, 3, 6, 13, tzinfo=datetime.UTC)
    assert stated() == [
        (
            "Clay processed the data in a run of a routine on 5 March 2026. Nothing stays in a table there. Clay keeps "
            "its run history about a day: until 6 March 2026, 13:00 UTC.",
            until,
        )
    ]


def test_many_runs_are_one_sentence_and_the_last_one_counts():
    lead = in_the_mirror()
    for days in range(5):
        routine_run(lead, started_at=NOON + days * DAY)
    ((says, until),) = stated()
    assert "in 5 runs of a routine on 5 days from 5 March 2026 to 9 March 2026" in says
    assert until == datetime.datetime(2026, 3, 10, 13, tzinfo=datetime.UTC)


def test_two_days_are_both_named():
    lead = in_the_mirror()
    routine_run(lead, started_at=NOON)
    routine_run(lead, started_at=NOON + DAY)
    assert "on 5 March 2026 and 6 March 2026." in stated()[0][0]


@pytest.mark.parametrize(
    "run",
    [
        lambda lead: attempt(lead),
        lambda lead: routine_run(lead, "workflow:wf_1"),
        lambda lead: routine_run(lead, status="intended", triggered_at=None, finished_at=None),
    ],
    ids=["of a table", "of a workflow, which may write rows", "not begun"],
)
def test_of_other_runs_nothing_is_said(run):
    run(in_the_mirror())
    assert stated() == []


def test_a_run_that_never_began_is_none():
    run = routine_run(in_the_mirror(), status="abandoned").run
    run.run_id, run.status = None, "failed"
    run.save()
    assert stated() == []


def test_a_run_whose_answer_was_lost_may_have_been():
    run = routine_run(in_the_mirror(), status="running", finished_at=None).run
    run.run_id, run.status = None, "unknown"
    run.save()
    assert len(stated()) == 1


def test_nothing_is_said_to_one_person_of_another_s_runs():
    in_the_mirror()
    routine_run(EnrichedLeadFactory(phone=PHONE, clay_row_id=None))
    assert stated() == []
    assert stated(Identity("https://www.linkedin.com/in/nobody")) == []


def test_a_run_whose_result_was_quicker_than_our_record_of_it_was_shared_all_the_same(desk):
    lead = in_the_mirror()
    routine_run(lead, triggered_at=None)
    routine_run(lead, status="abandoned", triggered_at=None)  # refused
    package = document.compose(desk.open("access", lead))
    assert next(each["times"] for each in package["c"] if each["recipient"] == "Clay") == 1


def test_the_access_package_says_it_in_every_form(desk):
    lead = in_the_mirror()
    routine_run(lead)
    package = document.compose(desk.open("access", lead))
    (says,) = package["statements"]
    assert says.startswith("Clay processed the data in a run of a routine on ")
    assert says in render.as_html(package).decode()
    assert json.loads(render.as_json(package))["statements"] == [says]
    assert next(each["times"] for each in package["c"] if each["recipient"] == "Clay") == 1
    assert "Clay, in a run of a routine" in {each["source"] for each in package["g"]}
    assert len(as_pdf(package)) > len(as_pdf({**package, "statements": []}))


def test_an_erasure_says_it_in_the_answer_and_for_good_in_the_certificate(desk):
    lead = in_the_mirror()
    run = routine_run(lead)
    request = desk.approved(desk.open("erasure", lead))
    assert request.status == "completed", states(request)
    assert not Lead.objects.exists()
    told = _newest(request)
    (says,) = told["statements"]
    assert says in told["remains"]
    assert says in remaining_data_text(request)
    assert request.steps.get(action="notify", store="clay").proof == says
    assert URL not in json.dumps(told)
    assert run.reference not in json.dumps(told)
    forget.forget(request.pk)
    certificate.supersede([request.pk], "A record was checked again.")
    assert _newest(request)["statements"] == [says]


def test_after_that_day_nothing_remains_and_it_is_still_said(desk):
    lead = in_the_mirror()
    routine_run(lead, started_at=NOON)
    request = desk.approved(desk.open("erasure", lead))
    told = _newest(request)
    assert "until 6 March 2026" in told["statements"][0]
    assert told["statements"][0] not in told["remains"]
    assert "run history" not in remaining_data_text(request)


@pytest.mark.parametrize("phone", ["", PHONE])
def test_a_result_that_names_a_suppressed_person_leaves_no_step_at_clay(phone):
    """A run made no row: a lead of which nothing else is known goes, another waits for somebody to look at it."""
    lead = LeadFactory(phone=phone, linkedin_url="https://www.linkedin.com/in/another-profile")
    run = routine_run(lead, status="running", finished_at=None)
    gate.suppress(Identity(emails=("jane@acme.example",)), reason="erasure")
    row = {"linkedin_url": lead.linkedin_url, "email_work": "jane@acme.example"}
    suppressed_rows.handle_return(lead.pk, ClayRow(id="", values=row, raw=row))
    retention.run_due()
    assert Lead.objects.filter(pk=lead.pk).exists() == bool(phone)
    assert list(Purge.objects.values_list("status", flat=True)) == ([] if phone else ["done"])
    assert ForgottenReference.objects.filter(digest=digest(run.reference)).exists() == (not phone)
    if phone:
        assert Lead.objects.get(pk=lead.pk).needs_person


def _newest(request):
    kept = certificate.issue(request.pk)
    assert kept is not None
    with RequestDocument.objects.get(pk=kept.pk).file.open() as file:
        return json.loads(file.read())
