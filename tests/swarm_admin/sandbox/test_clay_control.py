from typing import Any

import pytest

from tests.plugins.sandbox import Sandbox, start_sandbox
from tests.ports import free_port

CALLBACK = {"url": "http://127.0.0.1:1/x"}


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("PUT", "sources/a", {"colour": "red"}),
        ("PUT", "sources/a", {"life": "long"}),
        ("PUT", "tables/a", {"dedupe": 5}),
        ("PUT", "tables/a", {"callback": {"url": "ftp://x"}}),
        ("PUT", "tables/a", {"callback": {}}),
        ("PUT", "tables/a", {"callback": {**CALLBACK, "method": "GET"}}),
        ("PUT", "tables/a", {"callback": {**CALLBACK, "body": "{{swarm_ref}}"}}),
        ("PUT", "tables/a", {"waterfalls": {"waterfall_fax": {"providers": []}}}),
        ("POST", "tables/a/run", {"column": "everything"}),
        ("PUT", "routines/a", {"steps": []}),
        ("PUT", "routines/a", {"inputs": {"x": {"kind": "text"}}}),
        ("PUT", "routines/a", {"inputs": {"x": {"column": "x", "type": "colour"}}}),
        ("PUT", "routines/a", {"outputs": ["email_work"]}),
        ("PUT", "webhooks/a", {"url": "http://127.0.0.1:1/x"}),
        ("PUT", "webhooks/a", {"url": "nowhere", "secret": "s"}),
    ],
)
def test_what_cannot_be_set_up_is_refused_with_a_sentence(
    sandbox: Sandbox, method: str, path: str, document: dict[str, Any]
) -> None:
    answer = sandbox.http.request(method, f"/_clay/{path}", json=document)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "sources/a"),
        ("DELETE", "routines/a"),
        ("DELETE", "webhooks/a"),
        ("GET", "tables/a/rows"),
        ("DELETE", "tables/a/rows/r_1"),
        ("PATCH", "tables/a/rows/r_1"),
    ],
)
def test_what_is_not_there_is_404(sandbox: Sandbox, method: str, path: str) -> None:
    assert sandbox.http.request(method, f"/_clay/{path}").status_code == 404


def test_a_refused_change_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "tables/a", dedupe="linkedin_url", callback=CALLBACK)
    answer = sandbox.http.put("/_clay/tables/a", json={"dedupe": "swarm_ref", "callback": {"url": "x"}})
    assert answer.status_code == 400
    assert sandbox.control("PUT", "tables/a") == {
        "id": "a",
        "auto_update": True,
        "dedupe": "linkedin_url",
        "columns": sandbox.control("PUT", "tables/b")["columns"],
        "callback": CALLBACK["url"],
        "rows": 0,
    }


def test_a_token_and_a_secret_are_shown_to_nobody(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "sources/a", token="t0ken-of-mine")
    sandbox.control("PUT", "webhooks/a", url="http://127.0.0.1:1/x", secret="whsec-of-mine")
    told = sandbox.http.get("/_state/clay_table").text + sandbox.http.get("/_state/clay_routine").text
    assert "of-mine" not in told
    assert sandbox.state("clay_table")["sources"][0]["authenticated"] is True


def test_credits_are_of_a_workspace(sandbox: Sandbox) -> None:
    sandbox.config(clay_actions=500, clay_data_credits=100)
    both = {"actions": {"used": 0, "left": 500}, "data_credits": {"used": 0, "left": 100}}
    assert sandbox.control("GET", "credits") == {"workspace": both}


def test_a_workspace_can_be_there_from_the_start() -> None:
    port = free_port()
    process = start_sandbox(
        port,
        clay_sources={"leads": {"token": "t0ken", "table": "t_1"}},
        clay_tables={"t_1": {"dedupe": "linkedin_url"}},
        clay_routines={"function:t_1": {"not_found": "failed"}},
        clay_hooks={"wh_1": {"url": "http://127.0.0.1:1/x", "secret": "s"}},
    )
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    sandbox.reset()
    table, routine = sandbox.state("clay_table"), sandbox.state("clay_routine")
    assert [source["slug"] for source in table["sources"]] == ["leads"]
    assert table["tables"]["t_1"]["dedupe"] == "linkedin_url"
    assert (routine["routines"], list(routine["webhooks"])) == (["function:t_1"], ["wh_1"])
    sandbox.close()
    process.terminate()
    assert process.wait(120) == 0
