"""The quarantine: suspects alone, in children that may be lost over them, and nothing else."""

import signal
import subprocess
import sys

import pytest

from enrichment.models import WebhookDelivery
from swarm_admin.core import work
from tests.flows.poisoned import HOLDS, KILLS
from tests.plugins.sandbox import wait_for

pytestmark = pytest.mark.timeout(300)


def delivery(body: bytes, lapses: int) -> WebhookDelivery:
    return WebhookDelivery.objects.create(body=body, body_hash=str(body), lapses=lapses)


def status(row: WebhookDelivery) -> str:
    row.refresh_from_db()
    return row.status


@pytest.fixture
def quarantine(process_environment: dict[str, str]):
    environment = {
        **process_environment,
        "SWARM_MODE": "test",
        "TICK_SECONDS": "0.1",
        "LEASE_SECONDS": "60",
        "WORKER_FROZEN_SECONDS": "3",
        "LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "tests.flows.poisoned", "manage", "quarantine"]
    process = subprocess.Popen(command, env=environment)
    yield process
    process.kill()
    process.wait()


def test_suspects_are_cleared_or_set_aside_and_what_has_no_lapse_is_left_to_the_workers(transactional_db, quarantine):
    killing, holding = delivery(KILLS, 1), delivery(HOLDS, 2)
    sound = [delivery(b"sound-%d" % number, 1) for number in range(3)]
    fresh = delivery(b"fresh", 0)
    wait_for(lambda: [status(row) for row in (killing, holding)] == ["failed", "failed"], 120)
    assert killing.lapses == holding.lapses == work.LAPSES_MOST
    wait_for(lambda: {status(row) for row in sound} == {"processed"}, 60)
    assert {row.lapses for row in sound} == {1}
    assert status(fresh) == "received"
    quarantine.send_signal(signal.SIGTERM)
    assert quarantine.wait(30) == 0


def test_it_says_that_it_runs_so_that_workers_leave_suspects_alone(transactional_db, quarantine, monkeypatch):
    monkeypatch.setattr(work, "ASKED_EVERY", 0.0)
    wait_for(work._is_quarantine_alive, 120)
