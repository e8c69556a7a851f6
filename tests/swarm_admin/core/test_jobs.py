"""The runner of long work: a chunk and its record are one, and only who holds the job records."""

import datetime

import pytest
from django.db.models import F
from django.utils import timezone

from enrichment.models import BulkJob, Lead
from swarm_admin.core import jobs, shutdown
from swarm_admin.core.jobs import JobStatus, Kind
from swarm_admin.core.states import InvalidTransition
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db


class Named(Kind):
    """Gives each lead a name, one a chunk; `before` is called in the transaction of a chunk, with its number."""

    model, name = BulkJob, "retry_leads"

    def __init__(self, before=lambda place: None, waits=()):
        self.before, self.waits, self.heard = before, set(waits), []

    def chunks(self, job):
        for place in range(job.position, job.total):
            if place in self.waits:
                self.waits.discard(place)
                yield None
            yield lambda place=place: self.chunk(place)

    def chunk(self, place):
        lead = Lead.objects.order_by("pk")[place]
        Lead.objects.filter(pk=lead.pk).update(first_name=f"Number {place}")
        self.before(place)
        return {"position": place + 1, "accepted": F("accepted") + 1}

    def finish(self, job):
        self.heard.append("finish")
        Lead.objects.update(last_name="Finished")

    def ended(self, job):
        self.heard.append(str(job.status))

    def cancelled(self, job, by):
        self.heard.append(f"cancelled by {by}")

    def after(self, job):
        self.heard.append("after")


def job_of(total=3):
    LeadFactory.create_batch(total, first_name="Nobody", last_name="Yet")
    return BulkJob.objects.create(kind="retry_leads", total=total)


def named():
    return Lead.objects.filter(first_name__startswith="Number").count()


def as_it_is(job):
    job.refresh_from_db()
    return job.status, job.position, job.accepted, job.in_flight_since is None


def test_from_its_start_to_its_end():
    job, kind = job_of(), Named()
    assert jobs.run_due([kind]) == 1
    assert as_it_is(job) == ("done", 3, 3, True)
    assert job.started_at <= job.finished_at
    assert (named(), kind.heard) == (3, ["finish", "done", "after"])
    assert jobs.run_due([kind]) == 0


def test_what_waits_goes_on_in_another_turn():
    job, kind = job_of(), Named(waits=[1])
    assert jobs.run(kind, job.pk)
    assert as_it_is(job) == ("running", 1, 1, True)
    assert kind.heard == ["after"]
    assert jobs.run(kind, job.pk)
    assert as_it_is(job) == ("done", 3, 3, True)


def test_a_worker_that_is_to_stop_leaves_the_rest_to_others():
    job = job_of()
    kind = Named(before=lambda place: shutdown.request_stop())
    try:
        jobs.run(kind, job.pk)
    finally:
        shutdown.reset()
    assert as_it_is(job) == ("running", 1, 1, True)


def test_a_killed_workers_job_goes_on_where_it_stood(settings):
    def killed(place):
        if place == 1:
            raise KeyboardInterrupt

    job = job_of()
    with pytest.raises(KeyboardInterrupt):
        jobs.run(Named(before=killed), job.pk)
    assert as_it_is(job) == ("running", 1, 1, False)
    assert named() == 1, "what was not recorded did not happen"
    assert jobs.run_due([Named()]) == 0, "its lease still runs"
    settings.LEASE_SECONDS = 0
    assert jobs.run_due([Named()]) == 1
    assert as_it_is(job) == ("done", 3, 3, True)


def test_a_kind_may_have_a_lease_of_its_own(settings):
    settings.LEASE_SECONDS = 10_000
    job, kind = job_of(), Named()
    kind.lease_seconds = 5.0
    ago = timezone.now() - datetime.timedelta(seconds=6)
    BulkJob.objects.update(status=JobStatus.RUNNING, in_flight_since=ago)
    assert jobs.run_due([Named()]) == 0
    assert jobs.run_due([kind]) == 1
    assert as_it_is(job)[0] == "done"


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"in_flight_since": None}])
def test_what_is_done_by_whom_has_lost_the_job_is_undone(change):
    job = job_of()
    kind = Named(before=lambda place: BulkJob.objects.filter(pk=job.pk, position=1).update(**change))
    assert jobs.run(kind, job.pk)
    assert as_it_is(job)[1:3] == (1, 1)
    assert (named(), kind.heard) == (1, ["after"])


def test_the_end_of_a_job_that_was_lost_is_undone(monkeypatch):
    job, kind = job_of(), Named()
    monkeypatch.setattr(kind, "finish", lambda job: BulkJob.objects.update(in_flight_since=None, total=99))
    jobs.run(kind, job.pk)
    job.refresh_from_db()
    assert (job.status, job.total, kind.heard) == ("running", 3, ["after"])


def test_a_fault_ends_the_job_with_a_sentence():
    job = job_of()
    kind = Named(before=lambda place: 1 / (1 - place))
    assert jobs.run(kind, job.pk)
    assert as_it_is(job) == ("failed", 1, 1, True)
    assert job.error == "Stopped by an internal error after row 1. See the log for details."
    assert (named(), kind.heard) == (1, ["failed", "after"])


def test_a_fault_without_a_sentence_is_raised_and_the_lease_runs_out(monkeypatch):
    job = job_of()
    kind = Named(before=lambda place: 1 / (1 - place))
    monkeypatch.setattr(kind, "why_stopped", lambda error, job: "")
    with pytest.raises(ZeroDivisionError):
        jobs.run(kind, job.pk)
    assert as_it_is(job) == ("running", 1, 1, False)


def test_a_job_that_loses_three_workers_has_failed(settings):
    settings.LEASE_SECONDS = 0
    job, kind = job_of(), Named()
    BulkJob.objects.update(status=JobStatus.RUNNING, in_flight_since=timezone.now(), lapses=2)
    assert jobs.run_due([kind]) == 0
    assert as_it_is(job) == ("failed", 0, 0, True)
    assert job.error.endswith("It stopped at row 0.")
    assert job.set_aside_at is not None
    assert kind.heard == ["failed"]


def test_a_cancelled_job_begins_nothing_more():
    job, kind = job_of(), Named()
    jobs.cancel(kind, job, by="Ada")
    assert kind.heard == ["cancelled by Ada", "after"]
    assert jobs.run_due([kind]) == 0
    assert not jobs.run(kind, job.pk)
    assert named() == 0
    with pytest.raises(InvalidTransition):
        jobs.cancel(kind, job, by="Ada")


def test_jobs_have_their_turn_in_the_order_in_which_they_were_asked_for(monkeypatch):
    first, second, third = job_of(1), job_of(1), job_of(1)
    BulkJob.objects.filter(pk=second.pk).update(kind="retry_deliveries")
    other = Named()
    other.name = "retry_deliveries"
    seen = []
    monkeypatch.setattr(jobs, "run", lambda kind, pk: seen.append(pk) or True)
    assert jobs.run_due([other, Named()]) == 3
    assert seen == [first.pk, second.pk, third.pk]
