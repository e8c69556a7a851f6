import datetime
import inspect

import pytest
from pydantic import ValidationError

from enrichment.vendors import limiter
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import calls
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.clay.wire import COLUMN_NAMES, ENRICHMENT_COLUMNS
from enrichment.vendors.errors import NotFound, NotOffered, Permanent, Retryable, UnknownOutcome

from .scripted import Say

A, B = "https://www.linkedin.com/in/a", "https://www.linkedin.com/in/b"
GONE = Say(404, {"error": {"code": "not_found", "message": "no such row"}})


def made(*pairs):
    return Say(201, {"rows": [{"id": row_id, "linkedin_url": url} for row_id, url in pairs]})


def test_rows_go_out_as_the_contract_says(vendor, clay):
    vendor.says(made(("r1", A)))
    at = datetime.datetime(2026, 1, 15, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    created = clay.create_rows("tbl/1", [{"linkedin_url": A, "first_name": "John", "scraped_at": at}])
    assert [(row.index, row.id) for row in created] == [(0, "r1")]
    (seen,) = vendor.seen
    assert (seen.method, seen.path) == ("POST", "/v1/tables/tbl%2F1/rows")
    assert seen.headers["authorization"] == "Bearer clay-key"
    assert seen.headers["x-workspace-id"] == "ws_1"
    assert seen.body == {"rows": [{"linkedin_url": A, "first_name": "John", "scraped_at": "2026-01-15T10:00:00Z"}]}


@pytest.mark.parametrize(
    ("answer", "ids"),
    [
        (made(("r1", A), ("r2", B)), ["r1", "r2"]),
        (made(("r2", B), ("r1", A)), ["r1", "r2"]),
        (made((1, None), (2, None)), ["1", "2"]),
        (made(("r1", "http://LinkedIn.com/in/A/"), ("r2", None)), ["r1", "r2"]),
    ],
)
def test_created_rows_are_matched(vendor, clay, answer, ids):
    vendor.says(answer)
    assert [row.id for row in clay.create_rows("t", [{"linkedin_url": A}, {"linkedin_url": B}])] == ids


@pytest.mark.parametrize(
    "answer",
    [
        made(("r1", A)),
        made(("r1", A), ("r2", B), ("r3", B)),
        made(("r1", A), ("r1", B)),
        made(("r1", A), ("r2", A)),
        made(("r1", B), ("r2", None)),
        made(("r1", A), ("", B)),
        Say(201, {"rows": ["r1", "r2"]}),
        Say(201, {"rows": None}),
    ],
)
def test_created_rows_that_cannot_be_matched_are_unknown(vendor, clay, answer):
    vendor.says(answer)
    with pytest.raises(UnknownOutcome):
        clay.create_rows("t", [{"linkedin_url": A}, {"linkedin_url": B}])


def test_what_clay_has_no_column_for_is_not_sent(vendor, clay):
    with pytest.raises(ValidationError) as caught:
        clay.create_rows("t", [{"linkedin_url": A, "source_url": "https://secret.example"}])
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="source_url"):
        clay.update_row("t", "r1", {"source_url": "x"})
    assert vendor.seen == []


def test_batches_are_bounded(clay):
    for call, most in ((clay.create_rows, 100), (lambda t, ids: clay.trigger_enrichment(t, ids, {}), 50)):
        with pytest.raises(ValueError, match=str(most)):
            call("t", [{"linkedin_url": A}] * (most + 1))
        with pytest.raises(ValueError, match=str(most)):
            call("t", [])
    with pytest.raises(ValueError, match="200"):
        clay.update_rows("t", {str(number): {"title": "x"} for number in range(201)})
    with pytest.raises(ValueError, match="5000"):
        clay.export_rows("t", limit=5001)


def test_a_row_keeps_whatever_types_came(vendor, clay):
    document = {"id": 7, "company_size": "250", "tech_stack": "a, b", "new_column": {"x": [1]}}
    vendor.says(Say(200, document))
    row = clay.get_row("t", "7")
    assert (row.id, row.raw) == ("7", document)
    assert row.values == {"company_size": "250", "tech_stack": "a, b", "new_column": {"x": [1]}}


