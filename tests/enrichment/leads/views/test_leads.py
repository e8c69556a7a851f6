"""The list: who may see it, what its address says, what leaves it."""

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from enrichment.jobs import jobs
from enrichment.models import BulkJob, Lead
from gdpr.models import AuditEvent
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
LIST = "/leads/"


def names(response: object) -> list[str]:
    return re.findall(r"data-row-open [^>]*>([^<]*)</a>", response.content.decode())  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", [LIST, "/leads/count/", "/leads/figures/"])
def test_only_people_with_the_right_see_it(
    url: str, client: Client, nobody_client: Client, sales_client: Client
) -> None:
    assert client.get(url).status_code == 302
    assert nobody_client.get(url).status_code == 403
    assert sales_client.get(url).status_code == 200


def test_an_empty_list_says_what_to_do(sales_client: Client) -> None:
    assert "No leads yet" in sales_client.get(LIST).content.decode()


def test_search_words_are_not_in_the_address(sales_client: Client) -> None:
    LeadFactory(first_name="Jan", last_name="Kowalski")
    LeadFactory(first_name="Ada", last_name="Nowak")
    found = sales_client.post("/leads/search/", {"q": "kowal", "query": "sort=name"}, follow=True)
    assert names(found) == ["Jan Kowalski"]
    address = found.redirect_chain[-1][0]
    assert "kowal" not in address.lower()
    assert "sort=name" in address


def test_a_search_kept_no_longer_shows_nothing_rather_than_everything(sales_client: Client) -> None:
    LeadFactory()
    page = sales_client.get(LIST, {"find": "0" * 24})
    assert names(page) == []
    assert "This search has expired" in page.content.decode()


def test_a_search_for_an_address_is_audited_without_it(sales_client: Client) -> None:
    sales_client.post("/leads/search/", {"q": "jan@acme.example"})
    event = AuditEvent.objects.get(verb="search_email")
    assert len(event.object_id) == 64
    assert "jan" not in event.object_id


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=completed", ["Ada Good"]),
        ("status=completed&status=pending", ["Ada Good", "Ada New"]),
        ("tier=1", ["Ada Good"]),
        ("tier=none", ["Ada New"]),
        ("tier=none&tier=1", ["Ada Good", "Ada New"]),
        ("email=yes", ["Ada Good"]),
        ("phone=no", ["Ada New"]),
        ("person=yes", ["Ada New"]),
        ("drift=yes", ["Ada Good"]),
        ("score_min=80&score_max=90", ["Ada Good"]),
        ("size_min=300", []),
        ("source=post_liker", ["Ada New"]),
        ("source_name=GONG.IO", ["Ada Good", "Ada New"]),
        ("received_from=2020-01-01&received_to=2020-01-02", []),
        ("status=nonsense&tier=9", ["Ada Good", "Ada New"]),
        ("page=x&after=-1&size=7&sort=evil", ["Ada Good", "Ada New"]),
    ],
)
def test_filters(sales_client: Client, query: str, expected: list[str]) -> None:
    LeadFactory(last_name="New", source_type="post_liker", needs_person=True)
    EnrichedLeadFactory(last_name="Good", clay_score=87)
    assert sorted(names(sales_client.get(f"{LIST}?{query}"))) == expected


def test_a_chip_takes_its_filter_away_and_leaves_the_others(sales_client: Client) -> None:
    page = sales_client.get(f"{LIST}?status=failed&tier=1&sort=name").content.decode()
    assert re.search(r'class="chip on" href="/leads/\?tier=1&amp;sort=name"', page)


def test_next_and_previous_lead_through_all(sales_client: Client) -> None:
    for n in range(30):
        LeadFactory(last_name=f"N{n:02}")
    first = sales_client.get(f"{LIST}?sort=name")
    onward = re.search(r'data-page-next href="\?([^"]*)"', first.content.decode())
    assert onward
    second = sales_client.get(f"{LIST}?{onward.group(1).replace('&amp;', '&')}")
    assert [*names(first), *names(second)] == [f"Ada N{n:02}" for n in range(30)]
    back = re.search(r'data-page-previous href="\?([^"]*)"', second.content.decode())
    assert back
    assert names(sales_client.get(f"{LIST}?{back.group(1).replace('&amp;', '&')}")) == names(first)


def test_htmx_gets_the_list_alone_and_a_clean_address(sales_client: Client) -> None:
    LeadFactory()
    part = sales_client.get(f"{LIST}?status=pending&tier=&email=", headers={"HX-Request": "true"})
    assert part.content.lstrip().startswith(b'<div id="leads">')
    assert part["HX-Push-Url"] == "/leads/?status=pending"
    assert "HX-Request" in part["Vary"]


