"""Every kind of long work has its words and its page, and gets from its start to its end."""

import copy
import html
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from enrichment import tasks, versions
from enrichment.deliveries.retry_job import DELIVERIES
from enrichment.failures import retry_job
from enrichment.failures.causes import Cause
from enrichment.imports import importing
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import outcome
from enrichment.jobs.kinds import KINDS, Kind, kind_of, of_tick
from enrichment.jobs.rows import left_out
from enrichment.leads.retry_job import LEADS
from enrichment.models import BulkJob, Handover, Lead, Rescore, ScorecardVersion, TierMove, WaterfallVersion
from enrichment.models.job import JobKind
from enrichment.pilots import pilot
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import moves, publishing, rescore
from enrichment.versions import EditStart
from gdpr.models import AuditEvent
from swarm_admin.core import jobs as runner
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.waterfall.test_editing import changed
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory, lead_row

pytestmark = pytest.mark.django_db


def test_every_kind_is_registered():
    assert set(KINDS) == set(JobKind)


@pytest.mark.parametrize("kind", JobKind)
def test_a_kind_without_a_page_of_its_own_says_what_its_page_holds(kind):
    found = KINDS[kind]
    assert (type(found).show is Kind.show) == (found.page != "job")
    assert found.icon
    assert found.no_stop.endswith(".")


# ---------------------------------------------------------------- from the start to the end


def an_import(ada):
    content = ",".join(lead_row()) + "\n" + ",".join(lead_row().values())
    job = importing.upload(io.BytesIO(content.encode()), name="leads.csv", by=ada)
    importing.start_import(job, columns=importing.preview(job).mapping, by=ada)
    return job


def a_retry_of_a_cause(ada):
    lead = FailedLeadFactory()
    return retry_job.start_retry(Cause("enrichment", lead.error_kind, lead.error_provider, "502 apollo failed"), by=ada)


def a_retry_of_leads(ada):
    lead = FailedLeadFactory()
    plan = {"what": LEADS, "count": 1}
    return jobs.start(JobKind.RETRY_LEADS, [(lead.pk, lead.pk)], plan=plan, by=ada)


def a_retry_of_deliveries(ada):
    failed = Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="failed")
    rows = [(failed.pk, failed.lead_id)]
    return jobs.start(JobKind.RETRY_DELIVERIES, rows, plan={"what": DELIVERIES, "count": 1}, by=ada)


def a_rescore(ada):
    lead = EnrichedLeadFactory()
    scoring.apply(lead)
    lead.save()
    live = versions.published(ScorecardVersion)
    document = copy.deepcopy(live.document)
    document["components"][0]["bands"][0]["points"] = 5
    draft = versions.start_draft(ScorecardVersion, by=ada)
    draft = versions.save_draft(draft, document, revision=draft.revision, by=ada)
    return publishing.publish(
        draft, revision=draft.revision, over=live.number, note="Size counts less", after="nothing", by=ada
    ).job


def a_delivery_of_lifted_leads(ada):
    lead, version = EnrichedLeadFactory(icp_tier=1), versions.published(ScorecardVersion)
    ended = BulkJob.objects.create(kind=JobKind.RESCORE, status="done", plan={"version": 1, "over": 1})
    rescored = Rescore.objects.create(job=ended, version=version, began_at=timezone.now())
    TierMove.objects.create(rescore=rescored, lead=lead, before=3, after=1, score=90.0)
    return moves.deliver_moves(TierMove.objects.all(), by=ada)


def a_pilot(ada):
    lead = LeadFactory()
    draft = versions.save_edit(WaterfallVersion, changed(providers=["hunter"]), EditStart(), by=ada)
    job = pilot.start_pilot(draft, [lead.pk], revision=draft.revision, by=ada)
    Lead.objects.filter(pk=lead.pk).update(dispatch_after=None)  # as if it had been answered
    return job


STARTED = {
    JobKind.IMPORT: an_import,
    JobKind.RETRY: a_retry_of_a_cause,
    JobKind.RETRY_LEADS: a_retry_of_leads,
    JobKind.RETRY_DELIVERIES: a_retry_of_deliveries,
    JobKind.RESCORE: a_rescore,
    JobKind.DELIVER_MOVED: a_delivery_of_lifted_leads,
    JobKind.PILOT: a_pilot,
}


