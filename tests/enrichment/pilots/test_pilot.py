"""A draft tried before it is published: who is tried, under what, and what was measured beside the forecast."""

from decimal import Decimal

import pytest
from django.utils import timezone

from enrichment import versions
from enrichment.jobs import jobs
from enrichment.leads import actions
from enrichment.models import Attempt, Batch, Lead, WaterfallVersion
from enrichment.models.work import BatchKind
from enrichment.pilots import pilot, pilot_result
from enrichment.pipeline.dispatch.plan import plan_batches as plan_batches
from enrichment.versions import EditStart, StaleDraft
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.waterfall.test_editing import changed
from tests.enrichment.waterfall.test_spending import call
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.com")


@pytest.fixture
def draft(ada):
    return versions.save_edit(WaterfallVersion, changed(providers=["hunter", "apollo"]), EditStart(), by=ada)


@pytest.fixture
def leads():
    return LeadFactory.create_batch(4)


def ids(leads):
    return [lead.pk for lead in leads]


def start(draft, leads, by):
    return pilot.start_pilot(draft, ids(leads), revision=draft.revision, by=by)


def test_only_those_that_wait_for_their_first_run_are_tried(leads):
    EnrichedLeadFactory(dispatch_after=timezone.now(), only_providers=["builtwith"])
    LeadFactory(dispatch_after=None)
    LeadFactory(enrichment_status="failed")
    assert set(pilot.eligible_leads().values_list("pk", flat=True)) == set(ids(leads))
    assert set(pilot.draw_leads(10)) == set(ids(leads))
    assert len(pilot.draw_leads(2)) == 2
    assert pilot.draw_leads(5, "post_liker") == []


def test_the_plan_names_its_price_and_who_is_left_out(draft, leads):
    gate.suppress(Identity(leads[0].linkedin_url), reason="objection")
    Lead.objects.filter(pk=leads[1].pk).update(dispatch_after=None)
    found = pilot.plan_pilot(draft, ids(leads))
    assert ids(found.leads) == ids(leads[2:])
    assert found.cost == 2 * found.price.amount > 0
    assert 0 < found.expected < found.price.amount
    assert list(found.left_out.values()) == [1, 1]


def test_it_runs_under_a_copy_of_the_draft(draft, leads, ada, settings):
    settings.CLAY_TABLE_ID = "tbl"
    job = start(draft, leads[:2], ada)
    trial = pilot.trial_version(job)
    assert (trial.status, trial.based_on, trial.document) == ("trial", draft.number, draft.document)
    assert (job.total, job.plan["count"]) == (2, 2)
    versions.save_edit(WaterfallVersion, changed(providers=["pdl"]), EditStart(draft.pk, draft.revision), by=ada)
    trial.refresh_from_db()
    assert trial.document == draft.document
    tried = Lead.objects.filter(trial=trial)
    assert set(tried.values_list("pk", flat=True)) == set(ids(leads[:2]))
    assert set(tried.values_list("dispatch_priority", "dispatch_by")) == {(actions.STAFF_PRIORITY, ada.pk)}
    for number, lead in enumerate(leads):
        Lead.objects.filter(pk=lead.pk).update(clay_row_id=f"row-{number}", dispatch_priority=actions.STAFF_PRIORITY)
    plan_batches(BatchKind.TRIGGER)
    found = {batch.waterfall_id: batch.items.count() for batch in Batch.objects.filter(kind=BatchKind.TRIGGER)}
    assert found == {trial.pk: 2, None: 2}
    assert AuditEvent.objects.filter(verb="start_pilot").count() == 1


def test_a_draft_saved_meanwhile_is_not_tried(draft, leads, ada):
    versions.save_edit(WaterfallVersion, changed(providers=["pdl"]), EditStart(draft.pk, draft.revision), by=ada)
    with pytest.raises(StaleDraft):
        start(draft, leads, ada)
    assert not Lead.objects.filter(trial__isnull=False).exists()
    assert not WaterfallVersion.objects.filter(status="trial").exists()


def test_one_at_a_time_and_never_without_leads(draft, leads, ada):
    with pytest.raises(ActionNotAllowed, match="None of these"):
        start(draft, [], ada)
    start(draft, leads[:1], ada)
    with pytest.raises(ActionNotAllowed, match="already running"):
        start(draft, leads[1:], ada)


