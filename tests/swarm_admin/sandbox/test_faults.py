from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import Receiver, Sandbox, wait_for

T = "/tables/tbl_test"
ROWS = [{"linkedin_url": f"https://www.linkedin.com/in/lead-{n}"} for n in range(2)]
PERSON = {"locationId": "location", "email": "a@example.com"}
HOOK = {"events": ["row.enriched", "row.enrichment_failed"], "headers": {"X-Webhook-Secret": "s3cret"}}


def create(sandbox: Sandbox) -> httpx.Response:
    return sandbox.clay.post(f"{T}/rows", json={"rows": ROWS})


def enrich(sandbox: Sandbox, **more: Any) -> list[str]:
    ids = [row["id"] for row in create(sandbox).json()["rows"]]
    assert sandbox.clay.post(f"{T}/enrich", json={"row_ids": ids, **more}).status_code == 202
    return ids


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("429", 429),
        ("429_no_retry_after", 429),
        ("500", 500),
        ("502", 502),
        ("504", 504),
        ("401", 401),
        ("402_credits", 402),
        ("403_quota", 403),
    ],
)
@pytest.mark.parametrize("vendor", ["clay", "ghl", "instantly"])
def test_a_status_is_answered_as_often_as_told(sandbox: Sandbox, vendor: str, kind: str, status: int) -> None:
    sandbox.fault(vendor, kind, times=2)
    client = getattr(sandbox, vendor)
    answers = [client.get("/tables" if vendor == "clay" else "/contacts/x") for _ in range(3)]
    if vendor == "instantly":
        answers = [client.get("/leads/x") for _ in range(3)]
    codes = [answer.status_code for answer in answers]
    assert codes[:2] == [status, status]
    assert codes[2] in {200, 404}
    assert ("Retry-After" in answers[0].headers) is (kind == "429")


def test_errors_carry_what_is_known(sandbox: Sandbox) -> None:
    sandbox.fault("clay", "504", call="enrich", provider="apollo", times=1)
    error = sandbox.clay.post(f"{T}/enrich", json={"row_ids": ["x"]}).json()["error"]
    assert (error["code"], error["provider"]) == ("provider_timeout", "apollo")
    sandbox.fault("clay", "403_quota", times=1)
    error = sandbox.clay.get("/tables").json()["error"]
    assert error["quota_remaining"] == 0
    assert "resets_at" in error


def test_a_fault_hits_only_its_call(sandbox: Sandbox) -> None:
    sandbox.fault("clay", "502", call="rows")
    assert create(sandbox).status_code == 502
    assert sandbox.clay.get("/tables").status_code == 200
    sandbox.no_faults()
    assert create(sandbox).status_code == 201


def test_a_probable_fault_hits_some(sandbox: Sandbox) -> None:
    sandbox.fault("clay", "502", probability=0.5)
    codes = [sandbox.clay.get("/tables").status_code for _ in range(40)]
    assert {codes.count(200) > 5, codes.count(502) > 5} == {True}


@pytest.mark.parametrize(("kind", "rows"), [("reset_before_effect", 0), ("reset_after_effect", 2)])
def test_a_reset_closes_the_connection_before_or_after_the_effect(sandbox: Sandbox, kind: str, rows: int) -> None:
    sandbox.fault("clay", kind, times=1)
    with pytest.raises(httpx.TransportError):
        create(sandbox)
    stats = sandbox.stats()["clay"]
    assert stats["rows"] == rows
    assert stats["calls"]["rows.create"]["by_status"] == {"reset": 1}


def test_an_error_can_come_after_the_effect(sandbox: Sandbox) -> None:
    sandbox.fault("ghl", "422_list", call="contacts.upsert", effect=True, times=1)
    answer = sandbox.ghl.post("/contacts/upsert", json=PERSON)
    assert (answer.status_code, answer.json()["message"]) == (422, ["422_list"])
    assert sandbox.stats()["ghl"]["contacts"] == 1


def test_bodies_can_be_strange(sandbox: Sandbox) -> None:
    for kind in ("html", "nonsense_json", "empty_body"):
        sandbox.fault("clay", kind, times=1)
    html, nonsense, empty = (sandbox.clay.get("/tables") for _ in range(3))
    assert (html.status_code, html.headers["content-type"]) == (502, "text/html")
    with pytest.raises(ValueError, match="Expecting"):
        nonsense.json()
    assert empty.content == b""


def test_a_slow_answer_outlasts_a_timeout_and_has_its_effect(sandbox: Sandbox) -> None:
    sandbox.fault("clay", "slow", seconds=300, times=1)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.clay.post(f"{T}/rows", json={"rows": ROWS}, timeout=0.05)
    assert sandbox.stats()["clay"]["rows"] == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"vendor": "clay", "kind": "fire"},
        {"vendor": "acme", "kind": "502"},
        {"vendor": "ghl", "kind": "drop_webhook"},
        {"vendor": "clay", "kind": "provider_timeout"},
        {"vendor": "clay", "kind": "502", "often": True},
        {"kind": "502"},
        {"vendor": "clay", "kind": "garbage_values"},
        {"vendor": "clay_routine", "kind": "cell_error", "column": "phone"},
        {"vendor": "clay_table", "kind": "cell_error"},
        {"vendor": "clay_table", "kind": "item_failed"},
        {"vendor": "clay_table", "kind": "provider_error"},
    ],
)
def test_a_fault_that_does_not_exist_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    assert sandbox.http.post("/_faults", json=fault).status_code == 400


