"""Workers that stand still while work is due: found, told, shown and over by itself, all without them."""

import os
import signal

import pytest

from enrichment.models import Alert
from enrichment.monitoring import standstill
from tests.flows.test_real_worker import finished, lead
from tests.plugins.sandbox import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(300)]
STALL = "4"


@pytest.fixture
def more_settings(webhook_receiver):
    return {"WATCHDOG_STALL_SECONDS": STALL, "SLACK_WEBHOOK_URL": webhook_receiver.url}


def ready(product):
    answer = product.http.get("/readyz")
    return answer.status_code, answer.json()


def said(receiver):
    return [body["text"].splitlines()[0] for _, body in receiver.deliveries]


def test_frozen_workers_are_told_by_beat_and_shown_by_the_web(product, webhook_receiver, settings, sales_client):
    settings.WATCHDOG_STALL_SECONDS, settings.CLOCK_SPEED, settings.LEASE_SECONDS = float(STALL), 60.0, 5.0
    assert product.http.get("/healthz").status_code == 200
    wait_for(lambda: ready(product)[0] == 200, 30)
    os.killpg(product.processes["worker"].pid, signal.SIGSTOP)
    assert product.http.post("/api/leads", json=[lead(number) for number in range(3)]).status_code == 202

    wait_for(lambda: ready(product)[0] == 503, 90)
    assert "planning" in [stage["stage"] for stage in ready(product)[1]["standing_still"]]
    wait_for(lambda: "*[Swarm Admin] Critical: Work is stuck*" in said(webhook_receiver), 60)
    assert Alert.objects.get(kind="standstill", closed_at=None).severity == 3
    standstill.forget_report()
    for page in ("/", "/leads/"):
        assert "Background work has stopped" in sales_client.get(page).content.decode()
    assert product.http.get("/healthz").status_code == 200

    os.killpg(product.processes["worker"].pid, signal.SIGCONT)
    wait_for(lambda: finished(3), 120)
    wait_for(lambda: ready(product)[0] == 200, 60)
    wait_for(lambda: "*[Swarm Admin] Resolved: Work is stuck*" in said(webhook_receiver), 60)
    assert Alert.objects.get(kind="standstill").by_itself


def test_a_beat_that_is_gone_is_found_by_the_web(product):
    wait_for(lambda: standstill.cache.get(standstill.BEAT_KEY), 30)
    product.kill("beat")
    wait_for(lambda: ready(product)[0] == 503, 90)
    assert ready(product)[1]["beat"].startswith("not seen since ")