@pytest.mark.parametrize("body", [None, [], "x", {}, {"id": None}, {"id": {}}])
def test_what_is_no_row_is_retryable(vendor, clay, body):
    vendor.says(Say(200, body))
    with pytest.raises(Retryable):
        clay.get_row("t", "r1")


def test_updates_go_in_one_call(vendor, clay):
    vendor.says(Say(200, {"rows": []}))
    result = clay.update_rows("t", {"r1": {"ghl_contact_id": "c1"}, "r2": {"ghl_contact_id": "c2"}})
    assert (result.done, result.left, result.refused) == (["r1", "r2"], [], {})
    assert vendor.seen[0].body == {"rows": [{"id": "r1", "ghl_contact_id": "c1"}, {"id": "r2", "ghl_contact_id": "c2"}]}


@pytest.mark.parametrize("status", [404, 405, 501])
def test_updates_fall_back_to_single_rows_within_the_limit(vendor, clay, settings, status):
    settings.CLAY_UPDATES_PER_MINUTE = 2
    vendor.says(Say(status, b"<html>"), Say(200, {"id": "r1"}), GONE)
    result = clay.update_rows("t", {f"r{number}": {"title": "x"} for number in (1, 2, 3)})
    assert (result.done, result.left) == (["r1"], ["r3"])
    assert isinstance(result.refused["r2"], NotFound)
    assert [seen.path for seen in vendor.seen] == [
        "/v1/tables/t/rows",
        "/v1/tables/t/rows/r1",
        "/v1/tables/t/rows/r2",
    ]
    assert limiter.peek("clay.updates", "t").used == 2


def test_a_bad_row_of_a_bulk_update_is_named(vendor, clay):
    vendor.says(Say(404, {"error": {"row_index": 1}}))
    with pytest.raises(NotFound) as caught:
        clay.update_rows("t", {"r1": {"title": "x"}, "r2": {"title": "x"}})
    assert caught.value.row_index == 1


@pytest.mark.parametrize(("answer", "was_there"), [(Say(204), True), (Say(200, b"ok"), True), (GONE, False)])
def test_delete(vendor, clay, answer, was_there):
    vendor.says(answer)
    assert clay.delete_row("t", "r1") is was_there


@pytest.mark.parametrize("answer", [Say(404, b"<html>"), Say(405, {}), Say(501, {})])
def test_a_missing_capability_is_never_a_silent_success(vendor, clay, answer):
    vendor.says(answer)
    for ask in (lambda: clay.delete_row("t", "r1"), lambda: clay.search_rows("t", {"phone": "1"})):
        with pytest.raises(NotOffered):
            ask()


def test_search_pages(vendor, clay):
    vendor.says(Say(200, {"rows": [{"id": "r1"}], "next_cursor": 5}), Say(200, {"rows": [], "next_cursor": None}))
    first = clay.search_rows("t", {"linkedin_url": A}, limit=1)
    assert ([row.id for row in first.rows], first.next_cursor) == (["r1"], "5")
    last = clay.search_rows("t", {"linkedin_url": A}, limit=1, cursor=first.next_cursor)
    assert (last.rows, last.next_cursor) == ([], None)
    assert vendor.seen[1].body == {"query": {"linkedin_url": A}, "limit": 1, "cursor": "5"}
    with pytest.raises(ValueError, match="whole table"):
        clay.search_rows("t", {})


@pytest.mark.parametrize("body", [{}, {"rows": None}, {"rows": [{}]}, {"rows": [], "next_cursor": "here"}, []])
def test_a_broken_page_is_not_nothing_found(vendor, clay, body):
    vendor.says(Say(200, body))
    with pytest.raises(Retryable):
        clay.search_rows("t", {"linkedin_url": A}, cursor="here")


