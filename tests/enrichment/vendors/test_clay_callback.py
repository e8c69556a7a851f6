"""What a table's HTTP API column posts, read: texts, gaps, errors, who answered and what it cost."""

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.vendors.clay.callback import Callback, KnownProvider, NotARow, read

AT = datetime.datetime(2026, 11, 30, 12, 0, tzinfo=datetime.UTC)
APOLLO = KnownProvider("apollo", frozenset({"email_work"}))
HUNTER = KnownProvider("hunter", frozenset({"email_work", "email_personal"}))
KNOWN = {"apollo": APOLLO, "hunter": HUNTER, "hunter.io": HUNTER}


def row(**document: Any) -> Callback:
    return read(json.dumps({"swarm_ref": "ref-1", **document}).encode(), AT, KNOWN)


def providers(callback: Callback) -> dict[str, tuple[list[str], str | None]]:
    return {each["name"]: (each["fields_enriched"], each.get("cost")) for each in callback.row.raw["providers_used"]}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"nonsense", b'"text"', b"{}", b'{"title": "CEO"}', b"\xff\xfe"])
def test_what_names_neither_a_run_nor_a_person_is_no_row(body: bytes):
    with pytest.raises(NotARow):
        read(body, AT, KNOWN)


def test_values_come_as_they_are_and_empty_ones_are_missing():
    callback = row(email_work="ada@acme.example", title="", phone=None, company_size="250", unknown="x")
    assert callback.reference == "ref-1"
    assert callback.columns == {"email_work", "company_size"}
    assert callback.row.values["company_size"] == "250"
    assert "unknown" not in callback.row.raw
    assert callback.row.id == ""


def test_a_run_without_a_time_is_as_late_as_its_callback():
    assert row().row.values["enriched_at"] == AT.isoformat()
    assert row(enriched_at="rubbish").row.values["enriched_at"] == AT.isoformat()
    told = row(enriched_at="2026-11-29T08:00:00Z").row.values["enriched_at"]
    assert told == "2026-11-29T08:00:00+00:00"


def test_providers_are_known_by_slug_or_name_and_filled_what_they_can():
    callback = row(email_work="a@acme.example", email_personal="b@mail.example", email_provider="Hunter.io, Newcomer")
    assert providers(callback) == {
        "hunter": (["email_personal", "email_work"], None),
        "newcomer": (["email_personal", "email_work"], None),
    }
    assert providers(row(email_work="a@acme.example", email_provider="apollo")) == {"apollo": (["email_work"], None)}
    assert providers(row(email_provider="apollo")) == {"apollo": ([], None)}


def total(callback: Callback) -> Decimal:
    return sum((Decimal(each.get("cost", "0")) for each in callback.row.raw["providers_used"]), Decimal(0))


def test_a_total_is_told_in_whole_whoever_answered():
    both = row(email_work="a@acme.example", email_provider="apollo", phone_provider="lusha", cost="0.3101")
    assert total(both) == Decimal("0.3101")
    assert total(row(cost="$1.25")) == Decimal("1.25")
    assert providers(row(cost="1.25")) == {"clay": ([], "1.2500")}
    parts = row(email_provider="apollo, hunter", email_cost="0.1", phone_cost="0.2", cost="0.5")
    assert total(parts) == Decimal("0.5")
    assert providers(parts)["apollo"][1] == "0.1000"
    assert providers(parts)["hunter"][1] == "0"


@pytest.mark.parametrize("cost", ["", None, True, "free", "-1", "NaN", "1e9", [], {}])
def test_what_is_no_cost_is_left_to_the_catalogue(cost: Any):
    assert providers(row(email_work="a@acme.example", email_provider="apollo", cost=cost)) == {
        "apollo": (["email_work"], None)
    }


def test_cells_in_error_and_columns_that_did_not_run():
    callback = row(
        _errors={"title": "Rate limited by provider", "nonsense": "x", "phone": ""},
        _status={"tech_stack": "queued", "title": "error", "phone": "empty", "email_work": "success"},
    )
    assert callback.cell_errors == {"title": "Rate limited by provider"}
    assert callback.not_run == ("tech_stack",)
    assert callback.trouble == "title: Rate limited by provider"
    assert row(error="No credits left").trouble == "No credits left"
    assert row(_status={"phone": "running"}).trouble == "phone did not run"
    assert row().trouble == ""


def test_a_person_without_our_reference():
    callback = read(b'{"linkedin_url": "https://www.linkedin.com/in/ada"}', AT, KNOWN)
    assert (callback.reference, callback.linkedin_url) == ("", "https://www.linkedin.com/in/ada")


plain = st.none() | st.booleans() | st.floats() | st.text(max_size=30)
values = plain | st.lists(plain, max_size=3) | st.dictionaries(st.sampled_from(["title", "phone", "x"]), plain)
names = st.sampled_from(
    ["swarm_ref", "linkedin_url", "email_work", "email_provider", "cost", "email_cost", "_status", "_errors", "error"]
)


@given(st.dictionaries(names, values, max_size=6))
def test_whatever_a_template_writes_is_a_row_or_none(document: dict[str, Any]):
    try:
        callback = read(json.dumps(document).encode(), AT, KNOWN)
    except NotARow:
        return
    assert callback.reference or callback.linkedin_url
    assert len(callback.error) <= 300
    json.dumps(callback.row.raw, allow_nan=True)
