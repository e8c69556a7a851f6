from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import Sandbox, wait_for
from tests.swarm_admin.sandbox.clay_routine.conftest import ROUTINE, Run, item

Results = Callable[..., dict[str, Any]]


def test_a_run_is_202_until_it_is_complete(sandbox: Sandbox, api: httpx.Client, run: Run) -> None:
    sandbox.config(speed=1.0)
    started = run([item(0)])
    assert started.json()["status"] == "in_progress"
    run_id = started.json()["routine_run_id"]
    answer = api.get(f"/routines/run/{run_id}/results")
    assert answer.status_code == 202
    assert answer.json() == {"routine_run_id": run_id, "status": "in_progress", "finished": 0, "total": 1}


def test_a_result_has_the_outputs_of_the_routine(sandbox: Sandbox, results: Results) -> None:
    outputs = {"Work Email": "email_work", "Staff": "company_size", "Found by": "email_provider"}
    sandbox.control("PUT", f"routines/{ROUTINE}", outputs=outputs)
    john = {"id": "1", "inputs": {"full_name": "John Doe", "company_name": "Acme Inc"}}
    john["inputs"]["linkedin_url"] = "https://www.linkedin.com/in/johndoe"
    answer = results([john])
    assert (answer["status"], answer["finished"], answer["total"]) == ("complete", 1, 1)
    result = {"Work Email": "john.doe@acme.com", "Staff": 250, "Found by": "apollo"}
    assert answer["data"] == [{"id": "1", "status": "complete", "result": result}]


def test_name_and_company_are_enough(results: Results) -> None:
    (found,) = results([{"id": "1", "inputs": {"full_name": "Ann Example", "company_name": "Example Labs"}}])["data"]
    assert found["result"]["email_work"].startswith("ann.example")
    assert found["result"]["email_work"].endswith("@examplelabs.com")


def test_results_go_page_by_page(api: httpx.Client, results: Results) -> None:
    first = results([item(n) for n in range(25)])
    assert len(first["data"]) == 20
    path = f"/routines/run/{first['routine_run_id']}/results"
    rest = api.get(path, params={"cursor": first["cursor"], "limit": 100}).json()
    assert "cursor" not in rest
    assert [each["id"] for each in first["data"] + rest["data"]] == [f"item-{n}" for n in range(25)]
    for wrong in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"cursor": "x"}):
        assert api.get(path, params=wrong).status_code == 400


def test_a_run_is_kept_about_a_day(sandbox: Sandbox, api: httpx.Client, results: Results) -> None:
    done = results([item(0)])
    sandbox.config(routine_kept_seconds=0.0)
    assert api.get(f"/routines/run/{done['routine_run_id']}/results").status_code == 404


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"full_name": "", "company_name": "x"}, "items[0].inputs.full_name: Required"),
        ({"name": "Ann Example", "company_name": "x"}, "items[0].inputs.full_name: Required"),
        ({"full_name": 5, "company_name": "x"}, "items[0].inputs.full_name: Expected string"),
        ({"full_name": "Ann", "company_name": ["x"]}, "items[0].inputs.company_name: Expected string"),
    ],
)
def test_a_wrong_mapping_is_refused_or_fails_the_item(
    sandbox: Sandbox, run: Run, results: Results, inputs: dict[str, Any], message: str
) -> None:
    answer = run([{"id": "1", "inputs": inputs}])
    assert (answer.status_code, answer.json()) == (400, {"message": message})
    sandbox.control("PUT", f"routines/{ROUTINE}", wrong_inputs="failed")
    (failed,) = results([{"id": "1", "inputs": inputs}])["data"]
    assert failed["status"] == "failed"
    assert failed["error"]["message"] == message.removeprefix("items[0].inputs.")


def test_inputs_are_what_the_routine_says(sandbox: Sandbox, run: Run, results: Results) -> None:
    inputs = {"Profile": {"column": "linkedin_url", "required": True}, "n": {"column": "number", "type": "number"}}
    sandbox.control("PUT", f"routines/{ROUTINE}", inputs=inputs)
    assert run([{"id": "1", "inputs": {"linkedin_url": "https://www.linkedin.com/in/x"}}]).status_code == 400
    profile = {"Profile": "https://www.linkedin.com/in/johndoe", "n": 1.5, "unknown": "passed over"}
    (found,) = results([{"id": "1", "inputs": profile}])["data"]
    assert found["result"]["email_work"] == "john.doe@acme.com"


def test_what_is_not_found_is_empty_or_failed(sandbox: Sandbox, results: Results) -> None:
    sandbox.config(misses={item(0)["inputs"]["linkedin_url"]: []})
    (found,) = results([item(0)])["data"]
    assert (found["status"], found["result"]["email_work"]) == ("complete", "")
    sandbox.control("PUT", f"routines/{ROUTINE}", not_found="failed")
    (failed,) = results([item(0)])["data"]
    assert failed == {"id": "item-0", "status": "failed", "error": {"message": "No result found"}}


def test_an_item_fails_beside_others(sandbox: Sandbox, results: Results) -> None:
    sandbox.fault("clay_routine", "item_failed", linkedin_url=item(0)["inputs"]["linkedin_url"], text="Timed out")
    failed, fine = results([item(0), item(1)])["data"]
    assert failed == {"id": "item-0", "status": "failed", "error": {"message": "Timed out"}}
    assert fine["status"] == "complete"


def test_a_providers_error_fails_the_item(sandbox: Sandbox, results: Results) -> None:
    sandbox.fault("clay", "provider_error", provider="apollo", times=1)
    (failed,) = results([item(0)])["data"]
    assert failed["error"]["message"] == "The provider apollo answered with an error"


@pytest.mark.parametrize("word", [None, "expired"])
def test_an_item_ends_with_a_word_nobody_knows(sandbox: Sandbox, results: Results, word: str | None) -> None:
    sandbox.fault("clay_routine", "item_status", times=1, text=word)
    first, second = results([item(0), item(1)])["data"]
    assert {first["status"], second["status"]} == {word or "skipped", "complete"}


@pytest.mark.parametrize("word", [None, "superseded"])
def test_a_run_ends_with_a_word_nobody_knows(sandbox: Sandbox, results: Results, word: str | None) -> None:
    sandbox.fault("clay_routine", "run_status", times=1, text=word)
    answer = results([item(0)])
    assert answer["status"] == (word or "cancelled")
    assert "data" not in answer


def test_credits_that_run_out_on_the_way_fail_the_items_that_are_left(sandbox: Sandbox, results: Results) -> None:
    sandbox.config(clay_data_credits=15)
    states = [each["status"] for each in results([item(n) for n in range(10)])["data"]]
    assert {*states} == {"complete", "failed"}


def test_both_meters_count_what_was_charged(sandbox: Sandbox, results: Results) -> None:
    spent = [each["result"]["credits"] for each in results([item(n) for n in range(5)])["data"]]
    providers = sandbox.stats()["clay"]["providers"].values()
    asked = sum(each["calls"] + each["over_limit"] for each in providers)
    meters = wait_for(lambda: sandbox.control("GET", "credits")["workspace"])
    assert meters["data_credits"]["used"] == sum(spent) > 0
    assert meters["actions"]["used"] == 5 + 5 + asked, "an action for each item, profile and provider"
    sandbox.control("DELETE", "credits/workspace")
    assert sandbox.stats()["credits"]["workspace"]["actions"]["used"] == 0