def test_trigger_sends_the_waterfall_and_tells_what_was_accepted(vendor, clay):
    vendor.says(Say(202, {"accepted": ["r2", "other"]}))
    waterfalls = {"waterfall_email": {"providers": ["apollo"]}}
    assert clay.trigger_enrichment("t", ["r1", "r2"], waterfalls, ["hunter"]) == ["r2"]
    assert vendor.seen[0].body == {
        "row_ids": ["r1", "r2"],
        "waterfalls": waterfalls,
        "skip_providers": ["hunter"],
    }
    vendor.says(Say(202, {}))
    with pytest.raises(UnknownOutcome):
        clay.trigger_enrichment("t", ["r1"], waterfalls)


def test_a_faulty_row_of_a_batch_is_named(vendor, clay):
    vendor.says(Say(400, {"error": {"code": 400, "message": "bad", "row_index": 1}}))
    with pytest.raises(Permanent) as caught:
        clay.create_rows("t", [{"linkedin_url": A}, {"linkedin_url": B}])
    assert caught.value.row_index == 1


def test_tables_exports_and_webhooks(vendor, clay):
    vendor.says(Say(200, {"tables": [{"id": "t1", "name": "Leads"}]}))
    assert [(table.id, table.name) for table in clay.list_tables()] == [("t1", "Leads")]
    vendor.says(Say(201, {"id": "t2", "name": "N"}))
    assert clay.create_table("N").id == "t2"
    assert vendor.seen[-1].body == {"name": "N", "columns": ENRICHMENT_COLUMNS}
    vendor.says(Say(200, {"rows": [{"id": "r1"}], "next_cursor": "n"}))
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert clay.export_rows("t", limit=10, cursor="c", updated_since=since).next_cursor == "n"
    assert vendor.seen[-1].body == {
        "format": "json",
        "limit": 10,
        "cursor": "c",
        "updated_since": "2026-01-01T00:00:00+00:00",
    }
    vendor.says(Say(201, {"id": "w1"}))
    assert clay.create_webhook("https://us.example/hook", "s3") == "w1"
    assert vendor.seen[-1].body["headers"] == {"X-Webhook-Secret": "s3"}


def test_the_table_has_the_columns_of_the_specification():
    assert len(ENRICHMENT_COLUMNS) == len(COLUMN_NAMES) == 31
    assert {"ghl_contact_id", "instantly_lead_id"} < COLUMN_NAMES
    assert COLUMN_NAMES.isdisjoint({"source_url", "engagement_action", "engagement_content"})


def test_calls_tell_their_limit_and_scope(clay):
    told = {
        call.name: (call.limit, clay.scope(call, "t"))
        for call in (
            calls.CREATE_ROWS,
            calls.UPDATE_ROW,
            calls.UPDATE_ROWS,
            calls.TRIGGER,
            calls.EXPORT,
            calls.GET_ROW,
        )
    }
    assert told == {
        "create_rows": ("clay.rows", "t"),
        "update_row": ("clay.updates", "t"),
        "update_rows": ("clay.updates", "t"),
        "trigger_enrichment": ("clay.triggers", "ws_1"),
        "export_rows": ("clay.exports", "ws_1"),
        "get_row": (None, "ws_1"),
    }


def test_a_connector_has_the_calls_of_its_capabilities_and_refuses_the_others():
    """One that can nothing refuses each call by its name; the rows API has them all, but those of other connectors."""
    calls_of = {name for name, value in vars(ClayConnector).items() if inspect.isfunction(value) and name[0] != "_"}
    calls_of -= {"close"}
    elsewhere = {"submit_row", "run_routine", "run_results"}
    assert calls_of - elsewhere <= vars(RowsApi).keys()
    assert not elsewhere & vars(RowsApi).keys()
    assert RowsApi.capabilities == set(Capability) - {Capability.RECEIVE_ROW, Capability.POLL}
    bare = ClayConnector("ws_1")
    assert bare.capabilities == set()
    for name in calls_of:
        method = getattr(bare, name)
        needed = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
        with pytest.raises(NotOffered, match=name) as refused:
            method(*("t" for _ in needed))
        assert refused.value.sent is False
