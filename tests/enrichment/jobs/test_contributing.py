"""CONTRIBUTING's recipe of a kind of long work, walked with one that is made up."""

from functools import partial

import pytest
from django.urls import reverse

from enrichment import tasks
from enrichment.jobs import jobs, kinds
from enrichment.jobs.kinds import Figure, JobPage, Kind, Verbs
from enrichment.jobs.outcomes import Counts, outcome_of_done
from enrichment.models import BulkJob, JobMember, Lead
from enrichment.models.job import JobKind
from gdpr.models import AuditEvent
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.jobs import JobStatus
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
AT_ONCE = 2


class TitleCase(Kind):
    """Writes the company names of frozen leads in title case."""

    name = JobKind.RETRY_LEADS  # in the place of a value of its own, which an enumeration cannot be given at run time
    icon = "letter-case"
    work = "Names written"
    verbs = Verbs(Verb.START_RETRY, Verb.END_RETRY, Verb.CANCEL_RETRY)
    stop_right = "enrichment.retry_enrichment"
    no_stop = "You can't stop this. Ask an admin."

    def about(self, job):
        return "Company names in title case"

    def chunks(self, job):
        members = list(job.members.filter(position__gte=job.position).order_by("position"))
        for start in range(0, len(members), AT_ONCE):
            yield partial(self._write, members[start : start + AT_ONCE])

    def _write(self, members: list[JobMember]) -> dict[str, int]:
        for lead in Lead.objects.filter(pk__in=[member.subject for member in members]):
            Lead.objects.filter(pk=lead.pk).update(company_name=lead.company_name.title())
        return {"position": members[-1].position + 1}

    def final_outcome(self, job, counts, parts):
        return outcome_of_done(job, parts, "Every name is written.")

    def show(self, job):
        figures = [Figure("Written", job.position, "green")]
        return JobPage(figures=figures, outcome=self.outcome(job, Counts()), facts={"Language": "English"})


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada@example.com")


@pytest.fixture
def made_up(monkeypatch):
    """Registered as apps.py registers them, and nothing else."""
    monkeypatch.setitem(kinds.KINDS, TitleCase.name, TitleCase())
    return [LeadFactory(company_name="acme trading") for _ in range(5)]


def started(leads, by) -> BulkJob:
    return jobs.start(TitleCase.name, [(lead.pk, lead.pk) for lead in leads], plan={"count": len(leads)}, by=by)


def names() -> set[str]:
    return set(Lead.objects.values_list("company_name", flat=True))


def test_it_is_run_recorded_and_told(made_up, ada):
    job = started(made_up, ada)
    tasks.run_retries()
    job.refresh_from_db()
    assert (job.status, job.position, job.total) == (JobStatus.DONE, 5, 5)
    assert names() == {"Acme Trading"}
    verbs = list(AuditEvent.objects.filter(object_id=str(job.pk), object_type="bulkjob").values_list("verb", flat=True))
    assert sorted(verbs) == sorted([Verb.START_RETRY, Verb.END_RETRY])


def test_its_page_and_the_list_have_its_words(made_up, ada, sales_client):
    job = started(made_up, ada)
    tasks.run_retries()
    page = sales_client.get(reverse("job", args=[job.pk])).content.decode()
    assert all(words in page for words in ("Names written", "Language", "English", "Every name is written."))
    assert "Company names in title case" in sales_client.get(reverse("jobs")).content.decode()


def test_a_killed_worker_costs_no_chunk_and_a_cancelled_one_keeps_what_was_done(made_up, ada, monkeypatch):
    job = started(made_up, ada)
    write = TitleCase._write

    def dies_at_the_second(kind, members):
        if members[0].position >= AT_ONCE:
            raise SystemExit
        return write(kind, members)

    monkeypatch.setattr(TitleCase, "_write", dies_at_the_second)
    with pytest.raises(SystemExit):
        tasks.run_retries()
    job.refresh_from_db()
    assert (job.status, job.position) == (JobStatus.RUNNING, AT_ONCE)
    jobs.cancel(job, by=ada)
    tasks.run_retries()
    job.refresh_from_db()
    assert (job.status, job.position) == (JobStatus.CANCELLED, AT_ONCE)
    assert Lead.objects.filter(company_name="Acme Trading").count() == AT_ONCE
