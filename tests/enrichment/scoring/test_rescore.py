"""Scoring every lead under a published version: only what changes, nothing lost, nothing mixed."""

import copy
import datetime
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from enrichment import versions
from enrichment.models import AfterRescore, BulkJob, Lead, Rescore, ScorecardVersion, TierMove
from enrichment.models.version import forget_active
from enrichment.pipeline.score import apply as scoring
from enrichment.pipeline.score.explained import explanation_of, version_of
from enrichment.scoring import moves, publishing, rescore, rescore_progress
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core import jobs as runner
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.jobs import JobStatus
from swarm_admin.core.work import LeaseLost
from tests.factories import EnrichedLeadFactory, LeadFactory
from tests.locks import wait_until_blocked

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada@example.com")


@pytest.fixture(autouse=True)
def no_late_writers(monkeypatch):
    """A rescore waits a second for them; here there are none."""
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)


def scored(**values):
    """A lead with the score the active version gives it."""
    lead = EnrichedLeadFactory(**values)
    scoring.apply(lead)
    lead.save()
    return lead


def publish(ada, *, after=AfterRescore.NOTHING, **changes):
    """The published card with these changes ("components__0__cap"), published over the live version."""
    live = versions.published(ScorecardVersion)
    document = copy.deepcopy(live.document)
    for path, value in changes.items():
        *steps, last = path.split("__")
        at = document
        for step in steps:
            at = at[int(step)] if step.isdecimal() else at[step]
        at[last] = value
    draft = versions.start_draft(ScorecardVersion, by=ada)
    draft = versions.save_draft(draft, document, revision=draft.revision, by=ada)
    done = publishing.publish(
        draft, revision=draft.revision, over=live.number, note="for the test", after=after, by=ada
    )
    forget_active()
    return done


def as_it_should_be():
    """Every lead's stored score and tier are those of the published version."""
    for lead in Lead.objects.filter(icp_score__isnull=False, restriction=""):
        stored = (lead.icp_score, lead.icp_tier)
        scoring.apply(lead)
        assert (lead.icp_score, lead.icp_tier) == stored, lead


def next_chunk(job):
    """The next leads scored and recorded, as by a worker that has the job."""
    chunk = next(rescore.RescoreJob().chunks(job))
    runner._record(job, chunk)


# A lead of the factory has 90 points, of which 30 by its size: 70 where a size earns 10
LESS_FOR_SIZE = {"components__0__bands": [{"at_least": 1, "points": 10}]}


def test_every_lead_has_the_new_versions_score_and_unchanged_ones_are_not_written(ada):
    moved, same = scored(), scored(company_size=75.0)  # 10 points for its size before and after
    before = Lead.objects.get(pk=same.pk).updated_at
    done = publish(ada, **LESS_FOR_SIZE)
    assert (moved.icp_score, moved.icp_tier) == (90.0, 1)
    assert rescore.run_due() == 1
    moved.refresh_from_db()
    same.refresh_from_db()
    assert (moved.icp_score, moved.icp_tier, moved.scorecard) == (70.0, 2, done.version)
    assert (same.updated_at, same.scorecard.number) == (before, 1)
    as_it_should_be()
    done.refresh_from_db()
    assert (done.changed, done.up, done.down) == (1, 0, 1)
    assert done.finished_at is not None
    job = done.job
    assert (job.status, job.position, job.total, job.accepted) == ("done", 2, 2, 1)


def test_a_lead_that_was_not_written_stands_under_the_new_version_all_the_same(ada):
    lead = scored(company_size=75.0)
    publish(ada, components__0__bands=[{"at_least": 1, "points": 10}], components__0__label="Head count")
    assert version_of(lead).number == 1
    rescore.run_due()
    lead.refresh_from_db()
    assert version_of(lead).number == 2
    assert explanation_of(lead)[0]["label"] == "Head count"


def test_leads_never_scored_and_restricted_ones_are_left_alone(ada):
    pending = LeadFactory(title="CEO", company_size=250.0)
    kept = scored()
    Lead.objects.filter(pk=kept.pk).update(restriction="restriction")
    publish(ada, **LESS_FOR_SIZE)
    rescore.run_due()
    pending.refresh_from_db()
    assert pending.icp_score is None
    before = kept.icp_score
    kept.refresh_from_db()
    assert (kept.icp_score, kept.scorecard.number) == (before, 1)
    assert version_of(kept).number == 1
    assert version_of(pending) is None


