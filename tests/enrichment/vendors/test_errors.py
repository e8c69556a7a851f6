"""Every row of the error tables, and the bodies that refine them."""

import datetime
import pickle

import pytest

from enrichment.vendors.answers import UNREADABLE, decode, mask, read_envelope, read_retry_after, refusal
from enrichment.vendors.clay import calls as clay
from enrichment.vendors.clay.record import CLAY
from enrichment.vendors.errors import (
    ADVICE,
    Misconfigured,
    NotFound,
    NotOffered,
    Paused,
    Permanent,
    RateLimited,
    Recovery,
    Retryable,
    UnknownOutcome,
)
from enrichment.vendors.gohighlevel import client as ghl
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from enrichment.vendors.instantly import client as instantly
from enrichment.vendors.instantly.record import INSTANTLY

ENVELOPE = {"error": {"code": "some_code", "message": "some words", "provider": "apollo"}}
FLAT = {"statusCode": 400, "message": "some words", "error": "Bad Request"}


@pytest.mark.parametrize(
    ("status", "kind", "recovery"),
    [  # the recovery table of the specification, then what is known beside it
        (429, RateLimited, Recovery.BACKOFF),
        (504, Retryable, Recovery.NEXT_PROVIDER),
        (400, Permanent, Recovery.SET_ASIDE),
        (401, Misconfigured, Recovery.REFRESH_KEY),
        (502, Retryable, Recovery.DELAY),
        (404, NotFound, Recovery.UNENRICHABLE),
        (403, Paused, Recovery.PAUSE),
        (402, Paused, Recovery.CREDITS),
        (405, NotOffered, Recovery.BY_HAND),
        (501, NotOffered, Recovery.BY_HAND),
        (413, Permanent, Recovery.SET_ASIDE),
        (422, Permanent, Recovery.SET_ASIDE),
        (500, UnknownOutcome, Recovery.READ_BACK),
        (503, Retryable, Recovery.DELAY),
        *[(moved, Misconfigured, Recovery.CHECK_ADDRESS) for moved in (301, 302, 303, 307, 308)],
        (418, Permanent, Recovery.NEEDS_PERSON),
        (599, Permanent, Recovery.NEEDS_PERSON),
    ],
)
def test_clay_trigger(status, kind, recovery):
    error = refusal("clay", clay.TRIGGER, status, ENVELOPE, {})
    assert (type(error), error.recovery, error.status) == (kind, recovery, status)
    assert (error.code, error.message, error.provider) == ("some_code", "some words", "apollo")
    assert error.advice == ADVICE[recovery]


COMMON = [
    (400, Permanent, Recovery.SET_ASIDE),
    (401, Misconfigured, Recovery.REFRESH_KEY),
    (402, Paused, Recovery.CREDITS),
    (403, Misconfigured, Recovery.REFRESH_KEY),
    (404, NotFound, Recovery.GONE),
    (405, NotOffered, Recovery.BY_HAND),
    (429, RateLimited, Recovery.BACKOFF),
    (500, UnknownOutcome, Recovery.READ_BACK),
    (501, NotOffered, Recovery.BY_HAND),
    (502, UnknownOutcome, Recovery.READ_BACK),
    (503, Retryable, Recovery.DELAY),
    (504, UnknownOutcome, Recovery.READ_BACK),
    (418, Permanent, Recovery.NEEDS_PERSON),
    *[(moved, Misconfigured, Recovery.CHECK_ADDRESS) for moved in (301, 302, 303, 307, 308)],
]


@pytest.mark.parametrize(("status", "kind", "recovery"), [*COMMON, (422, UnknownOutcome, Recovery.READ_BACK)])
def test_ghl_upsert(status, kind, recovery):
    error = refusal("ghl", ghl.UPSERT, status, FLAT, {})
    assert (type(error), error.recovery) == (kind, recovery)


