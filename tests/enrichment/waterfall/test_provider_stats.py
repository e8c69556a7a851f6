"""What is read out of the attempts ledger, against ledgers counted by hand."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from enrichment.documents.waterfall import PUBLISHED
from enrichment.models import WaterfallVersion
from enrichment.waterfall.provider_stats import Count, ProviderStats, Segment, provider_stats, read_stats
from tests.enrichment.waterfall.runs import attempt, attempts
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


def asked(seen: ProviderStats, kind: str, slug: str, value: str | None = None) -> tuple[int, int]:
    count = seen.of(kind, slug, value)
    return count.asked, count.hits


def test_an_empty_ledger() -> None:
    seen = read_stats()
    assert (seen.attempts, seen.counts, seen.unclear, seen.tells_misses) == (0, {}, 0, True)
    assert seen.of("email", "apollo") == Count()


def test_hits_and_misses_by_hand() -> None:
    attempt("apollo", "cognism")
    attempt("apollo", "-cognism", "lusha")
    attempt("-apollo", "hunter", "-cognism", "-lusha")
    attempt("-apollo", "-hunter")
    seen = read_stats()
    assert seen.attempts == 4
    assert asked(seen, "email", "apollo") == (4, 2)
    assert asked(seen, "email", "hunter") == (2, 1)
    assert asked(seen, "phone", "cognism") == (3, 1)
    assert asked(seen, "phone", "lusha") == (2, 1)
    assert asked(seen, "email", "clearbit") == (0, 0)
    assert seen.tells_misses


def test_who_was_asked_before_is_known_and_not_how_the_row_listed_them() -> None:
    attempts(3, "-apollo", "-hunter", ("pdl", ["email_work"], 0.04))
    attempts(2, ("pdl", ["email_work"], 0.04), "-apollo")  # as Clay lists them; the document has Apollo first
    after = read_stats().after("email", "pdl")
    assert {before: (count.asked, count.hits) for before, count in after.items()} == {
        frozenset({"apollo", "hunter"}): (3, 3),
        frozenset({"apollo"}): (2, 2),
    }


def test_a_personal_address_is_found_and_ends_nothing_where_a_work_address_is_preferred() -> None:
    attempt(("apollo", ["email_personal"], 0.03), "hunter")
    apollo = read_stats().of("email", "apollo")
    assert (apollo.asked, apollo.hits, apollo.ends) == (1, 1, 0)
    document = PUBLISHED | {"waterfall_email": {**PUBLISHED["waterfall_email"], "prefer_work_email": False}}
    other = WaterfallVersion.objects.create(number=2, status="superseded", document=document)
    attempt(("apollo", ["email_personal"], 0.03), waterfall=other)
    apollo = read_stats().of("email", "apollo")
    assert (apollo.asked, apollo.hits, apollo.ends) == (2, 2, 1)


# ------------------------------------------------------------------ a provider of two waterfalls (Clearbit)


def test_what_was_found_says_which_waterfall_asked() -> None:
    attempt("-apollo", "-hunter", ("clearbit", ["email_work"], 0.05), ("clearbit", ["company_size"], 0))
    attempt("apollo", ("clearbit", ["company_size"], 0))
    seen = read_stats()
    assert asked(seen, "email", "clearbit") == (1, 1)
    assert asked(seen, "company", "clearbit") == (2, 2)


def test_one_entry_may_answer_both() -> None:
    attempt("-apollo", ("clearbit", ["email_work", "company_size"], 0.05))
    seen = read_stats()
    assert asked(seen, "email", "clearbit") == asked(seen, "company", "clearbit") == (1, 1)
    assert seen.of("email", "clearbit").priced == 0  # whose the five cents are cannot be told


def test_a_miss_belongs_to_the_waterfall_that_had_reason_to_ask() -> None:
    attempt("apollo", "-clearbit")  # Apollo ended the e-mails: it was the company data
    seen = read_stats()
    assert asked(seen, "company", "clearbit") == (1, 0)
    assert asked(seen, "email", "clearbit") == (0, 0)
    attempt("-apollo", "-hunter", "-clearbit", ("clearbit", ["company_size"], 0))
    seen = read_stats()
    assert asked(seen, "email", "clearbit") == (1, 0)
    assert asked(seen, "company", "clearbit") == (2, 1)


def test_two_misses_are_one_of_each_and_one_alone_is_unclear() -> None:
    attempt("-apollo", "-hunter", "-clearbit", "-clearbit")
    seen = read_stats()
    assert asked(seen, "email", "clearbit") == asked(seen, "company", "clearbit") == (1, 0)
    assert seen.unclear == 0
    attempts(3, "-apollo", "-hunter", "-clearbit")
    seen = read_stats()
    assert asked(seen, "email", "clearbit") == (1, 0)
    assert seen.unclear == 3


def test_a_waterfall_that_was_left_out_asked_nobody() -> None:
    attempt("-apollo", "-hunter", "-clearbit", without=["company"])
    assert asked(read_stats(), "email", "clearbit") == (1, 0)


# ------------------------------------------------------------------ what counts


def test_what_no_waterfall_asks_counts_for_nothing() -> None:
    attempt("linkedin", "-linkedin", ("hubspot", ["email_work"], 1), "apollo", ("apollo", ["title"], 0))
    seen = read_stats()
    assert {key[1:3] for key in seen.counts} == {("email", "apollo")}


def test_a_fill_in_counts_and_says_nothing_about_the_place() -> None:
    attempt("builtwith", only_providers=["builtwith"])
    attempt("builtwith", "-wappalyzer")
    seen = read_stats()
    assert asked(seen, "techstack", "builtwith") == (2, 2)
    assert sum(count.asked for count in seen.after("techstack", "builtwith").values()) == 1


def test_only_finished_attempts_and_of_them_the_newest() -> None:
    attempt("-apollo")
    attempt("apollo")
    attempt("apollo")
    attempt("-apollo", finished_at=None, status="running")
    assert asked(read_stats(), "email", "apollo") == (3, 2)
    assert asked(read_stats(newest=2), "email", "apollo") == (2, 2)
    attempt("-apollo", finished_at=timezone.now() - datetime.timedelta(days=400))
    assert asked(read_stats(newest=3), "email", "apollo") == (3, 2)


def test_an_entry_without_a_part_spoils_its_own_run_only() -> None:
    odd = attempt("apollo")
    odd.providers = [{"name": "apollo", "fields": ["email_work"]}]
    odd.save(update_fields=["providers"])
    attempt("-apollo")
    seen = read_stats()
    assert asked(seen, "email", "apollo") == (1, 0)
    assert seen.attempts == 2


def test_costs_are_summed_and_paid_misses_counted() -> None:
    attempts(2, ("cognism", ["phone"], "0.1000"))
    attempt(("cognism", [], "0.0500"))
    cognism = read_stats().of("phone", "cognism")
    assert (cognism.asked, cognism.hits, cognism.priced, cognism.priced_hits, cognism.paid_misses) == (
        3,
        2,
        3,
        2,
        1,
    )
    assert cognism.cost == pytest.approx(0.25)


def test_where_no_miss_was_ever_told_it_is_said() -> None:
    attempts(40, "apollo")
    assert not read_stats().tells_misses
    attempt("-apollo")
    assert read_stats().tells_misses


# ------------------------------------------------------------------ segments


@pytest.mark.parametrize(
    ("segment", "field", "told"),
    [
        (
            Segment.SIZE,
            "company_size",
            {None: "not known", 0: "not known", 49.5: "under 50", 50: "50 to 99", 199: "100 to 199",
             200: "200 to 2,000", 2000: "200 to 2,000", 2001: "2,001 to 5,000",
             5000: "2,001 to 5,000", 5001: "over 5,000"},
        ),
        (
            Segment.COUNTRY,
            "company_location",
            {"San Francisco, CA": "United States", "Berlin, Germany": "Germany", "London, UK": "United Kingdom",
             "": "not known", "The Moon": "not known"},
        ),
    ],
)  # fmt: skip
def test_leads_are_told_apart(segment: Segment, field: str, told: dict[Any, str]) -> None:
    for value in told:
        attempt("apollo", lead=EnrichedLeadFactory(**{field: value}))
    seen = read_stats(segment)
    expected: dict[str, int] = {}
    for name in told.values():
        expected[name] = expected.get(name, 0) + 1
    assert dict(seen.sizes) == expected
    assert {name: asked(seen, "email", "apollo", name)[0] for name in expected} == expected
    assert asked(seen, "email", "apollo") == (len(told), len(told))


def test_by_source_with_the_most_frequent_first() -> None:
    attempts(2, "apollo", source_type="post_liker")
    attempt("-apollo", source_type="event_attendee")
    seen = read_stats(Segment.SOURCE)
    assert seen.values() == ["Post liker", "Event attendee"]
    assert asked(seen, "email", "apollo", "Post liker") == (2, 2)
    assert asked(seen, "email", "apollo", "Event attendee") == (1, 0)
    assert asked(seen, "email", "apollo") == (3, 2)


def test_the_ledger_is_kept_for_some_seconds() -> None:
    attempt("-apollo")
    first = provider_stats()
    attempt("apollo")
    assert provider_stats().counts == first.counts
    assert asked(read_stats(), "email", "apollo") == (2, 1)
