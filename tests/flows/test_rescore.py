"""A rescore whose worker is killed with SIGKILL goes on where it stood, and every lead ends under one version."""

import copy
import signal
import subprocess
import sys

import pytest

from enrichment import versions
from enrichment.models import BulkJob, Lead, Rescore, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import publishing, rescore
from tests.factories import EnrichedLeadFactory

LEADS, DONE = 30, 3
# A worker's tick, with a lead a chunk, killed in the middle of the fourth: its lead is scored, and not recorded yet.
WORKER = f"""
import os, signal
import django; django.setup()
from enrichment.scoring import rescore

note, noted = rescore._note, []

def deadly(*given, **values):
    if len(noted) == {DONE}:
        os.kill(os.getpid(), signal.SIGKILL)
    noted.append(note(*given, **values))

rescore._note, rescore.CHUNK = deadly, 1
rescore.run_due()
"""


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
    worker = subprocess.run([sys.executable, "-c", WORKER], env=process_environment, check=False)
    assert worker.returncode == -signal.SIGKILL
    half = Rescore.objects.get()
    assert half.finished_at is None
    assert half.changed == Lead.objects.filter(icp_score=65.0).count() == DONE
    assert BulkJob.objects.get(kind="rescore").position == half.changed
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)
    assert rescore.run_due() == 1  # its process has ended, so nobody waits for its lease
    done = Rescore.objects.get()
    assert done.finished_at is not None
    assert (done.changed, done.down) == (LEADS, LEADS)
    assert set(Lead.objects.values_list("icp_score", "icp_tier", "scorecard__number")) == {(65.0, 2, 2)}