def test_it_ends_when_all_were_answered(draft, leads, ada):
    job = start(draft, leads[:2], ada)
    assert pilot.run_due() == 1
    job.refresh_from_db()
    assert (job.status, job.position) == ("running", 0)
    trial = pilot.trial_version(job)
    Lead.objects.filter(pk=leads[0].pk).update(dispatch_after=None)
    ended = Attempt.objects.create(lead=leads[0], waterfall=trial, status="succeeded", finished_at=timezone.now())
    Lead.objects.filter(pk=leads[1].pk).update(dispatch_after=None)
    running = Attempt.objects.create(lead=leads[1], waterfall=trial, status="running")
    pilot.run_due()
    job.refresh_from_db()
    assert (job.status, job.position) == ("running", 1)
    Attempt.objects.filter(pk=running.pk).update(status="failed", finished_at=ended.finished_at)
    # One that waits to be filled in has been answered.
    Lead.objects.filter(pk=leads[1].pk).update(dispatch_after=timezone.now(), only_providers=["builtwith"])
    pilot.run_due()
    job.refresh_from_db()
    assert (job.status, job.position) == ("done", 2)
    assert pilot.run_due() == 0


def test_a_cancelled_pilot_lets_the_others_go_their_usual_way(draft, leads, ada):
    job = start(draft, leads[:2], ada)
    Lead.objects.filter(pk=leads[0].pk).update(dispatch_after=None)
    jobs.cancel(job, by=ada)
    pilot.run_due()
    kept, freed = Lead.objects.get(pk=leads[0].pk), Lead.objects.get(pk=leads[1].pk)
    assert kept.trial_id == job.plan["version"]
    assert (freed.trial_id, freed.dispatch_after is not None) == (None, True)


def test_a_later_retry_runs_under_what_is_published(draft, leads, ada):
    job = start(draft, leads[:1], ada)
    Lead.objects.update(dispatch_after=None)
    lead = Lead.objects.get(pk=leads[0].pk)
    assert lead.trial_id == job.plan["version"]
    actions.retry_leads([lead], by=ada)
    lead.refresh_from_db()
    assert lead.trial_id is None


def test_measured_beside_the_forecast(draft, leads, ada):
    job = start(draft, leads, ada)
    trial = pilot.trial_version(job)
    for number, lead in enumerate(leads):
        hit = ["email_work"] if number else []
        told = [call("hunter", hit, "0.02" if hit else "0"), call("cognism", ["phone"], "0.10")]
        Attempt.objects.create(
            lead=lead,
            waterfall=trial,
            status="succeeded",
            finished_at=timezone.now(),
            providers=told,
            cost=Decimal("0.12") if hit else Decimal("0.10"),
        )
    Attempt.objects.create(lead=leads[0], waterfall=trial, status="abandoned", finished_at=timezone.now())
    found = pilot_result.pilot_result(job)
    cost, email, phone, company, _ = found.measures
    assert (found.leads, round(found.cost, 2)) == (4, 0.46)
    assert round(cost.measured, 4) == 0.115
    assert cost.low < 0.115 < cost.high
    assert email.measured == 0.75
    assert email.low < 0.75 < email.high
    assert (phone.measured, phone.verdict) == (1.0, "as forecast")
    assert (company.measured, company.low) == (0.0, 0.0)
    assert email.draft > 0.9
    assert {(each.name, each.asked, each.hits) for each in found.providers} == {
        ("Hunter.io", 4, 3),
        ("Cognism", 4, 4),
    }


def test_before_anybody_answered_nothing_is_measured(draft, leads, ada):
    found = pilot_result.pilot_result(start(draft, leads, ada))
    assert found.leads == 0
    assert all(each.measured is None and each.verdict == "" for each in found.measures)


def test_a_draft_is_published_after_its_pilot_with_the_next_number(draft, leads, ada):
    job = start(draft, leads, ada)
    versions.publish(draft, revision=draft.revision, over=1, note="as the pilot showed", by=ada)
    live = versions.published(WaterfallVersion)
    assert live.number > pilot.trial_version(job).number
    assert live not in [pilot.trial_version(job)]
    assert [version.status for version in versions.history(WaterfallVersion)] == ["published", "superseded"]
