"""A worker that is told to stop, and migrations beside one that works: nothing is left in flight, nothing fails."""

import signal
import subprocess
import sys

import pytest

from enrichment.models import Batch, BulkJob, Handover, WebhookDelivery
from enrichment.models.drift import ReconcileRun
from swarm_admin.supervisor import STOP_SECONDS
from tests.flows.test_real_worker import LEADS, assert_nothing_is_double, finished, lead
from tests.plugins.sandbox import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(480)]
LEASED = (Batch, Handover, WebhookDelivery, BulkJob, ReconcileRun)


def in_flight():
    return [row for model in LEASED for row in model.objects.filter(in_flight_since__isnull=False)]


def test_a_worker_told_to_stop_in_the_middle_leaves_no_lease_behind(product, sandbox):
    # So slow that calls are always on their way, whenever the worker is told.
    sandbox.fault("ghl", "slow", seconds=30, times=10_000)
    product.http.post("/api/leads", json=[lead(number) for number in range(LEADS)])
    for done in (1, LEADS // 3):
        wait_for(lambda: Handover.objects.filter(status="done").count() >= done, 150)  # noqa: B023
        wait_for(in_flight)
        worker = product.processes["worker"]
        worker.send_signal(signal.SIGTERM)
        worker.wait(STOP_SECONDS)
        assert in_flight() == []
        assert not finished(LEADS), "there was work left to stop in"
        product.processes["worker"] = product.start_worker()
    sandbox.no_faults()
    wait_for(lambda: finished(LEADS))
    assert_nothing_is_double(sandbox, LEADS)


LATER = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("enrichment", "{last}")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE enrichment_lead ADD COLUMN later_note varchar(20) NOT NULL DEFAULT ''",
            "ALTER TABLE enrichment_lead DROP COLUMN later_note",
        ),
        migrations.RunSQL(
            "CREATE INDEX lead_later ON enrichment_lead (later_note)", "DROP INDEX lead_later"
        ),
    ]
"""
SETTINGS = """
from swarm_admin.settings import *
MIGRATION_MODULES = {"enrichment": "later_migrations"}
"""


@pytest.fixture
def next_release(product, tmp_path):
    """`migrate` as the next release runs it: a column and an index more on the busiest table."""
    from pathlib import Path

    import enrichment.migrations

    here = Path(enrichment.migrations.__file__).parent
    later = tmp_path / "later_migrations"
    later.mkdir()
    for path in here.glob("*.py"):
        (later / path.name).write_text(path.read_text())
    last = max(path.stem for path in here.glob("[0-9]*.py"))
    (later / "9999_later.py").write_text(LATER.format(last=last))
    (tmp_path / "later_settings.py").write_text(SETTINGS)
    told = {
        **product.environment,
        "DJANGO_SETTINGS_MODULE": "later_settings",
        "PYTHONPATH": f"{tmp_path}:{Path.cwd()}",
    }

    def migrate(*target):
        command = [sys.executable, "manage.py", "migrate", *target, "--skip-checks"]
        return subprocess.run(command, env=told, check=False, capture_output=True, text=True)

    yield migrate
    product.stop()
    assert migrate("enrichment", last).returncode == 0


def test_a_table_is_changed_under_a_worker_at_work(product, sandbox, next_release):
    product.http.post("/api/leads", json=[lead(number) for number in range(LEADS)])
    wait_for(lambda: Handover.objects.filter(status="done").exists(), 150)
    done = next_release()
    assert done.returncode == 0, done.stderr
    assert "9999_later... OK" in done.stdout
    assert product.processes["worker"].poll() is None
    wait_for(lambda: finished(LEADS))
    assert_nothing_is_double(sandbox, LEADS)
    assert not WebhookDelivery.objects.filter(status="failed").exists()
