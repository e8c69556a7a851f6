"""Whatever stands in a search, a filter or a date: an answer, or a refusal by the field, and no error of ours."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from enrichment.models import Lead
from gdpr.models import SubjectRequest
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
WORDS = [
    "@",
    "%",
    "-",
    "...",
    "🚀",
    "\x00",
    "\\",
    "'",
    "&|!:*()<->",
    "@\u0301",
    "x" * 2_000,
    "\u202e",
]
# These hold a letter or a digit, and so are words.
WORDS_AFTER_ALL = ["²", "a@", "@b", "İ"]
NUMBERS = ["9" * 30, "9" * 5_000, "-1", "٣", "1e400", "NaN", "1" * 16]
DAYS = ["0001-01-01", "9999-12-31", "0000-00-00", "+10000-01-01", "2026-02-30"]
HOSTILE = [*WORDS[:10], *WORDS_AFTER_ALL, *NUMBERS, *DAYS]

# Every list with what its address may ask for.
LISTS = {
    "leads": "q find sort size page after before status tier source source_name email phone person drift score_min "
    "score_max size_min size_max received_from received_to",
    "leads_count": "q score_min received_from received_to page",
    "leads_news": "q since received_to",
    "webhooks": "q status verdict event size sort after before",
    "webhooks_count": "q status after",
    "deliveries": "q system status differs size sort after before",
    "deliveries_count": "q status before",
    "failures": "ignored kind page",
    "jobs": "kind status page",
    "batches": "kind status page",
    "drift": "kind page",
    "alerts": "state page",
    "icp_review": "page",
    "icp_history": "page",
    "overview": "range scope",
    "requests": "q state kind status regime late handler page",
    "suppressions": "state page",
    "audit": "verb who object_type object_id since until before",
    "retention": "status days page",
    "legal_holds": "page",
}


@pytest.fixture
def clients(admin_client: Client, compliance_client: Client) -> list[Client]:
    for client in (admin_client, compliance_client):
        client.raise_request_exception = False
    return [admin_client, compliance_client]


def opened(clients: list[Client], ask: Callable[[Client], HttpResponse]) -> HttpResponse:
    """The answer to the first of them who may see this."""
    answers = [ask(client) for client in clients]
    return next((answer for answer in answers if answer.status_code not in (302, 403)), answers[0])


@pytest.mark.parametrize("name", LISTS)
def test_no_list_fails_for_what_its_address_asks(clients: list[Client], name: str) -> None:
    EnrichedLeadFactory()
    url = reverse(name)
    client = next(each for each in clients if each.get(url).status_code != 403)
    others = [parameter for parameter in LISTS[name].split() if parameter != "q"]
    for value in HOSTILE:
        # The words apart: those that find nobody would keep the database from the others.
        for query in ({"q": value}, dict.fromkeys(others, value)):
            assert client.get(url, query).status_code < 500, (value[:20], list(query))


@pytest.mark.parametrize("words", WORDS)
def test_words_that_hold_no_letter_find_nobody(sales_client: Client, words: str) -> None:
    LeadFactory()
    for data in ({"q": words}, {"q": words, "query": "sort=score&page=3"}):
        assert sales_client.post(reverse("leads_search"), data, follow=True).status_code == 200
    assert sales_client.post(reverse("find"), {"q": words}).json() == {"leads": []}
    narrowed = sales_client.post(reverse("leads_search"), {"q": words})
    query = narrowed["Location"].partition("?")[2]
    lines = b"".join(sales_client.post(reverse("leads_export"), {"query": query}).streaming_content)
    assert lines.count(b"\n") == (1 if words.strip("\x00") else 2)


@pytest.mark.parametrize("value", [*WORDS, *NUMBERS])
def test_whoever_is_looked_for_on_the_suppression_list(clients: list[Client], value: str) -> None:
    for field in ("linkedin_url", "email", "phone"):
        data = {field: value}
        answer = opened(clients, lambda client, data=data: client.post(reverse("suppression_look_up"), data))
        assert answer.status_code in (200, 422), field
    release = {"id": [value], "reason": "test"}
    answer = opened(clients, lambda client: client.post(reverse("suppression_release"), release))
    assert answer.status_code < 500


DATES = [*DAYS, "0001-01-01T00:00", "9999-12-31T23:59", "1850-01-01T00:00", "x", "\x00", "9" * 30]


@pytest.mark.parametrize("moment", DATES)
def test_a_request_entered_with_an_impossible_time_is_refused_by_its_field(
    compliance_client: Client, moment: str
) -> None:
    form: dict[str, Any] = {
        "kind": "access",
        "channel": "letter",
        "received_at": moment,
        "emails": "kim@example.com",
        "regime": "eu",
        "calendar": "DE",
    }
    answer = compliance_client.post(reverse("request_new"), form)
    assert answer.status_code == 422
    assert b"received" in answer.content.lower()
    assert not SubjectRequest.objects.exists()


def test_the_last_day_of_the_calendar_narrows_as_any_other(sales_client: Client) -> None:
    lead = LeadFactory()
    Lead.objects.filter(pk=lead.pk).update(received_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    answer = sales_client.get(reverse("leads"), {"received_from": "0001-01-01", "received_to": "9999-12-31"})
    assert answer.status_code == 200
