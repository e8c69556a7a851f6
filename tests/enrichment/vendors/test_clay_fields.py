"""Types from outside (D24), the way they come."""

import datetime

import pytest
from django.utils import timezone

from enrichment.vendors.clay.fields import normalise
from enrichment.vendors.reading import Unreadable, moment

NOVEMBER = datetime.datetime(2025, 11, 30, 9, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("company_size", "250", 250),
        ("company_size", "1,200", 1200),
        ("company_size", 99.5, 99.5),
        ("company_size", 0, 0),
        ("company_size", "10,000,000", 10_000_000),
        ("tech_stack", "Salesforce, Gong", ["Salesforce", "Gong"]),
        ("tech_stack", '["Salesforce", "Gong"]', ["Salesforce", "Gong"]),
        ("tech_stack", ["Salesforce", "", None, "Gong"], ["Salesforce", "Gong"]),
        ("email_work", " John@ACME.com ", "john@acme.com"),
        ("phone", "(415) 555-1234", "+14155551234"),
        ("phone", "+49 30 901820", "+4930901820"),
        ("company_domain", "https://www.Acme.com/about?x=1", "acme.com"),
        ("linkedin_connections", "500", 500),
        ("title", "VP\x00 of Sales", "VP of Sales"),
        ("title", "broken \ud83d surrogate", "broken surrogate"),
        ("recent_posts", "one post", ["one post"]),
        ("tech_stack", "Salesforce | HubSpot | Gong", ["Salesforce", "HubSpot", "Gong"]),
        ("tech_stack", ["Gong", "N/A", "null"], ["Gong"]),
        ("enriched_at", "2025-11-30 09:30:00 UTC", NOVEMBER),
        ("enriched_at", "Sun, 30 Nov 2025 09:30:00 GMT", NOVEMBER),
        ("enriched_at", "Sun, 30 Nov 2025 10:30:00 +0100", NOVEMBER),
        ("enriched_at", 1764495000, NOVEMBER),
    ],
)
def test_values_are_read(column, given, expected):
    values, unreadable = normalise({column: given}, "US")
    assert (values, unreadable) == ({column: expected}, {})


@pytest.mark.parametrize("given", ["", "  ", None, [], {}, "null", "undefined", "N/A", "None", "NaN", "-", "{{x}}"])
@pytest.mark.parametrize("column", ["company_size", "tech_stack", "email_work", "title"])
def test_nothing_is_missing_and_not_a_conflict(column, given):
    assert normalise({column: given}, "US") == ({}, {})


@pytest.mark.parametrize(
    ("column", "given"),
    [
        ("email_personal", "null@null.com"),
        ("email_work", "null@acme.com"),
        ("email_work", "Undefined.Undefined@acme.com"),
        ("email_work", "no-email@acme.com"),
        ("email_work", "ada@undefined.com"),
        ("company_location", "null, null"),
        ("company_location", "undefined, N/A"),
        ("tech_stack", "null, null"),
    ],
)
def test_nothing_put_together_with_something_of_ours_is_nothing(column, given):
    assert normalise({column: given}, "US") == ({}, {})


@pytest.mark.parametrize("given", ["nil@acme.com", "nan.goldin@acme.com", "ada@nullmann.de", "none-such@acme.com"])
def test_a_name_that_is_like_nothing_is_an_address(given):
    assert normalise({"email_work": given}, "US") == ({"email_work": given}, {})


@pytest.mark.parametrize(
    ("column", "given"),
    [
        ("company_size", "51-200"),
        ("company_size", True),
        ("company_size", "2_50"),
        ("company_size", "\uff12\uff15\uff10"),
        ("company_size", "1.200"),
        ("company_size", "9" * 5000),
        ("company_size", "2,5"),
        ("company_size", "1.234,5"),
        ("company_domain", "[acme.com]"),
        ("tech_stack", "[1e400]"),
        ("tech_stack", "[" * 5000),
        ("enriched_at", "0001-01-01T00:00:00+14:00"),
        ("company_size", float("inf")),
        ("company_size", -5),
        ("company_size", 1e308),
        ("company_size", "1e308"),
        ("company_size", 10_000_001),
        ("icp_score", 1e308),
        ("company_size", {"value": 5}),
        ("email_work", "not an address"),
        ("email_work", "noreply@acme.com"),
        ("email_personal", "Do-Not-Reply+7@acme.com"),
        ("phone", "call me"),
        ("phone", "12"),
        ("company_domain", "no domain"),
        ("linkedin_connections", "500+"),
        ("title", {"text": "VP"}),
        ("tech_stack", 5),
        ("company_revenue", "x" * 101),
        ("enriched_at", "yesterday"),
    ],
)
def test_what_cannot_be_read_is_a_conflict_of_that_field_only(column, given):
    values, unreadable = normalise({column: given, "funding_stage": "Series B"}, "US")
    assert values == {"funding_stage": "Series B"}
    assert list(unreadable) == [column]


def test_unknown_columns_are_left_to_the_raw_row():
    assert normalise({"shoe_size": 43}, "US") == ({}, {})


def test_a_naive_time_is_utc_and_a_future_one_is_now():
    assert moment("2026-01-15T10:00:00") == datetime.datetime(2026, 1, 15, 10, tzinfo=datetime.UTC)
    assert moment("2026-01-15T12:00:00+02:00") == datetime.datetime(2026, 1, 15, 10, tzinfo=datetime.UTC)
    ahead = timezone.now() + datetime.timedelta(hours=1)
    assert moment(ahead.isoformat()) < ahead
    slightly = timezone.now() + datetime.timedelta(minutes=4)
    assert moment(slightly.isoformat()) == slightly
    for broken in ("", None, "x", True, 1e300, float("nan")):
        with pytest.raises(Unreadable):
            moment(broken)
