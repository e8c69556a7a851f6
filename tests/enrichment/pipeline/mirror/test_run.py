"""The status of an enriched lead, and how what Clay says of a run is read."""

from typing import Any

import pytest

from enrichment.models import Lead
from enrichment.pipeline.mirror.run import RunError, status_of
from enrichment.vendors.errors import Misconfigured, Paused, Recovery, VendorError


def told(**values: Any) -> RunError:
    error = RunError.read(values)
    assert error is not None
    return error


FAILED = told(code=502, provider="apollo")


@pytest.mark.parametrize(
    ("found", "error", "status"),
    [
        ({"email_work": "a@acme.example", "company_size": 250}, None, "completed"),
        ({"email_work": "a@acme.example", "company_size": 250}, FAILED, "completed"),
        ({"email_work": "a@acme.example", "company_size": 0}, None, "completed"),  # a size, if an odd one
        ({"email_personal": "a@home.example", "company_size": 1}, None, "completed"),
        ({"email_work": "a@acme.example", "phone": "+14155551234"}, FAILED, "partial"),
        ({"email_personal": "a@home.example"}, None, "partial"),
        ({"phone": "+14155551234", "company_size": 250}, None, "partial"),
        ({"phone": "+14155551234"}, FAILED, "partial"),
        ({"company_size": 250, "title": "CEO"}, FAILED, "failed"),
        ({"company_size": 250}, None, "unenrichable"),
        ({}, told(code=404), "unenrichable"),
        ({}, FAILED, "failed"),
    ],
)
def test_what_was_found_decides_and_then_the_error(found, error, status):
    assert status_of(Lead(**found), error) == status


@pytest.mark.parametrize("nothing", [None, "", "  ", {}, [], 5, ["timeout"]])
def test_no_error_is_none(nothing):
    assert RunError.read(nothing) is None


@pytest.mark.parametrize(
    ("code", "recovery"),
    [
        (402, Recovery.CREDITS),
        ("402", Recovery.CREDITS),
        (" 429 ", Recovery.BACKOFF),
        ("rate_limit", Recovery.BACKOFF),
        ("rate_limited", Recovery.BACKOFF),
        ("Provider_Timeout", Recovery.NEXT_PROVIDER),
        ("timeout", Recovery.NEXT_PROVIDER),
        ("invalid_input", Recovery.SET_ASIDE),
        ("authentication", Recovery.REFRESH_KEY),
        ("unauthorized", Recovery.REFRESH_KEY),
        ("provider_error", Recovery.DELAY),
        ("not_found", Recovery.UNENRICHABLE),
        ("quota_exceeded", Recovery.PAUSE),
        ("credits_exhausted", Recovery.CREDITS),
        ("0402", Recovery.NEEDS_PERSON),  # no status has four digits
        ("40", Recovery.NEEDS_PERSON),
        ("599", Recovery.NEEDS_PERSON),
        ("no idea", Recovery.NEEDS_PERSON),
        (None, Recovery.NEEDS_PERSON),
    ],
)
def test_a_code_or_its_word_says_what_happens_next(code, recovery):
    assert told(code=code, message="x").recovery == recovery


def test_a_time_out_is_a_providers_only_where_one_is_named_or_the_word_says_so():
    assert told(code=504).recovery == Recovery.DELAY
    assert told(code=504, provider="apollo").recovery == Recovery.NEXT_PROVIDER
    assert told(code="timeout").recovery == Recovery.NEXT_PROVIDER
    assert told(code=402, provider="").recovery == Recovery.CREDITS


def test_what_it_says_is_kept_short_and_without_personal_data():
    error = told(code="  c" + "x" * 60, message="refused a@acme.example", provider=" Apollo" + "o" * 60)
    assert error.code == "c" + "x" * 39
    assert error.message == "refused [e-mail]"
    assert error.provider == "apollo" + "o" * 34
    assert error.sentence == f"{error.code} refused [e-mail]"
    assert told(message="only this").sentence == "only this"
    assert len(RunError(Recovery.DELAY, "c" * 40, "m" * 400, "").sentence) == 300
    assert told(code=500, provider={"a": 1}).provider == ""
    bare = RunError.read("a bare text")
    assert bare is not None
    assert (bare.message, bare.code) == ("a bare text", "")


def test_of_what_is_no_text_the_beginning_is_said():
    assert told(code=[1], message={"why": ["x"] * 1000}).message.startswith("{")
    assert told(code=500, message=0).message == ""
    assert told(code=500, message=[]).message == ""
    assert len(told(message=["x" * 10_000] * 100).message) <= 200


@pytest.mark.parametrize(
    ("code", "kind"), [(401, Misconfigured), (402, Paused), (403, Paused), (429, None), (500, None), (404, None)]
)
def test_clays_own_key_and_quota_stop_its_service_and_a_providers_do_not(code, kind):
    stop = told(code=code, message="no more").stop()
    assert type(stop) is (kind or type(None))
    assert told(code=code, provider="apollo").stop() is None
    if isinstance(stop, VendorError):
        assert (stop.vendor, stop.call, stop.code, stop.message) == ("clay", "enrichment", str(code), "no more")
        assert stop.recovery == told(code=code).recovery