def test_a_page_takes_one_query_for_its_rows(
    sales_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    LeadFactory.create_batch(25)
    sales_client.get(LIST)
    with django_assert_max_num_queries(10) as asked:
        sales_client.get(LIST)
    of_leads = [query["sql"] for query in asked.captured_queries if '"enrichment_lead"' in query["sql"]]
    assert len(of_leads) == 1
    assert "linkedin_summary" not in of_leads[0]


def test_without_the_right_names_are_masked(admin_client: Client) -> None:
    EnrichedLeadFactory(first_name="Jan", last_name="Kowalski")
    page = admin_client.get(LIST)
    assert names(page) == ["J. K."]
    assert "Kowalski" not in page.content.decode()


def test_columns_are_remembered(sales_client: Client) -> None:
    EnrichedLeadFactory(last_name="Good")
    sales_client.post("/leads/columns/", {"column": ["phone"]})
    page = sales_client.get(LIST).content.decode()
    assert "+14155551234" in page
    assert 'data-label="Company"' not in page
    sales_client.post("/leads/columns/", {"standard": "1"})
    assert 'data-label="Company"' in sales_client.get(LIST).content.decode()


def test_the_count_is_of_the_filtered_list(sales_client: Client) -> None:
    LeadFactory.create_batch(3)
    EnrichedLeadFactory()
    assert ">3</span> leads" in sales_client.get("/leads/count/?status=pending").content.decode()


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.post("/leads/export/", {"query": query})
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]


def test_the_export_is_what_is_shown_and_cannot_run_in_a_spreadsheet(sales_client: Client) -> None:
    EnrichedLeadFactory(first_name="=HYPERLINK(1)", last_name="", company_name="@SUM(A1)")
    LeadFactory()
    rows = exported(sales_client, "status=completed")
    assert [(row["Name"], row["Company"], row["Score"]) for row in rows] == [("'=HYPERLINK(1)", "'@SUM(A1)", "85")]
    assert AuditEvent.objects.get(verb="export_leads").counts == {"leads": 1}


def test_the_export_is_masked_like_the_list(admin_client: Client) -> None:
    EnrichedLeadFactory(first_name="Jan", last_name="Kowalski")
    assert exported(admin_client)[0]["Name"] == "J. K."
    assert AuditEvent.objects.get(verb="export_leads").reason == "masked"


def test_a_retry_shows_its_plan_and_then_runs(sales_client: Client) -> None:
    ready = LeadFactory(enrichment_status="failed", dispatch_after=None)
    waiting = LeadFactory()
    plan = sales_client.post("/leads/retry/", {"id": [ready.pk, waiting.pk]})
    shown = plan.context["plan"]
    assert (shown["count"], shown["cost"]) == (1, Decimal("0.15"))
    assert [part["count"] for part in shown["left_out"]] == [1]
    assert not Lead.objects.filter(dispatch_priority=20).exists()
    started = sales_client.post("/leads/retry/run/", dict(shown["fields"]))
    job = BulkJob.objects.get()
    assert (started["Location"], job.kind, job.total) == (f"/jobs/{job.pk}/", "retry_leads", 1)
    assert not Lead.objects.filter(dispatch_priority=20).exists(), "the worker does it, not the request"
    jobs.run_due()
    assert list(Lead.objects.filter(dispatch_priority=20)) == [ready]
    page = sales_client.get(started["Location"]).content.decode()
    assert "1 lead selected in the list" in page
    assert "$0.15" in page


def test_a_retry_of_many_waits_behind_fresh_leads(sales_client: Client, monkeypatch) -> None:
    monkeypatch.setattr("enrichment.leads.views.leads_retry.FEW", 1)
    leads = LeadFactory.create_batch(2, enrichment_status="failed", dispatch_after=None)
    sales_client.post("/leads/retry/run/", {"ids": ",".join(str(lead.pk) for lead in leads)})
    jobs.run_due()
    assert set(Lead.objects.filter(dispatch_priority=0, dispatch_after__isnull=False)) == set(leads)


def test_a_retry_that_has_become_impossible_says_why(sales_client: Client) -> None:
    waiting = LeadFactory()
    answer = sales_client.post("/leads/retry/run/", {"ids": str(waiting.pk)}, follow=True)
    assert "Already waiting to be sent" in answer.content.decode()
    assert not BulkJob.objects.exists()


def test_all_that_match_are_retried(sales_client: Client) -> None:
    LeadFactory.create_batch(30, enrichment_status="failed", dispatch_after=None)
    LeadFactory(enrichment_status="partial", dispatch_after=None)
    plan = sales_client.post("/leads/retry/", {"all": "1", "query": "status=failed"})
    assert plan.context["plan"]["count"] == 30
    late = LeadFactory(enrichment_status="failed", dispatch_after=None)
    sales_client.post("/leads/retry/run/", dict(plan.context["plan"]["fields"]))
    jobs.run_due()
    assert Lead.objects.filter(enrichment_status="pending").count() == 30
    late.refresh_from_db()
    assert late.enrichment_status == "failed"  # it was not in the plan


