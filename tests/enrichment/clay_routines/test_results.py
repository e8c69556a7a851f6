import datetime

import pytest

from enrichment.clay_routines.results import MOST_NAMES, OTHER_NAMES, read
from enrichment.clay_routines.setup import RoutineSetup
from enrichment.vendors.clay.callback import KnownProvider
from enrichment.vendors.clay.wire import RunResult

URL = "https://www.linkedin.com/in/ada"
AT = datetime.datetime(2026, 12, 1, 9, tzinfo=datetime.UTC)
KNOWN = {"apollo.io": KnownProvider("apollo", frozenset({"email_work"}))}


def outcome(result=None, *, status="complete", error="", outputs=None):
    setup = RoutineSetup("function:t", outputs=outputs or {})
    return read(RunResult("ref-1", status, result or {}, error), setup, linkedin_url=URL, at=AT, known=KNOWN)


def test_values_come_under_our_columns_and_costs_under_their_providers():
    got = outcome(
        {
            "work_email": "ada@acme.example",
            "employees": "250",
            "tech_stack": "a, b",
            "email_provider": "Apollo.io",
            "cost": "0.05",
            "shoe size": 42,
        }
    )
    assert got.error is None
    values = got.row.values
    assert (values["email_work"], values["company_size"], values["tech_stack"]) == ("ada@acme.example", "250", "a, b")
    assert values["linkedin_url"] == URL
    (used,) = got.row.raw["providers_used"]
    assert (used["name"], used["fields_enriched"], used["cost"]) == ("apollo", ["email_work"], "0.0500")
    assert used["timestamp"] == AT.isoformat()
    assert got.row.raw[OTHER_NAMES] == ["shoe size"]


def test_a_mapping_decides_what_counts():
    got = outcome({"mail": "ada@acme.example", "phone": "+14155551234"}, outputs={"mail": "email_personal"})
    assert got.row.values["email_personal"] == "ada@acme.example"
    assert "phone" not in got.row.values
    assert got.row.raw[OTHER_NAMES] == ["phone"]


def test_our_own_name_wins_over_one_that_is_guessed():
    got = outcome({"email": "info@acme.example", "email_work": "ada@acme.example"})
    assert got.row.values["email_work"] == "ada@acme.example"


def test_objects_within_a_result_are_read():
    got = outcome({"person": {"email": "ada@acme.example"}, "company": {"industry": "SaaS"}})
    assert (got.row.values["email_work"], got.row.values["company_industry"]) == ("ada@acme.example", "SaaS")


def test_a_huge_or_deep_result_is_bounded():
    deep = {}
    for _ in range(50):
        deep = {"a": deep}
    got = outcome({"deep": deep, **{f"n{n}": n for n in range(5 * MOST_NAMES)}})
    assert len(got.row.raw[OTHER_NAMES]) == 40


def test_empty_fields_are_no_error():
    got = outcome({"email_work": "", "phone": None, "company_size": "N/A"})
    assert (got.error, set(got.row.values) - {"linkedin_url", "enriched_at"}) == (None, set())


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("failed", "Waterfall crashed", {"message": "Waterfall crashed"}),
        ("failed", "", {"message": "Clay gave no reason"}),
        ("failed", "No result found", {"message": "No result found", "code": "not_found"}),
        ("failed", "Person not found", {"message": "Person not found", "code": "not_found"}),
        ("skipped", "", {"message": "Clay ended this item as skipped, which is no success"}),
        ("", "", {"message": "Clay ended this item as nothing, which is no success"}),
        ("Complete", "", {"message": "Clay ended this item as Complete, which is no success"}),
    ],
)
def test_only_complete_is_success(status, error, expected):
    assert outcome(status=status, error=error).error == expected


def test_an_error_in_a_result_counts_where_it_is_mapped():
    assert outcome({"error": "Quota reached"}).error == {"message": "Quota reached"}


@pytest.mark.parametrize(
    ("told", "other"),
    [
        ("https://linkedin.com/in/Ada/", False),
        ("https://linkedin.com/in/bo", True),
        ("no address", False),
        ("", False),
    ],
)
def test_another_person_s_profile_is_told(told, other):
    assert outcome({"linkedin_url": told, "email_work": "x@acme.example"}).other_person is other
