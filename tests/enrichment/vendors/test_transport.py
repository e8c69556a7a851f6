import gzip
import json
import socket
import threading
import time

import pytest

from enrichment.vendors import limiter, transport, vendor_health
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.errors import (
    Misconfigured,
    RateLimited,
    Recovery,
    Retryable,
    UnknownOutcome,
    VendorError,
)
from enrichment.vendors.vendor_health import call_health

from .scripted import CUT, DRIP, DRIP_HEAD, RESET, SILENT, Say

ROW = Say(200, {"id": "row_1", "email_work": "j@acme.example"})
NEW = [{"linkedin_url": "https://www.linkedin.com/in/a"}]
HTML = Say(200, b"<html>Welcome</html>")


@pytest.fixture
def tries(monkeypatch):
    told = []
    monkeypatch.setattr(
        vendor_health, "count_call", lambda vendor, call, status, seconds: told.append((vendor, call, status))
    )
    return told


@pytest.fixture
def dead_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("hiccup", [Say(502, {}), Say(503, b"<html>"), Say(fault=RESET), HTML, Say(500)])
def test_a_read_is_repeated_within_seconds(vendor, clay, hiccup):
    if hiccup is HTML:  # an answer is there: whoever asked decides
        vendor.says(hiccup)
        with pytest.raises(Retryable, match="unreadable"):
            clay.get_row("t", "row_1")
        return
    vendor.says(hiccup, hiccup, ROW)
    assert clay.get_row("t", "row_1").id == "row_1"
    assert len(vendor.seen) == 3


def test_a_read_is_tried_three_times_and_no_more(vendor, clay, tries):
    vendor.says(Say(502, {"error": {"message": "busy"}}))
    with pytest.raises(Retryable):
        clay.get_row("t", "row_1")
    assert tries == [("clay", "get_row", 502)] * 3


@pytest.mark.parametrize("answer", [Say(429, {}, {"Retry-After": "9"})])
def test_a_429_is_not_repeated(vendor, clay, answer):
    vendor.says(answer)
    with pytest.raises(RateLimited) as caught:
        clay.get_row("t", "row_1")
    assert (len(vendor.seen), caught.value.retry_after) == (1, 9.0)


def test_a_429_of_a_read_holds_everybody_who_takes_from_its_limit(vendor, ghl):
    vendor.says(Say(429, {}, {"Retry-After": "9"}))
    with pytest.raises(RateLimited):
        ghl.get_contact("c_1")
    assert 8 < limiter.take("ghl.calls", ghl.scope()) <= 9


def test_a_429_of_a_data_provider_holds_nobody_else(vendor, clay):
    vendor.says(Say(429, {"error": {"code": "rate_limited", "provider": "builtwith"}}, {"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        clay.trigger_enrichment("t", ["r1"], {})
    assert caught.value.provider == "builtwith"
    assert limiter.take("clay.triggers", "ws_1") == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Say(fault=RESET), "connection_lost"),
        (Say(fault=SILENT), "timeout"),
        (HTML, "unreadable"),
        (Say(201, None), "unreadable"),
        (Say(201, b""), "unreadable"),
        (Say(201, []), "unreadable"),
        (Say(200, b"x", {"Content-Encoding": "gzip"}), "unreadable"),
    ],
)
def test_a_lost_answer_of_a_write_is_unknown_and_not_repeated(vendor, clay, settings, answer, code):
    vendor.says(answer)
    with pytest.raises(UnknownOutcome) as caught:
        clay.create_rows("t", NEW)
    assert (caught.value.code, caught.value.recovery) == (code, Recovery.READ_BACK)
    assert len(vendor.seen) == 1


def test_a_refused_connection_is_retryable_for_writes_too(dead_port, tries):
    client = RowsApi(f"http://127.0.0.1:{dead_port}", "key", "ws")
    with pytest.raises(Retryable) as caught:
        client.create_rows("t", NEW)
    client.close()
    assert (caught.value.code, caught.value.sent) == ("not_sent", False)
    assert tries == [("clay", "create_rows", "not_sent")] * 3


def test_a_repeat_takes_a_slot_or_is_left(vendor, ghl, settings):
    settings.GHL_PER_TEN_SECONDS = 1
    vendor.says(Say(502, {}))
    with pytest.raises(Retryable):
        ghl.get_contact("c_1")
    assert len(vendor.seen) == 2
    assert limiter.peek("ghl.calls", "loc_1").used == 1


def test_a_redirect_is_not_followed(vendor, clay):
    vendor.says(Say(302, {}, {"Location": vendor.url + "/elsewhere"}))
    with pytest.raises(Misconfigured):
        clay.list_tables()
    assert [seen.path for seen in vendor.seen] == ["/v1/tables"]


def test_an_answer_too_large_is_unreadable(vendor, clay, settings):
    settings.VENDOR_MAX_ANSWER_BYTES = 1000
    vendor.says(Say(200, {"id": "row_1", "title": "x" * 2000}))
    with pytest.raises(Retryable, match="unreadable"):
        clay.get_row("t", "row_1")


@pytest.mark.parametrize(
    ("url", "key"), [("ftp://x", "k"), ("http://host:port", "k"), ("URL", "k\nk"), ("URL", "k\u2026")]
)
def test_nonsense_in_the_configuration_is_named(vendor, url, key):
    with pytest.raises(Misconfigured) as caught:
        RowsApi(url.replace("URL", vendor.url), key, "ws").list_tables()
    assert caught.value.code in ("bad_address", "bad_header", "bad_key")
    assert vendor.seen == []