def test_where_clay_decides_the_tier_follows_it_and_the_score_is_ours(ada, settings):
    settings.TIER_SOURCE = "clay"
    lead = scored(clay_tier="Tier 3")
    publish(ada, **LESS_FOR_SIZE)
    rescore.run_due()
    lead.refresh_from_db()
    assert (lead.icp_score, lead.icp_tier) == (70.0, 3)


def test_chunk_by_chunk_it_gets_to_the_end(ada, monkeypatch):
    monkeypatch.setattr(rescore, "CHUNK", 2)
    for number in range(5):
        scored(company_size=200.0 + number)
        LeadFactory()
    publish(ada, **LESS_FOR_SIZE)
    rescore.run_due()
    as_it_should_be()
    assert Lead.objects.filter(icp_score=70.0).count() == 5
    assert BulkJob.objects.get().position == 5


def test_it_starts_no_delivery_and_says_what_it_did(ada):
    scored()
    done = publish(ada, **LESS_FOR_SIZE)
    rescore.run_due()
    assert not Lead.objects.get().handovers.exists()
    verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs[-3:] == ["publish_version", "start_rescore", "end_rescore"]
    assert AuditEvent.objects.get(verb="end_rescore").counts == {
        "changed": 1,
        "up": 0,
        "down": 1,
        "lifted": 0,
    }
    assert AuditEvent.objects.get(verb="start_rescore").actor_id == ada.pk
    assert done.job.created_by == ada


# ---------------------------------------------------------------- faults


def test_a_fault_stops_it_and_a_person_resumes_it_where_it_stood(ada, monkeypatch):
    monkeypatch.setattr(rescore, "CHUNK", 1)
    for _ in range(3):
        scored()
    done = publish(ada, **LESS_FOR_SIZE)
    real, calls = rescore.score_leads, []

    def breaks_at_the_second(*args):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the disk is full")
        return real(*args)

    monkeypatch.setattr(rescore, "score_leads", breaks_at_the_second)
    rescore.run_due()
    done.job.refresh_from_db()
    assert (done.job.status, done.job.position) == ("failed", 1)
    assert rescore_progress.progress().stopped
    assert rescore.run_due() == 0
    rescore.resume(Rescore.objects.get(), by=ada)
    rescore.run_due()
    as_it_should_be()
    done.job.refresh_from_db()
    assert (done.job.status, done.job.position, done.job.error) == ("done", 3, "")


def test_one_that_runs_is_not_resumed(ada):
    done = publish(ada, **LESS_FOR_SIZE)
    with pytest.raises(ActionNotAllowed, match="is still running"):
        rescore.resume(done, by=ada)


def test_a_later_version_overtakes_it(ada, monkeypatch):
    monkeypatch.setattr(rescore, "CHUNK", 1)
    first, second = scored(), scored()
    done = publish(ada, **LESS_FOR_SIZE)
    job = BulkJob.objects.get()
    BulkJob.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, in_flight_since=timezone.now())
    job.refresh_from_db()
    done.refresh_from_db()
    next_chunk(job)  # the first lead is of version 2
    publish(ada, components__0__bands=[{"at_least": 1, "points": 20}])
    with pytest.raises(LeaseLost):
        next_chunk(job)
    assert [version_of(lead).number for lead in Lead.objects.order_by("pk")] == [2, 1]
    rescore.run_due()
    as_it_should_be()
    assert [version_of(lead).number for lead in Lead.objects.order_by("pk")] == [3, 3]
    job.refresh_from_db()
    assert (job.status, job.error) == ("cancelled", "Replaced by scorecard version 3.")
    assert {first.pk, second.pk} == set(Lead.objects.filter(icp_score=80.0).values_list("pk", flat=True))
    with pytest.raises(ActionNotAllowed):
        rescore.resume(done, by=ada)


