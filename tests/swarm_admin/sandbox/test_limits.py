from typing import Any

import pytest

from swarm_admin.sandbox.limits import Bucket, Window, retry_after
from tests.plugins.sandbox import Sandbox, wait_for

ROW = {"linkedin_url": "https://www.linkedin.com/in/lead-0"}
T = "/tables/tbl_test"


def test_a_window_slides() -> None:
    window = Window(2, 10.0)
    assert window.wait(1, 100.0) == 0
    window.take(1, 100.0)
    window.take(1, 104.0)
    assert window.wait(1, 105.0) == pytest.approx(5.0)
    assert window.wait(2, 105.0) == pytest.approx(9.0)
    assert window.wait(1, 110.0) == 0
    assert window.remaining(110.0) == 1
    assert window.remaining(114.0) == 2


def test_a_bucket_takes_a_burst_and_refills() -> None:
    bucket = Bucket(10.0, 20)
    for _ in range(20):
        assert bucket.wait(1, 100.0) == 0
        bucket.take(1, 100.0)
    assert bucket.wait(1, 100.0) == pytest.approx(0.1)
    assert bucket.wait(5, 100.0) == pytest.approx(0.5)
    assert bucket.wait(1, 100.1) == 0
    assert bucket.wait(21, 200.0) == pytest.approx(2.0), "never, whatever one waits"


def test_a_bucket_lets_its_rate_through_for_ever() -> None:
    bucket, taken = Bucket(10.0, 20), 0
    for moment in range(10_000):
        now = 50.0 + moment * 0.1
        assert bucket.wait(1, now) == 0
        bucket.take(1, now)
        taken += 1
    assert taken == 10_000


def test_a_bucket_forgives_the_jitter_of_the_network_and_no_more() -> None:
    bucket = Bucket(10.0, 1, slack=0.5)
    assert bucket.wait(1, 100.0) == 0
    bucket.take(1, 100.0)
    assert bucket.wait(1, 100.06) == 0
    bucket.take(1, 100.06)
    assert bucket.wait(1, 100.12) > 0


def test_retry_after_is_rounded_up() -> None:
    assert [retry_after(seconds) for seconds in (0.01, 1.0, 1.2)] == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("limit", "vendor", "method", "path", "body", "told"),
    [
        ("rows_per_minute", "clay", "POST", f"{T}/rows", {"rows": [ROW]}, True),
        ("updates_per_minute", "clay", "PATCH", f"{T}/rows", {"rows": [{"id": "?"}]}, True),
        ("triggers_per_minute", "clay", "POST", f"{T}/enrich", {"row_ids": ["?"]}, True),
        ("exports_per_hour", "clay", "POST", f"{T}/export", {"format": "json"}, True),
        ("ghl_per_ten_seconds", "ghl", "GET", "/contacts/x", None, True),
        ("ghl_per_day", "ghl", "GET", "/contacts/x", None, True),
        ("instantly_per_second", "instantly", "GET", "/leads/x", None, False),
        ("instantly_per_minute", "instantly", "GET", "/leads/x", None, False),
    ],
)
def test_over_a_limit_is_429(
    sandbox: Sandbox, limit: str, vendor: str, method: str, path: str, body: Any, told: bool
) -> None:
    sandbox.config(speed=0.001, **{limit: 2})
    client = getattr(sandbox, vendor)
    answers = [client.request(method, path, json=body) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert ("Retry-After" in answers[2].headers) is told
    assert sandbox.stats()[vendor]["429"] == 1
    sandbox.config(limits=False)
    assert client.request(method, path, json=body).status_code != 429


def test_the_window_passes(sandbox: Sandbox) -> None:
    sandbox.config(speed=100.0, rows_per_minute=1)

    def status() -> int:
        return sandbox.clay.post(f"{T}/rows", json={"rows": [ROW]}).status_code

    assert [status(), status()] == [201, 429]
    wait_for(lambda: status() == 201)


def test_rows_can_be_the_unit(sandbox: Sandbox) -> None:
    sandbox.config(speed=1.0, limit_unit="rows", rows_per_minute=3)
    assert sandbox.clay.post(f"{T}/rows", json={"rows": [ROW] * 2}).status_code == 201
    assert sandbox.clay.post(f"{T}/rows", json={"rows": [ROW] * 2}).status_code == 429
    assert sandbox.clay.post(f"{T}/rows", json={"rows": [ROW]}).status_code == 201
