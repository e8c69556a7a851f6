"""A rescore whose worker is killed with SIGKILL goes on where it stood, and every lead ends under one version."""

import copy
import datetime
import subprocess
import sys

import pytest
from django.utils import timezone

from enrichment import versions
from enrichment.models import BulkJob, Lead, Rescore, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.pipeline import score as scoring
from enrichment.scoring import publishing, rescore
from tests.factories import EnrichedLeadFactory
from tests.plugins.sandbox import wait_for

LEADS = 300
# A worker's tick, with a lead a chunk, so that there is time to kill it between two of them.
WORKER = (
    "import django; django.setup()\n"
    "from enrichment.scoring import rescore\n"
    "rescore.CHUNK = 1\n"
    "rescore.run_due()\n"
)


@pytest.mark.flow
@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_rescore_is_ended_by_the_next(process_environment, monkeypatch):
    EnrichedLeadFactory.create_batch(LEADS, company_size=250.0)
    leads = list(Lead.objects.all())
    scoring.apply_all(leads)
    Lead.objects.bulk_update(leads, ["icp_score", "icp_tier", "scorecard", "scored_at"])
    document = copy.deepcopy(versions.published(ScorecardVersion).document)
    document["components"][0]["bands"][0]["points"] = 5
    draft = versions.start_draft(ScorecardVersion, by=None)
    draft = versions.save_draft(draft, document, revision=0, by=None)
    publishing.publish(draft, revision=1, over=1, note="Size counts less", after="review", by=None)
    forget_active()
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=process_environment)
    wait_for(lambda: Rescore.objects.get().changed >= 3)
    worker.kill()
    worker.wait()
    half = Rescore.objects.get()
    assert half.finished_at is None
    assert half.changed == Lead.objects.filter(icp_score=65.0).count() < LEADS
    assert BulkJob.objects.get(kind="rescore").position == half.changed
    assert rescore.run_due() == 0  # its lease is still that worker's
    lapsed = timezone.now() - datetime.timedelta(seconds=rescore.LEASE_SECONDS + 1)
    BulkJob.objects.filter(kind="rescore").update(in_flight_since=lapsed)
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)
    assert rescore.run_due() == 1
    done = Rescore.objects.get()
    assert done.finished_at is not None
    assert (done.changed, done.down) == (LEADS, LEADS)
    assert set(Lead.objects.values_list("icp_score", "icp_tier", "scorecard__number")) == {(65.0, 2, 2)}