def test_a_killed_workers_rescore_is_taken_over_after_its_lease(ada):
    scored()
    done = publish(ada, **LESS_FOR_SIZE)
    now = timezone.now()
    BulkJob.objects.update(status=JobStatus.RUNNING, started_at=now, in_flight_since=now)
    assert rescore.run_due() == 0
    long_ago = now - datetime.timedelta(seconds=rescore.LEASE_SECONDS + 1)
    BulkJob.objects.update(in_flight_since=long_ago)
    assert rescore.run_due() == 1
    done.refresh_from_db()
    assert done.finished_at is not None
    as_it_should_be()


@pytest.mark.django_db(transaction=True)
def test_the_victim_of_a_deadlock_tries_again(ada, monkeypatch):
    scored()
    publish(ada, **LESS_FOR_SIZE)
    real, left = rescore._score_chunk, [2]

    def unlucky(*args):
        if left[0]:
            left[0] -= 1
            raise OperationalError from DeadlockDetected()
        return real(*args)

    monkeypatch.setattr(rescore, "_score_chunk", unlucky)
    rescore.run_due()
    as_it_should_be()
    assert BulkJob.objects.get().status == "done"


def test_a_score_of_the_version_before_that_came_late_is_mended(ada):
    lead = scored()
    done = publish(ada, **LESS_FOR_SIZE)
    job = done.job
    now = timezone.now()
    BulkJob.objects.update(status=JobStatus.RUNNING, in_flight_since=now)
    job.refresh_from_db()
    next_chunk(job)
    # A process that had asked for the active version before it changed.
    old = ScorecardVersion.objects.get(number=1)
    Lead.objects.update(icp_score=90.0, icp_tier=1, scorecard=old, scored_at=timezone.now())
    runner._end(rescore.RescoreJob(), job, JobStatus.DONE)
    lead.refresh_from_db()
    assert (lead.icp_score, lead.scorecard.number) == (70.0, 2)
    as_it_should_be()


def test_it_waits_for_writers_of_the_version_before(ada, monkeypatch):
    scored()
    publish(ada, **LESS_FOR_SIZE)
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 3600.0)
    rescore.run_due()
    job = BulkJob.objects.get()
    assert (job.status, job.position, job.in_flight_since) == ("running", 1, None)
    assert rescore_progress.progress().percent == 99
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)
    rescore.run_due()
    assert BulkJob.objects.get().status == "done"


@pytest.mark.django_db(transaction=True)
def test_a_lead_that_changes_while_it_is_scored_is_read_again(ada):
    """Another transaction holds the lead, changes its size and commits while the rescore waits for it."""
    lead = scored()
    done = publish(ada, components__0__bands=[{"at_least": 500, "points": 3}, {"at_least": 1, "points": 10}])
    ready = Event()

    def wait_and_change():
        try:
            with transaction.atomic():
                Lead.objects.select_for_update().get(pk=lead.pk)
                ready.set()
                wait_until_blocked()  # by the rescore
                Lead.objects.filter(pk=lead.pk).update(company_size=600.0, updated_at=timezone.now())
        finally:
            connection.close()

    other = Thread(target=wait_and_change)
    other.start()
    ready.wait()
    rescore.run_due()
    other.join()
    lead.refresh_from_db()
    assert (lead.company_size, lead.icp_score) == (600.0, 63.0)
    done.refresh_from_db()
    assert done.changed == 1


# ---------------------------------------------------------------- what is shown of it


def test_while_it_runs_leads_behind_it_are_marked_as_old(ada, monkeypatch):
    monkeypatch.setattr(rescore, "CHUNK", 1)
    first, second = scored(), scored()
    assert rescore_progress.progress() is None
    done = publish(ada, **LESS_FOR_SIZE)
    found = rescore_progress.progress()
    assert (found.version, found.over, found.left, found.percent) == (2, 1, 2, 0)
    assert found.is_old(first)
    BulkJob.objects.update(status=JobStatus.RUNNING, started_at=timezone.now(), in_flight_since=timezone.now())
    done.job.refresh_from_db()
    next_chunk(done.job)
    found = rescore_progress.progress()
    assert (found.left, found.percent, found.stopped) == (1, 50, False)
    first.refresh_from_db()
    assert not found.is_old(first)
    assert found.is_old(second)
    scoring.apply(second)  # a webhook in between scores under the new version
    assert not found.is_old(second)
    assert not found.is_old(LeadFactory())
    rescore.run_due()
    BulkJob.objects.update(in_flight_since=None)
    rescore.run_due()
    assert rescore_progress.progress() is None


