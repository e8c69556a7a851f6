"""Rows become leads once; what is refused is refused by rule, and nothing of it is kept."""

import datetime
import logging
import threading
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import Lead
from enrichment.pipeline import intake_rows
from enrichment.pipeline.intake import IntakeResult, accept
from gdpr.identity import Identity
from gdpr.models import Suppression
from gdpr.suppression.gate import suppress
from tests.factories import LeadFactory, lead_row, lead_rows

pytestmark = pytest.mark.django_db


def refusals(result: IntakeResult) -> dict[str, str]:
    return {rejection.field: rejection.sentence for rejection in result.rejected}


def test_a_row_becomes_a_pending_lead_that_is_due() -> None:
    now = timezone.now()
    row = lead_row(engagement_action="follows", engagement_content="a\nb")
    result = accept([row], priority=7, now=now)
    lead = Lead.objects.get()
    assert result.accepted == [(0, lead.pk)]
    assert (result.known, result.rejected, result.suppressed) == ([], [], 0)
    assert lead.values("first_name", "last_name", "company_name", "source_name", "source_url") == {
        "first_name": "John",
        "last_name": "Doe",
        "company_name": "Acme Inc",
        "source_name": "Gong.io",
        "source_url": "https://www.linkedin.com/company/gong-io/followers/",
    }
    assert (lead.engagement_action, lead.engagement_content) == ("follows", "a\nb")
    assert (lead.enrichment_status, lead.dispatch_after, lead.dispatch_priority) == ("pending", now, 7)
    assert lead.scraped_at == datetime.datetime.fromisoformat(row["scraped_at"])
    assert lead.retention_until == lead.scraped_at + datetime.timedelta(days=730)
    assert lead.received_at == lead.updated_at == now


def test_other_columns_are_as_the_model_would_make_them() -> None:
    accept([lead_row(linkedin_url="https://www.linkedin.com/in/one")])
    made = Lead.objects.get()
    model = Lead.objects.create(
        **{f.name: getattr(made, f.name) for f in Lead._meta.fields if f.name in lead_row()}
        | {"linkedin_url": "https://www.linkedin.com/in/two", "retention_until": made.retention_until}
    )
    model.refresh_from_db()
    own = {"id", "linkedin_url", "search", "dispatch_after", "dispatch_priority", "received_at", "updated_at"}
    names = [f.name for f in Lead._meta.concrete_fields if f.name not in own]
    assert made.values(*names) == model.values(*names)
    assert Lead.objects.matching("john acm").count() == 2


