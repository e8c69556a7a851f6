import json
from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import KEYS, Sandbox, wait_for
from tests.swarm_admin.sandbox.clay_routine.conftest import ROUTINE, item


def lines(documents: list[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


def put(url: str, content: bytes, **headers: str) -> httpx.Response:
    return httpx.put(url, content=content, headers=headers, trust_env=False)


def started(api: httpx.Client, content: bytes, **more: Any) -> httpx.Response:
    """A batch run over an uploaded file."""
    upload = api.post(f"/routines/{ROUTINE}/run-batch/upload-url").json()
    assert put(upload["upload_url"], content).status_code == 200
    return api.post(f"/routines/{ROUTINE}/run-batch/start", json={"file_id": upload["file_id"], **more})


def ended(api: httpx.Client, content: bytes) -> dict[str, Any]:
    answer = started(api, content)
    assert answer.status_code == 202, answer.text
    path = f"/routines/run-batch/{answer.json()['routine_run_id']}/results"
    return wait_for(lambda: (now := api.get(path)).status_code == 200 and now.json())


def test_a_batch_comes_back_as_a_file(sandbox: Sandbox, api: httpx.Client) -> None:
    answer = ended(api, lines([item(n) for n in range(150)]))
    assert (answer["status"], answer["finished"], answer["total"]) == ("complete", 150, 150)
    results = [json.loads(line) for line in httpx.get(answer["result_url"], trust_env=False).iter_lines()]
    assert [each["id"] for each in results] == [f"item-{n}" for n in range(150)]
    assert all("@" in each["result"]["email_work"] + each["result"]["email_personal"] for each in results)
    assert sandbox.stats()["clay_routine"]["items_charged"] == 150


def test_a_batch_is_202_while_it_runs(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.config(speed=1.0)
    run_id = started(api, lines([item(0)])).json()["routine_run_id"]
    answer = api.get(f"/routines/run-batch/{run_id}/results")
    assert (answer.status_code, answer.json()["status"]) == (202, "in_progress")
    assert api.get(f"/routines/run/{run_id}/results").status_code == 404, "there are two addresses for two kinds"


def test_addresses_open_for_a_while(sandbox: Sandbox, api: httpx.Client) -> None:
    answer = ended(api, lines([item(0)]))
    sandbox.config(signed_url_seconds=0.0)
    assert httpx.get(answer["result_url"].replace("signature=", "signature=x"), trust_env=False).status_code == 403
    path = f"/routines/run-batch/{answer['routine_run_id']}/results"
    late = api.get(path).json()["result_url"]
    assert httpx.get(late, trust_env=False).status_code == 403
    sandbox.config(signed_url_seconds=900_000.0)
    assert httpx.get(api.get(path).json()["result_url"], trust_env=False).status_code == 200


def test_the_key_is_not_for_the_storage(sandbox: Sandbox, api: httpx.Client) -> None:
    upload = api.post(f"/routines/{ROUTINE}/run-batch/upload-url").json()
    assert put(upload["upload_url"], b"{}", **{"clay-api-key": KEYS["clay_api_key"]}).status_code == 400
    assert sandbox.stats()["clay_routine"]["keys_shown_to_storage"] == 1


def test_nothing_uploaded_is_400(api: httpx.Client) -> None:
    upload = api.post(f"/routines/{ROUTINE}/run-batch/upload-url").json()
    for file_id in (upload["file_id"], "file_x"):
        assert api.post(f"/routines/{ROUTINE}/run-batch/start", json={"file_id": file_id}).status_code == 400


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (b"not json\n" + lines([item(1)]), [{"line_number": 1, "field": "", "message": "Invalid JSON"}]),
        (
            lines([item(0), {"id": "1", "inputs": {"full_name": "Ann"}}]),
            [{"line_number": 2, "field": "company_name", "message": "Required"}],
        ),
        (lines([{"inputs": {}}]), [{"line_number": 1, "field": "id", "message": "An item has an id and inputs"}]),
        (b"", []),
    ],
)
def test_a_file_that_is_not_valid_charges_nothing(
    sandbox: Sandbox, api: httpx.Client, content: bytes, details: list[dict[str, Any]]
) -> None:
    answer = ended(api, content)
    assert (answer["status"], answer["error"]["details"]) == ("validation_failed", details)
    assert sandbox.stats()["clay_routine"]["items_charged"] == 0


@pytest.mark.parametrize("word", ["processing_failed", "expired"])
def test_a_batch_ends_with_another_word(sandbox: Sandbox, api: httpx.Client, word: str) -> None:
    sandbox.fault("clay_routine", "run_status", text=word)
    answer = ended(api, lines([item(0)]))
    assert answer["status"] == word
    assert "result_url" not in answer


def test_used_up_is_402(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.config(clay_actions=0)
    assert started(api, lines([item(0)])).status_code == 402


def test_a_batch_is_kept_about_a_day(sandbox: Sandbox, api: httpx.Client) -> None:
    answer = ended(api, lines([item(0)]))
    sandbox.config(routine_kept_seconds=0.0)
    assert api.get(f"/routines/run-batch/{answer['routine_run_id']}/results").status_code == 404
