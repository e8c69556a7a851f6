"""Whoever is looked for is found: in any spelling, by address, number, id, and by no punctuation at all."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from enrichment.models import Lead, lead_search
from enrichment.models.lead_search import fold, spellings
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
URL = "https://www.linkedin.com/in/"


@pytest.fixture
def people() -> dict[str, Lead]:
    return {
        "müller": LeadFactory(first_name="Anna", last_name="Müller", linkedin_url=f"{URL}a-m"),
        "mueller": LeadFactory(first_name="Uwe", last_name="Mueller", linkedin_url=f"{URL}u-m"),
        "peña": LeadFactory(first_name="José", last_name="Peña", linkedin_url=f"{URL}j-p"),
        "żak": LeadFactory(first_name="Łukasz", last_name="Żak", linkedin_url=f"{URL}l-z"),
        "groß": LeadFactory(first_name="Ina", last_name="Groß", linkedin_url=f"{URL}i-g"),
        "o'brien": LeadFactory(first_name="Jean", last_name="O\u2019Brien", linkedin_url=f"{URL}j-o"),
        "søren": LeadFactory(first_name="Søren", last_name="Ås", linkedin_url=f"{URL}s-a"),
        "milan": LeadFactory(
            first_name="Milan",
            last_name="Fischer",
            linkedin_url=f"{URL}milan-fischer-0079",
            phone="+491701234567",
            email_work="milan@copper.example",
            clay_row_id="row_abc123",
            ghl_contact_id="ocQHyuzHvysMo5N5VsXc",
            instantly_lead_id="019b7c2e-1f6d-7c11-8d3b-5f0e2a9d4c10",
            company_name="Copper Logistics",
            company_domain="copper.example",
        ),
    }


FOUND = (
    ("Muller", "müller"), ("Mueller", "müller"), ("Müller", "müller"), ("müll", "müller"), ("MÜLLER", "müller"),
    ("Mu\u0308ller", "müller"), ("Müller", "mueller"), ("Mueller", "mueller"), ("Jose", "peña"), ("Pena", "peña"),
    ("José Peña", "peña"), ("pena jos", "peña"), ("Lukasz", "żak"), ("Zak", "żak"), ("Łukasz", "żak"),
    ("Gross", "groß"), ("Groß", "groß"), ("O'Brien", "o'brien"), ("O\u2019Brien", "o'brien"), ("obri", ""),
    ("brien", "o'brien"), ("Soeren", "søren"), ("Soren", "søren"), ("Aas", "søren"),
    (f"{URL}milan-fischer-0079", "milan"), ("linkedin.com/in/milan-fischer-0079", "milan"),
    ("https://de.linkedin.com/in/Milan-Fischer-0079/?trk=x", "milan"), ("milan-fischer-0079", "milan"),
    ("milan-fischer", "milan"), ("+49 170 1234567", "milan"), ("0170 1234567", "milan"), ("0170/123-45 67", "milan"),
    ("0049 (170) 1234567", "milan"), ("1234567", "milan"), ("row_abc123", "milan"),
    ("ocQHyuzHvysMo5N5VsXc", "milan"), ("019b7c2e-1f6d-7c11-8d3b-5f0e2a9d4c10", "milan"),
    ("MILAN@copper.example", "milan"), ("milan@cop", "milan"), ("copper.example", "milan"),
    ("copper-logistics", "milan"), ("Copper Logistics", "milan"), ("logistics, copper", "milan"),
)  # fmt: skip


@pytest.mark.parametrize(("words", "who"), FOUND)
def test_who_is_looked_for_is_found(people: dict[str, Lead], words: str, who: str) -> None:
    found = set(Lead.objects.matching(words))
    assert (people[who] in found) if who else not found


def test_a_lead_is_found_by_its_number(people: dict[str, Lead]) -> None:
    milan = people["milan"]
    assert milan in Lead.objects.matching(str(milan.pk))
    assert milan in Lead.objects.matching(f"#{milan.pk}")


@pytest.mark.parametrize(
    "written",
    [
        "lead {}",
        "Lead {}",
        "LEAD  {}",
        "#{}",
        "# {}",
        "lead #{}",
        "Lead: {}",
        "lead no. {}",
        "lead number {}",
        " {} ",
    ],
)
@pytest.mark.parametrize("grouped", ["1234", "1,234", "1.234", "1 234", "1\u202f234", "1'234"])
def test_a_lead_is_found_by_its_number_as_screens_write_it(written: str, grouped: str) -> None:
    lead, other = LeadFactory(pk=1234), LeadFactory(pk=1)
    for personal in (True, False):
        found = Lead.objects.matching(written.format(grouped), personal=personal)
        assert list(found) == [lead]
    assert list(Lead.objects.matching("lead 1")) == [other]


@pytest.mark.parametrize(
    "words",
    [
        "lead",
        "lead x1",
        "lead 1,23",
        "leader 1234",
        "lead 12345678901234567890",
        "lead 1234 5",
        "1234 Acme",
        "##1234",
    ],
)
def test_what_only_looks_like_a_number_finds_no_lead_by_it(words: str) -> None:
    LeadFactory(pk=1234)
    LeadFactory(pk=1)
    assert not Lead.objects.matching(words)


def test_the_palette_finds_a_lead_by_the_title_of_its_page(sales_client: Client) -> None:
    lead = LeadFactory(first_name="", last_name="")
    [found] = sales_client.post(reverse("find"), {"q": f"Lead {lead.pk}"}).json()["leads"]
    assert (found["label"], found["url"]) == (f"Lead {lead.pk}", reverse("lead", args=[lead.pk]))
    shown = sales_client.get(reverse("leads"), {"q": f"lead {lead.pk:,}"}, follow=True).content.decode()
    assert reverse("lead", args=[lead.pk]) in shown


def test_nobody_else_is_found(people: dict[str, Lead]) -> None:
    assert list(Lead.objects.matching("row_abc123")) == [people["milan"]]
    assert list(Lead.objects.matching("+49 170 1234567")) == [people["milan"]]
    assert list(Lead.objects.matching("linkedin.com/in/milan-fischer-0079")) == [people["milan"]]
    assert not Lead.objects.matching("34567")  # too few digits are the end of too many numbers
    assert not Lead.objects.matching("müller pena")


def test_without_the_right_nobody_is_found_by_what_is_hidden(people: dict[str, Lead]) -> None:
    hidden = (
        "Müller",
        "0170 1234567",
        "milan-fischer-0079",
        f"{URL}milan-fischer-0079",
        "milan@copper.example",
    )
    for words in hidden:
        assert not Lead.objects.matching(words, personal=False), words
    for words in ("copper-logistics", "row_abc123", str(people["milan"].pk)):
        assert people["milan"] in Lead.objects.matching(words, personal=False), words


@pytest.mark.parametrize(
    "words",
    ["@", "%", "-", "...", "🚀", "'", "\\", ":*", "&", "((", "!", "a:*b", "'; --", "\x00", "@.", "_", "#"],
)
def test_punctuation_finds_nobody_and_fails_nowhere(people: dict[str, Lead], sales_client: Client, words: str) -> None:
    answer = sales_client.get(reverse("leads"), {"q": words}, follow=True)
    assert answer.status_code == 200
    assert sales_client.post(reverse("find"), {"q": words}).status_code == 200


# What Python's Unicode has not assigned (Cn) is left out: PostgreSQL may carry a newer Unicode. PostgreSQL 18 takes 118
# characters apart, such as U+1E030, which Python 3.11 (Unicode 14) does not know; every other one it folds alike.
ASSIGNED = st.characters(exclude_categories=["Cs", "Cn"])


@given(text=st.text(ASSIGNED, max_size=60))
def test_the_database_folds_as_the_search_does(text: str) -> None:
    text = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT lead_folded(%s), lead_umlauts(%s)", [text, text])
        plain, long = cursor.fetchone()
    assert plain == fold(text)
    assert long in ("", spellings(text)[-1])


def test_words_follow_every_change(people: dict[str, Lead]) -> None:
    lead = people["milan"]
    Lead.objects.filter(pk=lead.pk).update(last_name="Gärtner")
    assert lead in Lead.objects.matching("gaertner")
    assert lead not in Lead.objects.matching("milan fischer silver")
    lead.refresh_from_db()
    lead.last_name = "Ñandú"
    lead.save()
    assert lead in Lead.objects.matching("nandu")
    assert lead not in Lead.objects.matching("gärtner")


def test_an_identifier_is_looked_up_along_an_index(people: dict[str, Lead]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    for words in ("+49 170 1234567", "row_abc123", "ocQHyuzHvysMo5N5VsXc", "milan@copper.example"):
        for condition in lead_search.identified(words, personal=True):
            keyed = lead_search.with_search_keys(Lead.objects.all()).filter(condition)
            assert "Seq Scan" not in keyed.values("pk").explain(), words


@pytest.mark.parametrize(
    "written",
    ["tel:+14155551234", "\uff0b\uff11 415 555 1234", "+1 415 555 1234 ext 5", "(415) 555-1234 x12"],
)
def test_a_number_is_found_as_programs_and_cards_write_it(written: str) -> None:
    lead = LeadFactory(phone="+14155551234")
    assert list(Lead.objects.matching(written)) == [lead]