@pytest.mark.parametrize(("status", "kind", "recovery"), [*COMMON, (422, Permanent, Recovery.SET_ASIDE)])
def test_instantly_add(status, kind, recovery):
    error = refusal("instantly", instantly.ADD, status, FLAT, {})
    assert (type(error), error.recovery) == (kind, recovery)


def test_every_row_of_the_tables_is_tried_above():
    assert set(GOHIGHLEVEL.rules) == {row[0] for row in COMMON} - {418} | {422}
    assert set(INSTANTLY.rules) == set(GOHIGHLEVEL.rules)
    assert set(CLAY.rules) == set(GOHIGHLEVEL.rules) | {413}
    assert set(ADVICE) == set(Recovery)


@pytest.mark.parametrize(
    ("vendor", "call", "status", "body", "kind"),
    [
        ("clay", clay.CREATE_ROWS, 502, ENVELOPE, Retryable),
        ("clay", clay.CREATE_ROWS, 504, {"error": {"code": "timeout"}}, UnknownOutcome),
        ("clay", clay.TRIGGER, 504, {"error": {"code": "timeout"}}, UnknownOutcome),
        ("clay", clay.TRIGGER, 504, {"error": {"code": "timeout", "provider": "apollo"}}, Retryable),
        ("clay", clay.TRIGGER, 502, {"error": {"code": "provider_error"}}, UnknownOutcome),
        ("clay", clay.TRIGGER, 504, UNREADABLE, UnknownOutcome),
        ("clay", clay.TRIGGER, 503, UNREADABLE, UnknownOutcome),
        ("clay", clay.UPDATE_ROW, 504, UNREADABLE, Retryable),
        ("clay", clay.GET_ROW, 500, None, Retryable),
        ("clay", clay.CREATE_ROWS, 404, ENVELOPE, Misconfigured),
        ("clay", clay.SEARCH_ROWS, 404, ENVELOPE, NotOffered),
        ("clay", clay.TRIGGER, 401, UNREADABLE, Misconfigured),
        ("ghl", ghl.UPDATE, 422, FLAT, Permanent),
        ("ghl", ghl.UPSERT, 403, {"message": "Daily quota exceeded"}, Paused),
        ("instantly", instantly.ADD, 403, {"error": "credits_used_up"}, Paused),
    ],
)
def test_the_call_and_the_body_refine(vendor, call, status, body, kind):
    assert type(refusal(vendor, call, status, body, {})) is kind


@pytest.mark.parametrize("body", [None, UNREADABLE, [], "gone", 7, {}, {"error": None}, {"error": []}])
def test_a_body_of_any_shape_leaves_the_status_to_decide(body):
    error = refusal("clay", clay.TRIGGER, 400, body, {})
    assert (type(error), error.message, error.provider, error.row_index) == (
        Permanent,
        "",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error": {"code": 4291, "message": "slow down"}}, "4291", "slow down"),
        ({"error": {"message": "slow down"}}, "", "slow down"),
        (
            {"error": "Unprocessable", "message": ["a is bad", {"message": "b is bad"}]},
            "Unprocessable",
            "a is bad; b is bad",
        ),
        ({"error": {"code": True, "message": 5}}, "", ""),
        ([{"error": {"code": "x"}}], "x", ""),
    ],
)
def test_codes_are_numbers_words_or_missing(body, code, message):
    said = read_envelope(body)
    assert (said.code, said.message) == (code, message)


def test_quota_and_row_index_are_read_tolerantly():
    said = read_envelope(
        {"error": {"row_index": "3", "quota_remaining": 0.0, "resets_at": "2026-01-15T10:00:00+02:00"}}
    )
    assert (said.row_index, said.quota_remaining) == (3, 0)
    assert said.resets_at == datetime.datetime(2026, 1, 15, 8, tzinfo=datetime.UTC)
    odd = read_envelope({"error": {"row_index": -1, "quota_remaining": "many", "resets_at": "soon"}})
    assert (odd.row_index, odd.quota_remaining, odd.resets_at) == (None, None, None)
    assert read_envelope({"error": {"resets_at": 1e300, "row_index": float("inf")}}).resets_at is None


