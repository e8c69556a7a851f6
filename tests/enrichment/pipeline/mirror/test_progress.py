"""How far a run came, read from what Clay told of it."""

from collections import Counter

import pytest

from enrichment.models import Attempt, WaterfallVersion
from enrichment.pipeline.mirror.run import Reader, failures
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
FIELDS = {
    "apollo": ["email_work"],
    "hunter": ["email_work"],
    "cognism": ["phone"],
    "lusha": ["phone"],
    "crunchbase": ["funding_stage"],
    "builtwith": ["tech_stack"],
    "wappalyzer": ["tech_stack"],
    "clearbit": ["company_size"],
}


def attempt(*calls, **values):
    """A run; "apollo" is its hit, "-apollo" its miss, "apollo:email_personal" a hit of that field."""
    told = []
    for call in calls:
        slug, _, field = call.strip("-").partition(":")
        fields = [] if call.startswith("-") else [field] if field else FIELDS[slug]
        told.append({"name": slug, "fields": fields, "timestamp": "2026-01-15T10:00:00+00:00", "cost": "0.01"})
    return Attempt.objects.create(lead=LeadFactory(), waterfall=WaterfallVersion.active(), providers=told, **values)


def read(*calls, broke_off_at=None, **values):
    return Reader().of(attempt(*calls, **values), broke_off_at=broke_off_at)


def test_a_run_that_broke_off_in_its_third_waterfall_has_bought_the_first_two():
    found = read("apollo", "-cognism", "lusha", "clearbit:company_size", broke_off_at="crunchbase")
    assert found.finished == ["email", "phone"]
    assert found.answered == {"company": ["clearbit"]}
    assert found.remaining == {"crunchbase", "builtwith", "wappalyzer"}
    assert found.calls == Counter(apollo=1, cognism=1, lusha=1, clearbit=1, crunchbase=1)


def test_who_missed_is_not_asked_again_and_who_was_not_reached_is():
    found = read("-apollo", "-hunter", broke_off_at="pdl")
    assert found.answered == {"email": ["apollo", "hunter"]}
    assert {"clearbit", "pdl", "snovio", "cognism"} <= found.remaining


def test_a_personal_address_alone_does_not_end_the_e_mail_waterfall():
    found = read("apollo:email_personal", broke_off_at="hunter")
    assert (found.finished, found.answered) == ([], {"email": ["apollo"]})


def test_a_run_that_ended_well_asked_everybody_although_misses_are_not_told():
    """Some tables tell no misses: then whom a whole run has asked is known from its document."""
    found = read("hunter", "lusha", "clearbit:company_size", "builtwith")
    assert (found.finished, found.remaining) == (["email", "phone"], frozenset())
    assert found.calls == Counter(
        apollo=1, hunter=1, cognism=1, lusha=1, clearbit=1, crunchbase=1, builtwith=1, wappalyzer=1
    )


def test_what_an_earlier_run_brought_is_carried_on():
    found = read(
        "crunchbase", "-builtwith", broke_off_at="wappalyzer", without=["email", "phone"],
        answered={"company": ["clearbit"]},
    )  # fmt: skip
    assert found.finished == ["email", "phone"]
    assert found.answered == {"company": ["clearbit", "crunchbase"], "techstack": ["builtwith"]}
    assert found.remaining == {"wappalyzer"}


def test_of_a_provider_in_two_waterfalls_the_answer_is_the_ones_that_it_fits():
    found = read("-apollo", "-hunter", "clearbit:email_work", "lusha", broke_off_at="clearbit")
    assert found.finished == ["email", "phone"]
    assert "clearbit" in found.remaining
    assert found.calls["clearbit"] == 2  # the call that failed is told by the error alone


def test_a_run_of_which_nothing_is_told_has_everything_left():
    found = read(broke_off_at="")
    assert (found.finished, found.answered, found.calls) == ([], {}, Counter())
    assert len(found.remaining) == 10


def test_failures_are_counted_by_provider():
    ended = [
        attempt(provider="apollo", status="failed"),
        attempt(),
        attempt(provider="apollo", status="abandoned"),
    ]
    assert failures(ended) == {"apollo": 2}