def test_unknown_switches_are_refused(sandbox: Sandbox) -> None:
    for switches in ({"colour": 1}, {"speed": 0}, {"limits": "no"}):
        assert sandbox.http.post("/_config", json=switches).status_code == 400


# ------------------------------------------------------------ providers and webhooks


def listen(sandbox: Sandbox, receiver: Receiver) -> None:
    answer = sandbox.clay.post("/webhooks", json={"webhook_url": receiver.url, **HOOK})
    assert answer.status_code == 201


def test_a_webhook_tells_of_each_row(sandbox: Sandbox, webhook_receiver: Receiver) -> None:
    listen(sandbox, webhook_receiver)
    ids = enrich(sandbox)
    wait_for(lambda: sandbox.stats()["clay"]["webhooks"]["acknowledged"] == 2)
    assert sorted(webhook_receiver.events()) == sorted((row_id, "row.enriched") for row_id in ids)
    headers, body = webhook_receiver.deliveries[0]
    assert headers["X-Webhook-Secret"] == "s3cret"
    row = sandbox.clay.get(f"{T}/rows/{body['row_id']}").json()
    assert body["table_id"] == "tbl_test"
    assert body["data"].items() <= row.items()


def test_a_webhook_is_sent_again_until_it_is_taken(sandbox: Sandbox, webhook_receiver: Receiver) -> None:
    listen(sandbox, webhook_receiver)
    webhook_receiver.statuses = [500, 404]
    enrich(sandbox)
    wait_for(lambda: sandbox.stats()["clay"]["webhooks"]["acknowledged"] == 2)
    assert len(webhook_receiver.deliveries) == 4


def test_a_provider_that_times_out_fails_the_row(sandbox: Sandbox, webhook_receiver: Receiver) -> None:
    listen(sandbox, webhook_receiver)
    sandbox.fault("clay", "provider_timeout", provider="apollo", linkedin_url=ROWS[0]["linkedin_url"])
    failed, fine = enrich(sandbox)
    wait_for(lambda: len(webhook_receiver.deliveries) == 2)
    assert set(webhook_receiver.events()) == {(failed, "row.enrichment_failed"), (fine, "row.enriched")}
    row = sandbox.clay.get(f"{T}/rows/{failed}").json()
    assert (row["enrichment_status"], row["error"]["provider"]) == ("failed", "apollo")
    body = {"row_ids": [failed], "skip_providers": ["apollo"]}
    assert sandbox.clay.post(f"{T}/enrich", json=body).status_code == 202
    wait_for(lambda: len(webhook_receiver.deliveries) == 3)
    row = sandbox.clay.get(f"{T}/rows/{failed}").json()
    assert row["enrichment_status"] == "completed"
    assert "error" not in row


@pytest.mark.parametrize(("kind", "arrive"), [("drop_webhook", 1), ("double_webhook", 3), ("late_webhook", 2)])
def test_webhooks_are_lost_doubled_or_late(
    sandbox: Sandbox, webhook_receiver: Receiver, kind: str, arrive: int
) -> None:
    listen(sandbox, webhook_receiver)
    sandbox.fault("clay", kind, times=1, linkedin_url=ROWS[0]["linkedin_url"], seconds=200)
    spoilt, fine = enrich(sandbox)
    wait_for(lambda: sandbox.stats()["clay"]["webhooks"]["acknowledged"] == arrive)
    rows = [row_id for row_id, _ in webhook_receiver.events()]
    assert rows.count(fine) == 1
    assert rows.count(spoilt) == arrive - 1
    if kind == "late_webhook":
        assert rows == [fine, spoilt]


def test_webhooks_of_one_row_arrive_out_of_order(sandbox: Sandbox, webhook_receiver: Receiver) -> None:
    listen(sandbox, webhook_receiver)
    sandbox.config(speed=1.0)
    sandbox.fault("clay", "out_of_order_webhook", times=1)
    sandbox.config(enrich_seconds=[0.0, 0.0])
    enrich(sandbox)
    wait_for(lambda: sandbox.stats()["clay"]["webhooks"]["acknowledged"] == 2)
    stamps = [body["timestamp"] for _, body in webhook_receiver.deliveries]
    rows = [row["id"] for row in sandbox.state("clay")["tables"]["tbl_test"]]
    assert [row_id for row_id, _ in webhook_receiver.events()] == rows[::-1]
    assert stamps[0] >= stamps[1]