def test_the_contact_of_a_duplicate_is_kept():
    body = {"statusCode": 400, "message": "duplicated", "meta": {"contactId": "c_9"}}
    assert refusal("ghl", ghl.UPSERT, 400, body, {}).contact_id == "c_9"


def test_messages_hold_no_personal_data():
    told = mask(
        "jane.roe@acme.com at https://www.linkedin.com/in/janeroe or linkedin.com/in/janeroe, "
        "+1 (415) 555-1234: "
        'value "Jane Roe" of column "email_work" refused\x00\n' + "x" * 400
    )
    for secret in ("jane", "Jane", "415", "acme", "janeroe"):
        assert secret not in told
    assert '"email_work"' in told
    assert len(told) == 200


def test_an_error_survives_pickling_and_tells_no_headers_but_limits():
    headers = {"retry-after": "7", "set-cookie": "s=1", "X-RateLimit-Remaining": "0"}
    error = refusal("ghl", ghl.GET, 429, FLAT, headers)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), again.retry_after, str(again)) == (RateLimited, 7.0, str(error))
    assert again.headers == {"retry-after": "7", "x-ratelimit-remaining": "0"}
    assert str(again) == "ghl get_contact: 429 Bad Request some words"


def test_retry_after_is_seconds_or_a_date():
    assert read_retry_after("1.5") == 1.5
    assert read_retry_after("Wed, 01 Jan 2020 00:00:00 GMT") == 0.0
    assert read_retry_after("Wed, 01 Jan 2120 00:00:00 GMT") == 86_400.0
    assert [read_retry_after(odd) for odd in (None, "", "soon", "nan")] == [None] * 4


def test_decoding_never_raises_and_gives_what_postgresql_can_store():
    assert decode(b'{"a": NaN, "b": "x\\u0000y", "c": ["\\ud800"]}') == {
        "a": None,
        "b": "x\ufffdy",
        "c": ["\ufffd"],
    }
    assert decode(b'{"emoji": "\\ud83d\\ude00"}') == {"emoji": "\N{GRINNING FACE}"}
    assert decode(b"  ") is None
    for nonsense in (b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a":'):
        assert decode(nonsense) is UNREADABLE


@pytest.mark.parametrize(
    ("call", "body", "recovery"),
    [
        (clay.GET_ROW, {"error": {"code": "timeout"}}, Recovery.DELAY),
        (clay.GET_ROW, UNREADABLE, Recovery.DELAY),
        (clay.TRIGGER, {"error": {"code": "timeout"}}, Recovery.READ_BACK),
        (clay.TRIGGER, {"error": {"provider": "apollo"}}, Recovery.NEXT_PROVIDER),
    ],
)
def test_a_504_that_names_no_data_provider_is_the_vendors_own(call, body, recovery):
    assert refusal("clay", call, 504, body, {}).recovery == recovery


@pytest.mark.parametrize(
    ("vendor", "call", "words", "recovery"),
    [
        ("clay", clay.TRIGGER, "quota exceeded", Recovery.PAUSE),
        ("clay", clay.TRIGGER, "no credits left", Recovery.CREDITS),
        ("instantly", instantly.ADD, "a paid plan is needed", Recovery.CREDITS),
        ("ghl", ghl.UPSERT, "daily limit reached", Recovery.PAUSE),
    ],
)
def test_a_403_about_credits_is_none_about_a_quota(vendor, call, words, recovery):
    error = refusal(vendor, call, 403, {"error": {"message": words}}, {})
    assert (type(error), error.recovery) == (Paused, recovery)


def test_a_code_that_is_the_status_is_said_once():
    assert str(refusal("clay", clay.TRIGGER, 402, {"error": {"code": 402}}, {})) == "clay trigger_enrichment: 402"