def test_scraped_at_is_stored_in_utc() -> None:
    moment = timezone.now().replace(microsecond=0) - datetime.timedelta(days=3)
    local = moment.astimezone(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    accept([lead_row(scraped_at=local.isoformat())])
    assert Lead.objects.get().scraped_at == moment


@pytest.mark.parametrize("size", [0, 100])
def test_length_is_counted_in_code_points_after_trimming(size: int) -> None:
    result = accept([lead_row(first_name=f"  {'🚀' * size}  ")])
    assert len(result.accepted) == 1
    assert len(Lead.objects.get().first_name) == size


DAY = datetime.timedelta(days=1)
NOW = timezone.now()
BROKEN: list[tuple[str, Any, str]] = [
    ("linkedin_url", None, "is required."),
    ("linkedin_url", "https://evil.example/in/johndoe", "must be a linkedin.com URL."),
    ("linkedin_url", "https://www.linkedin.com/in/undefined", "must be a person's profile"),
    ("linkedin_url", "https://www.linkedin.com/in/N-A/", "must be a person's profile"),
    ("linkedin_url", 5, "must be text."),
    ("first_name", "x" * 101, "must be at most 100 characters long."),
    ("first_name", ["John"], "must be text."),
    ("first_name", "Jo\x00hn", "must not contain NUL characters."),
    ("first_name", "Jo\ud800hn", "must not contain unpaired surrogates."),
    ("first_name", "\ud800", "must not contain unpaired surrogates."),
    ("source_url", "\x00", "must not contain NUL characters."),
    ("last_name", "x" * 101, "must be at most 100 characters long."),
    ("last_name", True, "must be text."),
    ("company_name", "x" * 201, "must be at most 200 characters long."),
    ("source_type", None, "is required."),
    ("source_type", "webinar", "must be one of: competitor_follower, event_attendee, group_member"),
    ("source_type", "", "must be one of: "),
    ("source_name", None, "is required."),
    ("source_name", "   ", "is required."),
    ("source_name", "x" * 201, "must be at most 200 characters long."),
    ("source_url", "gong.io/followers", "must be a URL"),
    ("source_url", "javascript:alert(1)", "must be a URL"),
    ("source_url", "https://", "must be a URL"),
    ("source_url", "https://a b/", "must be a URL"),
    ("source_url", "https://[x/", "must be a URL"),
    ("source_url", "https://a.example/" + "x" * 2000, "must be at most 2000 characters long."),
    ("engagement_action", "x" * 501, "must be at most 500 characters long."),
    ("engagement_content", "x" * 5001, "must be at most 5000 characters long."),
    ("scraped_at", None, "is required."),
    ("scraped_at", "yesterday", "must be an ISO 8601 date and time with an offset"),
    ("scraped_at", 1768471200, "must be an ISO 8601 date and time with an offset"),
    ("scraped_at", "2026-01-15", "must include a UTC offset"),
    ("scraped_at", "2026-01-15T10:00:00", "must include a UTC offset"),
    pytest.param("scraped_at", (NOW + 3 * DAY).isoformat(), "must not be in the future", id="future"),
    pytest.param(
        "scraped_at",
        (NOW - 731 * DAY).isoformat(),
        "is older than the retention period of 730 days.",
        id="too old",
    ),
    ("scraped_at", "0001-01-01T00:00:00+14:00", "must be a plausible time."),
]


def test_a_time_may_be_written_in_small_letters() -> None:
    """RFC 3339, 5.6."""
    moment = intake_rows._instant("2026-01-15t10:00:00z")
    assert moment == datetime.datetime(2026, 1, 15, 10, tzinfo=datetime.UTC)


@pytest.mark.parametrize(("field", "value", "sentence"), BROKEN)
def test_a_broken_rule_is_named_and_nothing_is_kept(
    field: str, value: Any, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="enrichment"):
        result = accept([lead_row(**{field: value})])
    assert list(refusals(result)) == [field]
    assert refusals(result)[field].startswith(f"{field} {sentence}")
    assert not Lead.objects.exists()
    assert not caplog.records


def test_future_is_tolerated_for_five_minutes() -> None:
    now = timezone.now()
    rows = [lead_row(scraped_at=(now + datetime.timedelta(minutes=minutes)).isoformat()) for minutes in (4, 6)]
    result = accept(rows, now=now)
    assert [index for index, _ in result.accepted] == [0]
    assert [rejection.index for rejection in result.rejected] == [1]


def test_every_broken_field_of_a_row_is_told() -> None:
    result = accept([lead_row(first_name="x" * 101, source_type="webinar"), "not a row", lead_row()])
    assert [(r.index, r.field) for r in result.rejected] == [(0, "first_name"), (0, "source_type"), (1, "")]
    assert result.rejected_rows == 2
    assert [index for index, _ in result.accepted] == [2]


def test_null_is_as_good_as_absent_where_a_field_may_be_absent() -> None:
    assert accept([lead_row() | {"first_name": None, "source_url": None}]).accepted
    assert Lead.objects.get().first_name == ""


def test_unknown_fields_are_named_and_not_kept() -> None:
    result = accept([lead_row(email="a@b.example", score=1)])
    assert len(result.accepted) == 1
    assert result.ignored_fields == ["email", "score"]
    assert Lead.objects.get().email_work == ""


def test_one_person_is_one_lead() -> None:
    spellings = ["https://de.linkedin.com/in/JohnDoe/", "linkedin.com/in/johndoe?x=1"]
    first = accept([lead_row(), *(lead_row(linkedin_url=url) for url in spellings)])
    again = accept([lead_row()])
    lead = Lead.objects.get()
    assert (first.accepted, first.known) == ([(0, lead.pk)], [(1, lead.pk), (2, lead.pk)])
    assert (again.accepted, again.known) == ([], [(0, lead.pk)])


def test_a_known_lead_gets_only_what_it_lacks() -> None:
    lead = LeadFactory(
        first_name="", last_name="Doe", company_name="", pinned_fields=["company_name"], dispatch_after=None
    )
    accept(
        [
            lead_row(
                linkedin_url=lead.linkedin_url,
                last_name="Other",
                source_name="Clari",
                scraped_at=timezone.now().isoformat(),
            )
        ]
    )
    after = Lead.objects.get()
    assert (after.first_name, after.last_name, after.company_name) == ("John", "Doe", "")
    kept = ("source_name", "source_url", "scraped_at", "retention_until", "dispatch_after", "received_at")
    assert after.values(*kept) == lead.values(*kept)
    assert after.updated_at > lead.updated_at


def test_a_known_lead_that_learns_nothing_is_not_written() -> None:
    lead = LeadFactory()
    accept([lead_row(linkedin_url=lead.linkedin_url)])
    assert Lead.objects.get().updated_at == lead.updated_at


def test_a_suppressed_person_is_counted_and_nowhere_else(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    suppress(Identity(linkedin_url="https://www.linkedin.com/in/johndoe"), reason="erasure")
    committed = django_capture_on_commit_callbacks(execute=True)
    with caplog.at_level(logging.DEBUG, logger="enrichment"), committed:
        result = accept([lead_row(linkedin_url="http://LinkedIn.com/in/JohnDoe/en"), *lead_rows(1)])
    assert result.suppressed == 1
    assert [index for index, _ in result.accepted] == [1]
    assert (result.known, result.rejected) == ([], [])
    assert Lead.objects.count() == 1
    assert Suppression.objects.get().blocked_count == 1
    assert not caplog.records


def test_number_of_queries_does_not_grow_with_the_rows() -> None:
    LeadFactory(linkedin_url="https://www.linkedin.com/in/person-0", first_name="")
    counts = []
    for size in (10, 1000):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            result = accept(lead_rows(size))
        assert len(result.accepted) + len(result.known) == size
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= 7


def test_more_than_a_chunk_keeps_its_indexes() -> None:
    rows = lead_rows(1500)
    rows[1200] = lead_row(source_name=None)
    result = accept(rows)
    assert [rejection.index for rejection in result.rejected] == [1200]
    assert [index for index, _ in result.accepted] == [i for i in range(1500) if i != 1200]


@pytest.mark.django_db(transaction=True)
def test_two_intakes_at_once_make_each_person_once() -> None:
    rows = lead_rows(300)
    results: list[IntakeResult] = []
    start = threading.Barrier(2)

    def take_in(mine: list[dict[str, Any]]) -> None:
        start.wait()
        try:
            results.append(accept(mine))
        finally:
            connection.close()

    threads = [threading.Thread(target=take_in, args=[mine]) for mine in (rows, rows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Lead.objects.count() == 300
    assert sum(len(result.accepted) for result in results) == 300
    assert sum(len(result.known) for result in results) == 300
