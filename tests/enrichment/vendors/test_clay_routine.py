"""The public API against a vendor that says what it is told: runs, their results, files at signed addresses."""

import json

import pytest

from enrichment.vendors.clay import signed_files
from enrichment.vendors.clay.routine import FILE_MAX, RUN_MAX, Routine
from enrichment.vendors.clay.wire import RunItem
from enrichment.vendors.errors import (
    Misconfigured,
    NotFound,
    Paused,
    Permanent,
    RateLimited,
    Recovery,
    Retryable,
    UnknownOutcome,
)

from .scripted import CUT, RESET, Say, ScriptedVendor

ITEMS = [RunItem("ref-a", {"full_name": "Ada Example"}), RunItem("ref-b", {"full_name": "Bo Example"})]


@pytest.fixture
def routine(vendor):
    client = Routine(f"{vendor.url}/public/v0", "clay-key", "ws_1", header="clay-api-key")
    yield client
    client.close()


@pytest.fixture
def storage():
    other = ScriptedVendor()
    yield other
    other.stop()


# ---------------------------------------------------------------- runs


def test_a_run_is_one_call_with_our_references(vendor, routine):
    vendor.says(Say(202, {"routine_run_id": "run_1", "status": "in_progress"}))
    assert routine.run_routine("function:t/1", ITEMS, "hook_1") == "run_1"
    (seen,) = vendor.seen
    assert (seen.method, seen.path) == ("POST", "/public/v0/routines/function%3At%2F1/run")
    assert seen.headers["clay-api-key"] == "clay-key"
    assert "authorization" not in seen.headers
    assert seen.body["webhook_id"] == "hook_1"
    assert seen.body["items"][0] == {"id": "ref-a", "inputs": {"full_name": "Ada Example"}}


def test_the_key_goes_as_a_bearer_where_that_is_set(vendor):
    client = Routine(vendor.url, "clay-key", "ws_1", header="authorization")
    vendor.says(Say(200, {"user": {"id": "u"}, "workspace": {"id": 7}}))
    assert client.workspace() == "7"
    client.close()
    assert vendor.seen[0].headers["authorization"] == "Bearer clay-key"


@pytest.mark.parametrize("count", [0, RUN_MAX + 1])
def test_a_run_has_1_to_100_items(routine, count):
    with pytest.raises(ValueError, match="items in one run"):
        routine.run_routine("function:t", [RunItem(str(n), {}) for n in range(count)])


@pytest.mark.parametrize("lost", [Say(fault=RESET), Say(202, {"routine_run_id": "r"}, fault=CUT), Say(202, b"<html>")])
def test_a_lost_answer_to_a_run_is_unknown_and_sent_once(vendor, routine, lost):
    vendor.says(lost)
    with pytest.raises(UnknownOutcome):
        routine.run_routine("function:t", ITEMS)
    assert len(vendor.seen) == 1


def test_an_answer_without_a_run_s_id_is_unknown(vendor, routine):
    vendor.says(Say(202, {"status": "in_progress"}))
    with pytest.raises(UnknownOutcome):
        routine.run_routine("function:t", ITEMS)


@pytest.mark.parametrize(
    ("status", "kind", "recovery"),
    [
        (402, Paused, Recovery.CREDITS),
        (403, Misconfigured, Recovery.REFRESH_KEY),
        (401, Misconfigured, Recovery.REFRESH_KEY),
        (404, Misconfigured, Recovery.CHECK_ADDRESS),
        (400, Permanent, Recovery.SET_ASIDE),
        (429, RateLimited, Recovery.BACKOFF),
    ],
)
def test_what_a_refusal_of_a_run_means(vendor, routine, status, kind, recovery):
    vendor.says(Say(status, {"message": "No"}, {"Retry-After": "7"}))
    with pytest.raises(kind) as refused:
        routine.run_routine("function:t", ITEMS)
    assert (refused.value.recovery, refused.value.retry_after) == (recovery, 7.0)
    assert len(vendor.seen) == 1


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("items[1].inputs.full_name: Required", 1),
        ("items.0.inputs.full_name is required", 0),
        ("webhook_id: no such webhook", None),
        ("items: 1 to 100 objects", None),
    ],
)
def test_a_refusal_names_its_item(vendor, routine, message, place):
    vendor.says(Say(400, {"message": message}))
    with pytest.raises(Permanent) as refused:
        routine.run_routine("function:t", ITEMS)
    assert refused.value.row_index == place


# ---------------------------------------------------------------- results


def test_results_come_page_by_page(vendor, routine):
    first = {"id": "ref-a", "status": "complete", "result": {"email": "ada@acme.example"}}
    second = {"id": "ref-b", "status": "failed", "error": {"message": "No result"}}
    vendor.says(
        Say(202, {"status": "in_progress", "finished": 0, "total": 2}),
        Say(200, {"status": "complete", "data": [first, "nonsense", {"status": "complete"}], "cursor": "c1"}),
        Say(200, {"status": "complete", "data": [second]}),
    )
    assert routine.run_results("run_1").is_running
    page = routine.run_results("run_1")
    assert (page.status, page.is_running, page.cursor) == ("complete", False, "c1")
    assert [(each.id, each.status, dict(each.result)) for each in page.results] == [
        ("ref-a", "complete", {"email": "ada@acme.example"})
    ]
    last = routine.run_results("run_1", page.cursor)
    assert ([(each.id, each.error) for each in last.results], last.cursor) == ([("ref-b", "No result")], None)
    assert vendor.seen[-1].path == "/public/v0/routines/run/run_1/results?limit=100&cursor=c1"