@pytest.mark.parametrize("record_id", ["", " ", ".", "..", "./.."])
def test_an_empty_id_never_addresses_the_collection(vendor, instantly, ghl, clay, record_id):
    if record_id == "./..":  # a slash is escaped: one segment, one record
        assert transport.segment(record_id) == ".%2F.."
        return
    for delete in (instantly.delete_lead, ghl.delete_contact, lambda one: clay.delete_row("t", one)):
        with pytest.raises(ValueError, match="empty"):
            delete(record_id)
    assert vendor.seen == []


def test_no_personal_data_in_errors_or_logs(vendor, ghl, caplog):
    vendor.says(Say(400, {"message": "jane@acme.example is bad"}))
    caplog.set_level("DEBUG", logger="enrichment")
    with pytest.raises(Exception, match=r"\[e-mail\] is bad") as caught:
        ghl.find_duplicate(email="jane@acme.example")
    assert "jane" not in str(caught.value) + repr(caught.value) + caplog.text
    assert caught.value.__cause__ is None


def test_one_client_serves_many_threads(vendor, clay):
    vendor.says(ROW)
    found = []
    threads = [threading.Thread(target=lambda: found.append(clay.get_row("t", "row_1").id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["row_1"] * 8


def test_call_health_counts_per_status(vendor, clay):
    vendor.says(Say(502, {}), ROW)
    clay.get_row("t", "row_1")
    (vital,) = call_health("clay")
    assert (vital.call, vital.counts) == ("get_row", {"502": 1, "200": 1})
    assert vital.last_good
    assert vital.last_good == vital.last_seen
    assert vital.mean_seconds > 0


def test_counting_never_fails_a_call(vendor, clay, settings, dead_port):
    settings.REDIS_URL = f"redis://127.0.0.1:{dead_port}/0"
    vendor.says(ROW)
    assert clay.get_row("t", "row_1").id == "row_1"


def test_a_compressed_answer_is_read(vendor, clay):
    packed = gzip.compress(json.dumps({"id": "row_1", "title": "x" * 100_000}).encode())
    vendor.says(Say(200, packed, {"Content-Encoding": "gzip"}))
    assert clay.get_row("t", "row_1").id == "row_1"


def test_after_an_answer_that_was_not_read_to_its_end_the_next_call_is_clean(vendor, clay, settings):
    settings.VENDOR_MAX_ANSWER_BYTES = 1000
    vendor.says(Say(200, {"id": "row_1", "title": "x" * 500_000}))
    for _ in range(3):
        with pytest.raises(Retryable, match="unreadable"):
            clay.get_row("t", "row_1")
    settings.VENDOR_MAX_ANSWER_BYTES = 10_000_000
    vendor.says(ROW)
    assert clay.get_row("t", "row_1").id == "row_1"


def test_an_answer_cut_short_is_a_lost_one(vendor, clay):
    vendor.says(Say(200, b'{"id": "row_1"', fault=CUT))
    with pytest.raises(UnknownOutcome) as caught:
        clay.create_rows("t", NEW)
    assert (caught.value.code, caught.value.status) == ("connection_lost", 200)
    assert str(caught.value) == "clay create_rows: no whole answer connection_lost"


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (Say(200, b'{"id": "row_1"', fault=CUT), "connection_lost"),
        (Say(404, b'{"error": {', fault=CUT), "connection_lost"),
        (Say(fault=RESET), "connection_lost"),
        (Say(fault=SILENT), "timeout"),
        (HTML, "unreadable"),
        (Say(200, b"no gzip at all", {"Content-Encoding": "gzip"}), "unreadable"),
        (Say(404, {"error": {"code": "timeout"}}), 404),
        (Say(502, HTML.body), 502),
    ],
)
def test_a_call_counts_as_what_its_end_was(vendor, clay, tries, answer, seen):
    vendor.says(answer)
    with pytest.raises(VendorError) as caught:
        clay.create_rows("t", NEW)
    assert tries == [("clay", "create_rows", seen)]
    assert "200 connection_lost" not in str(caught.value)


def test_an_answer_that_drips_is_not_waited_for_forever(vendor, clay, settings):
    settings.VENDOR_TIMEOUT_SECONDS = 0.2
    clay.close()  # the next call opens anew, with the time-out of now
    vendor.says(Say(200, b"x" * 2_000, fault=DRIP))  # it takes 100 s to say it
    began = time.monotonic()
    with pytest.raises(UnknownOutcome) as caught:
        clay.create_rows("t", NEW)
    assert caught.value.code == "timeout"
    assert time.monotonic() - began < 30


def test_headers_that_drip_are_not_waited_for_forever(vendor, clay, settings):
    settings.VENDOR_TIMEOUT_SECONDS = 0.2
    clay.close()  # the next call opens anew, with the time-out of now
    vendor.says(Say(200, b"", fault=DRIP_HEAD))
    began = time.monotonic()
    with pytest.raises(UnknownOutcome) as caught:
        clay.create_rows("t", NEW)
    assert caught.value.code == "timeout"
    assert time.monotonic() - began < 10


def test_it_says_who_it_is(vendor, clay):
    vendor.says(ROW)
    clay.get_row("t", "row_1")
    assert vendor.seen[0].headers["user-agent"] == "swarm-admin"
    assert vendor.seen[0].headers["accept"] == "application/json"
