import pickle
import signal
from pathlib import Path

from tests.plugins.sandbox import KEYS, Receiver, Sandbox, start_sandbox, wait_for
from tests.ports import free_port

ROW = {"linkedin_url": "https://www.linkedin.com/in/johndoe"}


def test_a_reset_forgets_records_and_switches(sandbox: Sandbox) -> None:
    sandbox.config(row_delete=False)
    sandbox.fault("clay", "502", call="tables")
    assert sandbox.clay.post("/tables/tbl_test/rows", json={"rows": [ROW]}).status_code == 201
    sandbox.reset()
    stats = sandbox.stats()
    assert (stats["clay"]["rows"], stats["clay"]["requests"], stats["faults"]) == (0, 0, [])
    assert sandbox.clay.delete("/tables/tbl_test/rows/row_x").status_code == 404


def test_an_unknown_path_is_404_in_the_vendors_words(sandbox: Sandbox) -> None:
    assert sandbox.clay.get("/nothing").json()["error"]["code"] == "not_found"
    assert sandbox.ghl.get("/nothing").json()["statusCode"] == 404
    assert sandbox.instantly.get("/nothing").json()["statusCode"] == 404


def test_an_object_in_json_is_asked_for(sandbox: Sandbox) -> None:
    path = "/tables/tbl_test/rows"
    assert sandbox.clay.post(path, json=[]).status_code == 400
    assert sandbox.clay.post(path, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert sandbox.clay.post(path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400


def test_records_outlive_the_process(tmp_path: Path) -> None:
    port, state = free_port(), tmp_path / "sandbox.state"
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    process = start_sandbox(port, state=state)
    rows = sandbox.clay.post("/tables/tbl_test/rows", json={"rows": [ROW]}).json()["rows"]
    sandbox.ghl.post("/contacts/upsert", json={"locationId": "location", "email": "a@example.com"})
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    process = start_sandbox(port, state=state)
    again = Sandbox(sandbox.url)
    assert again.clay.get(f"/tables/tbl_test/rows/{rows[0]['id']}").status_code == 200
    assert (
        again.ghl.post("/contacts/upsert", json={"locationId": "location", "email": "a@example.com"}).json()["new"]
        is False
    )
    process.terminate()
    assert process.wait(120) == 0
    sandbox.close()
    again.close()


def test_what_was_set_up_in_clay_outlives_the_process(tmp_path: Path, webhook_receiver: Receiver) -> None:
    port, state = free_port(), tmp_path / "sandbox.state"
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    process = start_sandbox(port, state=state, enrich_seconds=[100_000, 100_000])
    sandbox.control("PUT", "sources/leads", life=7)
    sandbox.control("PUT", "tables/t_leads", callback={"url": webhook_receiver.url})
    sandbox.control("PUT", "webhooks/wh_1", url=webhook_receiver.url, secret="whsec_1")
    sandbox.control("PUT", "routines/function:t_1")
    assert sandbox.http.post("/clay/v3/sources/webhook/leads", json=ROW).status_code == 200
    item = {"id": "1", "inputs": {"full_name": "Ann Example", "company_name": "Example Labs"}}
    body = {"items": [item], "webhook_id": "wh_1"}
    headers = {"clay-api-key": KEYS["clay_api_key"]}
    run = sandbox.http.post("/clay/public/v0/routines/function:t_1/run", json=body, headers=headers).json()
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    process = start_sandbox(port, state=state)
    again = Sandbox(sandbox.url)
    wait_for(lambda: len(webhook_receiver.deliveries) == 2)
    pointers = [body for _, body in webhook_receiver.deliveries if "webhookId" in body]
    assert [body["data"] for body in pointers] == [{"routine_run_id": run["routine_run_id"]}]
    (source,) = again.state("clay_table")["sources"]
    assert (source["life"], source["taken"]) == (7, 1)
    assert again.control("GET", "credits")["workspace"]["actions"]["used"] > 1
    process.terminate()
    assert process.wait(120) == 0
    sandbox.close()
    again.close()


def ignored(state: Path) -> int:
    """Of the source, as the file has it."""
    return pickle.loads(state.read_bytes())["table"]["sources"]["leads"].ignored  # noqa: S301 - the sandbox's own


def test_a_killed_sandbox_has_forgotten_little(tmp_path: Path) -> None:
    port, state = free_port(), tmp_path / "sandbox.state"
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    process = start_sandbox(port, state=state)
    sandbox.control("PUT", "sources/leads", life=1)
    for number in range(2):
        row = {**ROW, "swarm_ref": "the same"}
        assert sandbox.http.post("/clay/v3/sources/webhook/leads", json=row | {"n": number}).status_code == 200
    wait_for(lambda: state.exists() and ignored(state) == 1)
    process.kill()
    process.wait(120)
    process = start_sandbox(port, state=state)
    again = Sandbox(sandbox.url)
    (source,) = again.state("clay_table")["sources"]
    assert (source["taken"], source["ignored"]) == (1, 1)
    assert again.stats()["clay_table"]["refs_twice"] == 1
    process.terminate()
    assert process.wait(120) == 0
    sandbox.close()
    again.close()


def test_what_is_configured_holds_over_what_was_kept(tmp_path: Path) -> None:
    port, state = free_port(), tmp_path / "sandbox.state"
    configured = {
        "clay_sources": {"leads": {"token": "t0ken"}, "more": {"table": "t_more"}},
        "clay_tables": {"t_leads": {"callback": {"url": "http://127.0.0.1:1/old"}}},
        "clay_hooks": {"wh_1": {"url": "http://127.0.0.1:1/old", "secret": "s"}},
    }
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    process = start_sandbox(port, state=state, **configured)
    headers = {"x-clay-webhook-auth": "t0ken"}
    assert sandbox.http.post("/clay/v3/sources/webhook/leads", json=ROW, headers=headers).status_code == 200
    sandbox.control("DELETE", "sources/more")
    process.terminate()
    assert process.wait(120) == 0
    configured["clay_sources"]["leads"]["token"] = "an0ther"
    configured["clay_tables"]["t_leads"]["callback"]["url"] = "http://127.0.0.1:1/new"
    configured["clay_hooks"]["wh_1"]["url"] = "http://127.0.0.1:1/new"
    process = start_sandbox(port, state=state, **configured)
    again = Sandbox(sandbox.url)
    table = again.state("clay_table")
    assert table["tables"]["t_leads"]["callback"] == "http://127.0.0.1:1/new"
    assert len(table["tables"]["t_leads"]["rows"]) == 1
    assert again.state("clay_routine")["webhooks"] == {"wh_1": "http://127.0.0.1:1/new"}
    assert {source["slug"]: source["deleted"] for source in table["sources"]} == {"leads": False, "more": True}
    assert again.http.post("/clay/v3/sources/webhook/leads", json=ROW, headers=headers).status_code == 403
    process.terminate()
    assert process.wait(120) == 0
    sandbox.close()
    again.close()