@pytest.fixture
def ada(django_user_model, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)  # here are no late writers to wait for
    return django_user_model.objects.create_user("ada@example.com")


@pytest.mark.parametrize("name", JobKind)
def test_every_kind_gets_from_its_start_to_its_end(name, ada, admin_client):
    job = STARTED[name](ada)
    kind = kind_of(job)
    assert (job.kind, job.total, job.created_by) == (name, 1, ada)
    assert AuditEvent.objects.filter(verb=kind.verbs.start, object_id=str(job.pk), actor_id=ada.pk).count() == 1
    assert kind.about(job)
    assert outcome(job).label == "Queued"
    assert kind.tick in {entry["task"].rpartition(".")[2] for entry in tasks.BEAT.values()}
    for _ in range(2):  # a pilot looks, and ends at the next look
        runner.run_due(of_tick(kind.tick))
    job.refresh_from_db()
    assert (job.status, job.position, job.in_flight_since, job.error) == ("done", 1, None, "")
    ended = AuditEvent.objects.get(verb=kind.verbs.end, object_id=str(job.pk))
    assert (ended.reason, ended.actor_id) == ("done", None)
    assert outcome(job).label not in ("Queued", "Running", "Stopped")
    page = admin_client.get(reverse(kind.page, args=[job.pk]))
    assert page.status_code == 200
    assert kind.about(job) in html.unescape(admin_client.get(reverse("jobs")).content.decode())


@pytest.mark.parametrize("name", JobKind)
def test_every_kind_that_stops_begins_nothing_more_once_it_is_cancelled(name, ada):
    job = STARTED[name](ada)
    kind = kind_of(job)
    assert bool(kind.verbs.cancel) == kind.stops
    if not kind.stops:
        return
    jobs.cancel(job, by=ada)
    assert AuditEvent.objects.filter(verb=kind.verbs.cancel, object_id=str(job.pk), actor_id=ada.pk).count() == 1
    assert runner.run_due(of_tick(kind.tick)) == 0
    job.refresh_from_db()
    assert (job.status, job.position) == ("cancelled", 0)


def test_nothing_chosen_is_no_job():
    with pytest.raises(ActionNotAllowed, match="Nothing left"):
        jobs.start(JobKind.RETRY_LEADS, [], plan={"what": LEADS, "count": 0}, by=None)
    assert not BulkJob.objects.exists()


def test_chosen_leads_are_tried_again_and_the_result_is_told():
    fine, gone = FailedLeadFactory(), FailedLeadFactory()
    plan = {"count": 2, "cost": "0.30", "cost_label": "Maximum cost"}
    rows = [(fine.pk, fine.pk), (gone.pk, gone.pk)]
    job = jobs.start(JobKind.RETRY_LEADS, rows, plan={"what": LEADS, **plan}, by=None)
    Lead.objects.filter(pk=gone.pk).delete()
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.accepted, job.rejected) == ("done", 1, 1)
    shown = kind_of(job).show(job)
    assert {figure.label: figure.value for figure in shown.figures} == {
        "Queued again": 1,
        "In progress": 1,
        "Recovered": 0,
        "Failed again": 0,
        "Skipped": 1,
        "Not started": 0,
    }
    assert shown.facts == {"Rows": "2 of 2", "Maximum cost": "$0.30"}
    assert shown.left_out == {"The lead no longer exists.": 1}
    assert shown.unsettled
    assert kind_of(job).about(job) == "2 leads selected in the list"


def test_chosen_deliveries_are_planned_again_whatever_the_system():
    ready = [
        Handover.objects.create(lead=EnrichedLeadFactory(), system=system, status=status)
        for system, status in (("ghl", "failed"), ("instantly", "withheld"))
    ]
    done = Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="done")
    rows = [(each.pk, each.lead_id) for each in (*ready, done)]
    job = jobs.start(JobKind.RETRY_DELIVERIES, rows, plan={"what": DELIVERIES, "count": 3}, by=None)
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.accepted, job.rejected) == ("done", 2, 1)
    assert set(Handover.objects.filter(status="planned")) == set(ready)
    assert "failed or withheld" in next(iter(left_out(job)))
