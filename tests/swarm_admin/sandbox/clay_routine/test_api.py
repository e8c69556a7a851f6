from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import KEYS, Sandbox
from tests.swarm_admin.sandbox.clay_routine.conftest import ROUTINE, Run, item


def test_me_says_whose_key_it_is(api: httpx.Client) -> None:
    answer = api.get("/me")
    assert answer.status_code == 200
    assert answer.json()["workspace"] == {"id": "workspace"}
    assert set(answer.json()["user"]) == {"id", "name"}


def test_a_wrong_key_is_refused_with_a_message_alone(api: httpx.Client) -> None:
    answer = api.get("/me", headers={"clay-api-key": "wrong"})
    assert (answer.status_code, answer.json()) == (401, {"message": "Authentication failed"})


def test_the_key_can_be_a_bearer(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.config(routine_header="authorization")
    assert api.get("/me").status_code == 401
    assert api.get("/me", headers={"Authorization": f"Bearer {KEYS['clay_api_key']}"}).status_code == 200


def test_over_the_limit_is_429_with_retry_after(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.config(speed=0.001, routine_calls_per_minute=2)
    answers = [api.get("/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1
    assert set(answers[2].json()) == {"message"}
    assert sandbox.stats()["clay_routine"]["429"] == 1


@pytest.mark.parametrize(("when", "told"), [("sometimes", {True, False}), ("always", {True}), ("never", {False})])
def test_the_limit_is_told_sometimes(sandbox: Sandbox, api: httpx.Client, when: str, told: set[bool]) -> None:
    sandbox.config(routine_rate_headers=when)
    answers = [api.get("/me") for _ in range(4)]
    assert {"X-RateLimit-Limit" in answer.headers for answer in answers} == told
    for answer in answers:
        if "X-RateLimit-Limit" in answer.headers:
            assert int(answer.headers["X-RateLimit-Remaining"]) < int(answer.headers["X-RateLimit-Limit"])
            assert answer.headers["X-RateLimit-Reset"].isdecimal()


def test_tables_are_for_others(api: httpx.Client) -> None:
    assert api.post("/tables/query", json={}).status_code == 403


def test_what_is_not_there_is_404(api: httpx.Client, run: Run) -> None:
    assert run([item(0)], routine="function:t_other").status_code == 404
    assert api.get("/routines/run/run_x/results").status_code == 404
    assert api.get("/routines").status_code == 404


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"items": []},
        {"items": [item(n) for n in range(101)]},
        {"items": [{"id": "a"}]},
        {"items": [{"id": "", "inputs": {}}]},
        {"items": [{"id": "x" * 65, "inputs": {}}]},
        {"items": [{**item(0), "more": 1}]},
        {"items": [item(0)], "colour": "red"},
        {"items": [item(0)], "webhook_id": "wh_unknown"},
    ],
)
def test_what_the_contract_forbids_is_400(sandbox: Sandbox, api: httpx.Client, document: Any) -> None:
    answer = api.post(f"/routines/{ROUTINE}/run", json=document)
    assert (answer.status_code, set(answer.json())) == (400, {"message"})
    assert sandbox.stats()["clay_routine"]["items_charged"] == 0


def test_a_hundred_items_are_taken(sandbox: Sandbox, run: Run) -> None:
    assert run([item(n) for n in range(100)]).status_code == 202
    assert sandbox.stats()["clay_routine"]["items_charged"] == 100


@pytest.mark.parametrize("meter", ["clay_actions", "clay_data_credits"])
def test_used_up_is_402_until_the_next_month(sandbox: Sandbox, run: Run, meter: str) -> None:
    sandbox.config(**{meter: 0})
    answer = run([item(0)])
    assert (answer.status_code, set(answer.json())) == (402, {"message"})
    sandbox.config(**{meter: 100})
    assert run([item(0)]).status_code == 202


@pytest.mark.parametrize(
    ("kind", "status"), [("402_credits", 402), ("403_quota", 403), ("429", 429), ("500", 500), ("504", 504)]
)
def test_faults_of_the_api(sandbox: Sandbox, run: Run, kind: str, status: int) -> None:
    sandbox.fault("clay_routine", kind, call="runs.start", times=1)
    answers = [run([item(0)]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 202]
    assert ("Retry-After" in answers[0].headers) is (kind == "429")


def test_a_lost_answer_has_run_and_a_repeat_is_charged_again(sandbox: Sandbox, run: Run) -> None:
    sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    with pytest.raises(httpx.TransportError):
        run([item(0)])
    figures = sandbox.stats()["clay_routine"]
    assert (figures["runs"], figures["items_charged"], figures["people_charged_twice"]) == (1, 1, 0)
    assert run([item(0)]).status_code == 202
    figures = sandbox.stats()["clay_routine"]
    assert (figures["items_charged"], figures["ids_charged_twice"], figures["people_charged_twice"]) == (2, 1, 1)
