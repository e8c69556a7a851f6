import hashlib
import hmac
from collections.abc import Callable

import httpx
import pytest

from tests.plugins.sandbox import Receiver, Sandbox, wait_for
from tests.swarm_admin.sandbox.clay_routine.conftest import Run, item

Started = Callable[[int], list[str]]


@pytest.fixture
def announced(sandbox: Sandbox, webhook_receiver: Receiver, run: Run) -> Started:
    """Starts runs that name the webhook, waits until each has ended, gives their ids."""
    sandbox.control("PUT", "webhooks/wh_1", url=webhook_receiver.url, secret="whsec_1")

    def start(count: int) -> list[str]:
        ids = [run([item(n)], webhook_id="wh_1").json()["routine_run_id"] for n in range(count)]
        wait_for(lambda: sandbox.stats()["clay_routine"].get("runs_ended") == count)
        return ids

    return start


def arrived(receiver: Receiver) -> list[str]:
    return [body["data"]["routine_run_id"] for _, body in receiver.deliveries]


def test_a_finished_run_is_pointed_to_and_signed(webhook_receiver: Receiver, announced: Started) -> None:
    (run_id,) = announced(1)
    wait_for(lambda: webhook_receiver.deliveries)
    headers, body = webhook_receiver.deliveries[0]
    expected = hmac.new(b"whsec_1", webhook_receiver.bodies[0], hashlib.sha256).hexdigest()
    assert headers["X-Clay-Signature"] == f"sha256={expected}"
    assert set(body) == {"webhookId", "createdAt", "data"}
    assert (body["webhookId"], body["data"]) == ("wh_1", {"routine_run_id": run_id})


def test_a_test_event_has_no_data(sandbox: Sandbox, webhook_receiver: Receiver, announced: Started) -> None:
    sandbox.control("POST", "webhooks/wh_1/test")
    wait_for(lambda: webhook_receiver.deliveries)
    assert webhook_receiver.deliveries[0][1]["data"] == {}
    assert webhook_receiver.deliveries[0][0]["X-Clay-Signature"].startswith("sha256=")


def test_without_a_webhook_nobody_is_told(sandbox: Sandbox, webhook_receiver: Receiver, run: Run) -> None:
    run([item(0)])
    wait_for(lambda: sandbox.stats()["clay_routine"].get("runs_ended"))
    assert sandbox.stats()["clay_routine"]["deliveries"]["sent"] == 0


@pytest.mark.parametrize(("kind", "arrive"), [("drop_webhook", 1), ("double_webhook", 3), ("late_webhook", 2)])
def test_pointers_are_lost_doubled_or_late(
    sandbox: Sandbox, webhook_receiver: Receiver, announced: Started, kind: str, arrive: int
) -> None:
    sandbox.fault("clay_routine", kind, times=1, seconds=200)
    ids = announced(2)
    wait_for(lambda: len(webhook_receiver.deliveries) == arrive)
    counts = sorted(arrived(webhook_receiver).count(run_id) for run_id in ids)
    assert counts == {1: [0, 1], 2: [1, 1], 3: [1, 2]}[arrive]


def test_a_pointer_that_is_refused_does_not_come_again(
    sandbox: Sandbox, webhook_receiver: Receiver, api: httpx.Client, announced: Started
) -> None:
    webhook_receiver.statuses = [500]
    (run_id,) = announced(1)
    wait_for(lambda: sandbox.stats()["clay_routine"]["deliveries"].get("given_up") == 1)
    assert api.get(f"/routines/run/{run_id}/results").status_code == 200


def test_a_deleted_webhook_is_unknown(sandbox: Sandbox, run: Run, announced: Started) -> None:
    sandbox.control("DELETE", "webhooks/wh_1")
    assert run([item(0)], webhook_id="wh_1").status_code == 400