@pytest.mark.parametrize("name", ["leads_retry", "leads_retry_run"])
def test_a_retry_needs_its_right(name: str, compliance_client: Client) -> None:
    assert compliance_client.post(reverse(name), {}).status_code == 403


def test_the_figures_are_counted_once_for_many_who_look(
    sales_client: Client, make_client: Callable[..., Client]
) -> None:
    LeadFactory()
    cache.clear()
    assert ">1</a>" in sales_client.get("/leads/figures/").content.decode()
    LeadFactory()
    assert ">1</a>" in sales_client.get(LIST).content.decode()


def test_without_the_right_nobody_is_found_by_name_or_email(admin_client: Client, sales_client: Client) -> None:
    EnrichedLeadFactory(
        first_name="Jan",
        last_name="Kowalski",
        email_work="jan@acme.example",
        company_name="Orlen",
        title="Buyer",
    )
    for words in ("kowal", "jan@acme.example", "orlen jan"):
        assert len(names(sales_client.get(LIST, {"q": words}))) == 1
        # The count and the search are kept under the same key: neither may lend its answer to the other.
        assert ">1</span>" in sales_client.get("/leads/count/", {"q": words}).content.decode()
        assert names(admin_client.get(LIST, {"q": words})) == []
        assert names(admin_client.post("/leads/search/", {"q": words}, follow=True)) == []
        assert ">0</span>" in admin_client.get("/leads/count/", {"q": words}).content.decode()
        assert exported(admin_client, f"q={words}") == []
    assert names(admin_client.get(LIST, {"q": "orl buy"})) == ["J. K."]
    assert 'placeholder="Company or title"' in admin_client.get(LIST).content.decode()


def test_without_the_right_the_list_is_not_sorted_by_name(admin_client: Client) -> None:
    EnrichedLeadFactory(first_name="Zoe", last_name="Zorn")
    EnrichedLeadFactory(first_name="Ada", last_name="Able")
    page = admin_client.get(f"{LIST}?sort=-name")
    assert names(page) == ["A. A.", "Z. Z."]  # as received, not as asked
    assert "sort=name" not in page.content.decode()


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_any_day_can_be_typed(day: str, sales_client: Client) -> None:
    LeadFactory()
    expected = 1 if day > "2000" else 0
    assert len(names(sales_client.get(f"{LIST}?received_to={day}"))) == expected
    assert f">{expected}</span>" in sales_client.get(f"/leads/count/?received_to={day}").content.decode()
    assert len(exported(sales_client, f"received_to={day}")) == expected
    assert len(names(sales_client.get(f"{LIST}?received_from={day}"))) == 1 - expected


def test_the_export_is_read_as_utf_8_by_a_spreadsheet(sales_client: Client) -> None:
    answer = sales_client.post("/leads/export/", {"query": ""})
    assert b"".join(answer.streaming_content).startswith(b"\xef\xbb\xbfName,")  # type: ignore[attr-defined]


def test_the_list_tells_of_leads_that_came_since(sales_client: Client) -> None:
    LeadFactory()
    page = sales_client.get(f"{LIST}?status=pending").content.decode()
    poll = re.search(r'id="lead-news"[^>]* hx-get="([^"]*)"', page)
    assert poll
    url = poll.group(1).replace("&amp;", "&")
    assert "new lead" not in sales_client.get(url).content.decode()
    LeadFactory()
    EnrichedLeadFactory()  # not of this list
    said = sales_client.get(url).content.decode()
    assert re.sub(r"<[^>]*>", "", said).strip() == "1 new lead: show"
    assert 'href="/leads/?status=pending"' in said
    assert f'hx-get="{poll.group(1)}"' in said  # it goes on from the same moment


@pytest.mark.parametrize("since", ["", "x", "9" * 30])
def test_news_since_no_moment_are_no_page(since: str, sales_client: Client) -> None:
    assert sales_client.get("/leads/news/", {"since": since}).status_code == 404


def test_all_that_match_cannot_be_retried_while_a_filter_is_unreadable(sales_client: Client) -> None:
    LeadFactory(enrichment_status="failed", dispatch_after=None)
    page = sales_client.get(f"{LIST}?score_min=x").content.decode()
    assert "Score from: " in page
    assert 'name="all"' not in page
    answer = sales_client.post("/leads/retry/", {"all": "1", "query": "score_min=x"}, follow=True)
    assert "One filter is invalid" in answer.content.decode()
    assert "plan" not in answer.context
    assert 'name="all"' in sales_client.get(LIST).content.decode()


def test_the_plan_opened_as_a_page_leads_to_the_list(sales_client: Client) -> None:
    assert sales_client.get("/leads/retry/")["Location"] == LIST