def test_an_unknown_terminal_word_brings_no_results(vendor, routine):
    vendor.says(Say(200, {"status": "cancelled", "data": [{"id": "ref-a", "status": "complete"}]}))
    page = routine.run_results("run_1")
    assert (page.status, page.is_running, list(page.results)) == ("cancelled", False, [])


def test_a_cursor_that_stands_still_is_no_answer(vendor, routine):
    vendor.says(Say(200, {"status": "complete", "data": [], "cursor": "c1"}))
    with pytest.raises(Retryable):
        routine.run_results("run_1", "c1")


def test_a_run_that_is_no_longer_kept_is_not_found(vendor, routine):
    vendor.says(Say(404, {"message": "Run not found"}))
    with pytest.raises(NotFound):
        routine.run_results("run_1")


# ---------------------------------------------------------------- over a file


def test_a_file_goes_to_its_signed_address_without_our_key(vendor, storage, routine):
    address = f"{storage.url}/bucket/in%2F1.jsonl?X-Signature=a%2Bb&expires=1"
    vendor.says(
        Say(200, {"upload_url": address, "file_id": "file_1"}),
        Say(202, {"routine_run_id": "run_9", "status": "in_progress"}),
    )
    storage.says(Say(200, b""))
    assert routine.upload_items("function:t", ITEMS) == "file_1"
    assert routine.start_file_run("function:t", "file_1", "hook_1") == "run_9"
    (put,) = storage.seen
    assert (put.method, put.path) == ("PUT", "/bucket/in%2F1.jsonl?X-Signature=a%2Bb&expires=1")
    assert not {"clay-api-key", "authorization"} & set(put.headers)
    assert [json.loads(line)["id"] for line in put.body.splitlines()] == ["ref-a", "ref-b"]
    assert vendor.seen[-1].path == "/public/v0/routines/function%3At/run-batch/start"
    assert vendor.seen[-1].body == {"file_id": "file_1", "webhook_id": "hook_1"}


@pytest.mark.parametrize("count", [0, FILE_MAX + 1])
def test_a_file_is_bounded(routine, count):
    with pytest.raises(ValueError, match="items in one file"):
        routine.upload_items("function:t", [RunItem(str(n), {}) for n in range(count)])


def test_a_lost_answer_to_a_start_is_unknown_and_sent_once(vendor, routine):
    vendor.says(Say(fault=RESET))
    with pytest.raises(UnknownOutcome):
        routine.start_file_run("function:t", "file_1")
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("status", [302, 400, 403, 404])
def test_what_a_storage_refuses_is_tried_again_and_holds_nothing(vendor, storage, routine, status):
    vendor.says(Say(200, {"upload_url": f"{storage.url}/f", "file_id": "file_1"}))
    storage.says(Say(status, b"<Error/>", {"Location": f"{vendor.url}/elsewhere"}))
    with pytest.raises(Retryable):
        routine.upload_items("function:t", ITEMS)
    assert len(vendor.seen) == 1


def test_a_file_s_results_are_read_line_by_line(vendor, storage, routine):
    vendor.says(
        Say(202, {"status": "in_progress"}),
        Say(200, {"status": "complete", "result_url": f"{storage.url}/out?s=1"}),
    )
    lines = [
        b'{"id": "ref-a", "status": "complete", "result": {"email": "ada@acme.example"}}',
        b"",
        b"{ no json",
        b'["a list"]',
        b'{"id": "ref-b", "status": "failed", "error": {"message": "No result"}}',
    ]
    storage.says(Say(200, b"\n".join(lines)))
    assert routine.file_run_results("run_9").is_running
    page = routine.file_run_results("run_9")
    assert page.status == "complete"
    assert [(each.id, each.status) for each in routine.download(page.address)] == [
        ("ref-a", "complete"),
        ("ref-b", "failed"),
    ]
    assert not {"clay-api-key", "authorization"} & set(storage.seen[0].headers)


def test_a_file_that_clay_refuses_names_its_lines(vendor, routine):
    details = [{"line_number": 2, "field": "full_name", "message": "Required"}, {"line_number": "x"}, 3]
    error = {"message": "Validation failed", "details": details}
    vendor.says(Say(200, {"status": "validation_failed", "error": error}))
    page = routine.file_run_results("run_9")
    assert (page.status, page.error, page.invalid) == (
        "validation_failed",
        "Validation failed",
        {2: "full_name: Required"},
    )


def test_a_file_beyond_its_bound_or_cut_off_is_no_result(vendor, storage, routine, settings):
    settings.VENDOR_MAX_ANSWER_BYTES = 100
    storage.says(Say(200, b'{"id": "ref-a"}\n' * 20), Say(200, b'{"id": "ref-a"}\n', fault=CUT))
    for _ in range(2):
        with pytest.raises(Retryable):
            list(routine.download(f"{storage.url}/out"))


def test_a_line_beyond_its_bound_is_no_result(storage, routine, monkeypatch):
    monkeypatch.setattr(signed_files, "LINE_BYTES", 50)
    storage.says(Say(200, b'{"id": "' + b"x" * 100 + b'"}'))
    with pytest.raises(Retryable):
        list(routine.download(f"{storage.url}/out"))


@pytest.mark.parametrize(
    "address",
    [
        "http://files.example.com/out",
        "https://10.0.0.7/out",
        "https://[::1]/out",
        "https://metadata/out",
        "https://db.internal/out",
        "https://127.1/out",
        "https://files.example.com:8443/out",
        "https://user:pw@files.example.com/out",
        "file:///etc/passwd",
        "https://files.example.com/out\n",
        "https://[/out",
        "http://127.0.0.1/out",
    ],
)
def test_an_address_that_is_not_public_is_not_opened(routine, settings, address):
    settings.PRODUCTION = True
    with pytest.raises(Permanent, match="bad_address"):
        list(routine.download(address))