# ---------------------------------------------------------------- what the publisher chose


MORE_FOR_ALL = {"tiers": [{"name": "Tier 1", "at_least": 20}, {"name": "Tier 2", "at_least": 10}, {"name": "Tier 3"}]}
LOW = {
    "company_size": None,
    "company_industry": "Retail",
    "title": "Clerk",
    "tech_stack": [],
    "phone": "",
}  # 10 points


def low(**values):
    return scored(**{**LOW, **values})


def test_lifted_leads_wait_for_review_where_the_publisher_wants_it(ada):
    lead, unreachable = low(), low(email_work="")
    scored()
    done = publish(ada, after=AfterRescore.REVIEW, **MORE_FOR_ALL)
    rescore.run_due()
    move = TierMove.objects.get()
    assert (move.lead, move.before, move.after, move.status) == (lead, 3, 2, "waiting")
    assert Lead.objects.get(pk=unreachable.pk).icp_tier == 2
    assert not BulkJob.objects.filter(kind="deliver_moved").exists()
    done.refresh_from_db()
    assert (done.lifted, done.up) == (1, 2)


def test_nothing_is_noted_where_the_publisher_wants_nothing(ada):
    low()
    publish(ada, after=AfterRescore.NOTHING, **MORE_FOR_ALL)
    rescore.run_due()
    assert not TierMove.objects.exists()


def test_lifted_leads_are_delivered_by_a_job_that_begins_when_the_rescore_has_ended(ada, monkeypatch):
    from enrichment.jobs import jobs

    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 3600.0)
    lead = low()
    publish(ada, after=AfterRescore.DELIVER, **MORE_FOR_ALL)
    rescore.run_due()
    assert not BulkJob.objects.filter(kind="deliver_moved").exists()
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)
    rescore.run_due()
    job = BulkJob.objects.get(kind="deliver_moved")
    assert (job.total, job.created_by) == (1, ada)
    jobs.run_due()
    assert sorted(lead.handovers.values_list("system", flat=True)) == ["ghl", "instantly"]
    assert TierMove.objects.get().status == "delivered"
    assert TierMove.objects.get().decided_by == ada


def test_a_choice_that_is_none_is_refused(ada):
    with pytest.raises(ActionNotAllowed, match="Choose what happens"):
        publish(ada, after="everything", **MORE_FOR_ALL)


def test_who_falls_out_again_waits_no_more(ada):
    low()
    publish(ada, after=AfterRescore.REVIEW, **MORE_FOR_ALL)
    rescore.run_due()
    back = publishing.roll_back(
        ScorecardVersion.objects.get(number=1), over=2, note="not like that", after="review", by=ada
    )
    forget_active()
    rescore.run_due()
    assert TierMove.objects.get().status == "overtaken"
    assert back.version.number == 3
    as_it_should_be()


def test_the_reasons_why_a_waiting_lead_is_not_delivered(ada):
    from gdpr.suppression import gate

    fine, gone, blocked, fallen = low(), low(), low(email_work="gone@acme.example"), low()
    publish(ada, after=AfterRescore.REVIEW, **MORE_FOR_ALL)
    rescore.run_due()
    keys = {move.lead_id: move.pk for move in TierMove.objects.all()}
    gate.suppress(blocked.identity, reason="erased")
    Lead.objects.filter(pk=fallen.pk).update(icp_tier=3)
    moves.dismiss_moves(TierMove.objects.filter(lead=gone), by=ada)
    why = moves.retry_moves(list(keys.values()), ada)
    assert why == {
        keys[gone.pk]: moves.GONE,
        keys[blocked.pk]: moves.SUPPRESSED,
        keys[fallen.pk]: moves.OVERTAKEN,
    }
    status = dict(TierMove.objects.values_list("lead_id", "status"))
    assert status == {
        fine.pk: "delivered",
        gone.pk: "dismissed",
        blocked.pk: "dismissed",
        fallen.pk: "overtaken",
    }
    assert moves.retry_moves([keys[fine.pk]], ada) == {keys[fine.pk]: moves.GONE}


def test_nothing_to_deliver_is_said(ada):
    with pytest.raises(ActionNotAllowed, match="Nothing left to review"):
        moves.deliver_moves(TierMove.objects.all(), by=ada)
