"""Whoever takes text from outside keeps it, and passes it on, without what nobody sees."""

import importlib
import unicodedata
from typing import Any

from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.drift import mending
from enrichment.imports import import_files
from enrichment.models import DriftKind, Lead, WebhookDelivery
from enrichment.pipeline import intake
from enrichment.pipeline.intake_rows import LeadIn, parse_row
from enrichment.pipeline.receive import storing
from enrichment.stores.values import validated
from enrichment.vendors.clay.fields import normalise
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.instantly import fields as campaign_fields
from swarm_admin.core.clean_text import cleaned
from tests.enrichment.clay_table import change_row, run
from tests.factories import EnrichedLeadFactory, lead_row

UNSEEN = "\u200b\u200d\u200c\u200e\u202e\u2066\u00ad\ufeff\ufffd\x07\ufe0f\u3164\u2060\U000e0041"
WORDS = st.text(st.sampled_from([*UNSEEN, *"aB é7👩💻❤میख", "\u094d", "\n", "\u0301"]), max_size=40)
TEXTS = (
    "first_name", "last_name", "company_name", "title", "company_industry", "company_revenue", "company_location",
    "funding_stage", "funding_amount", "linkedin_headline", "linkedin_summary", "icp_tier",
)  # fmt: skip
OFFERED = (
    "first_name",
    "last_name",
    "company_name",
    "source_name",
    "engagement_action",
    "engagement_content",
)
LINES = ("linkedin_summary", "engagement_content")
of_many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_in(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts_in(each)]
    return [value] if isinstance(value, str) else []


def assert_clean(value: Any, *, lines: bool = False) -> None:
    for text in texts_in(value):
        assert text == cleaned(text, lines=lines)
        assert not set(text) & set("\u200b\u202e\u2066\u00ad\ufeff\ufffd\x07\u3164\u2060\U000e0041")
        assert unicodedata.is_normalized("NFC", text)


@of_many
@given(WORDS)
def test_a_row_of_clay_s(words: str) -> None:
    given_row = {
        **dict.fromkeys(TEXTS, words),
        "tech_stack": [words, words],
        "recent_posts": [words, {"text": words}],
    }
    values, unreadable = normalise(given_row, "US")
    posts = values.pop("recent_posts", [])
    assert_clean(posts, lines=True)
    for name, value in values.items():
        assert_clean(value, lines=name in LINES)
    assert not unreadable.keys() & {"recent_posts", "linkedin_headline", "linkedin_summary"}


@of_many
@given(WORDS)
def test_a_lead_of_the_api_or_a_file(words: str) -> None:
    lead = parse_row(lead_row(**dict.fromkeys(OFFERED, words)), timezone.now())
    if isinstance(lead, LeadIn):
        for name in OFFERED:
            assert_clean(getattr(lead, name), lines=name in LINES)
    else:
        assert lead == [("source_name", "source_name is required.")]
        assert not cleaned(words)


@of_many
@given(WORDS)
def test_a_corrected_value(db: None, words: str) -> None:
    for name in ("title", "first_name", "tech_stack", "engagement_content", "source_name"):
        try:
            values = validated({name: words})
        except ValueError:
            continue
        assert_clean(values[name], lines=name in LINES)


@of_many
@given(WORDS)
def test_what_the_vendors_are_sent(words: str) -> None:
    values, _ = normalise({**dict.fromkeys(TEXTS, words), "tech_stack": [words]}, "US")
    lead = Lead(**{name: value for name, value in values.items() if name != "icp_tier"})
    for document in (contact_fields.contact_of(lead), campaign_fields.lead_of(lead)):
        assert_clean(document)


def test_a_lost_letter_is_no_guess() -> None:
    values, unreadable = normalise({"title": "Gesch\ufffdftsf\ufffdhrer", "linkedin_summary": "Gr\ufffd"}, "US")
    assert (values, list(unreadable)) == ({"linkedin_summary": "Gr"}, ["title"])
    lead = parse_row(lead_row(first_name="Andr\ufffd", source_name="caf\ufffd list"), timezone.now())
    assert isinstance(lead, LeadIn)
    assert (lead.first_name, lead.last_name, lead.source_name) == ("", "Doe", "caf list")


def test_a_number_with_something_unseen_in_it() -> None:
    assert normalise({"company_size": "\u200e1,200\u200b"}, "US") == ({"company_size": 1200.0}, {})


def test_from_intake_and_clay_to_the_vendors_and_the_raw_body_stays(
    pipeline: Any, wide_limits: None, settings: Any
) -> None:
    row = lead_row(first_name="Jo\u200bhn", last_name="D\u00adoe\u202e", company_name="Acme\ufeff\u00a0 Inc")
    ((_, pk),) = intake.accept([row]).accepted
    pipeline.settle()
    lead = Lead.objects.get(pk=pk)
    assert (lead.first_name, lead.last_name, lead.company_name) == ("John", "Doe", "Acme Inc")
    (contact,) = pipeline.sandbox.state("ghl")["contacts"]
    assert (contact["firstName"], contact["lastName"], contact["companyName"]) == ("John", "Doe", "Acme Inc")
    change_row(pipeline, lead.clay_row_id, title="VP\u200b Sa\u00adles 👩\u200d💻\u202e")
    run()
    mending.request_repairs(mending.plan_repairs(DriftKind.VALUES), by=None)
    mending.run_due()
    pipeline.settle()
    lead.refresh_from_db()
    assert lead.title == "VP Sales 👩\u200d💻"
    assert lead.raw["title"] == "VP\u200b Sa\u00adles 👩\u200d💻\u202e"
    run()
    assert not lead.drifts.filter(resolved_at__isnull=True).exists()
    sent = [*pipeline.sandbox.state("ghl")["contacts"], *pipeline.sandbox.state("instantly")["leads"]]
    assert "VP Sales 👩\u200d💻" in texts_in(sent)
    body = '{"event": "row.enriched", "row_id": "row\u200b", "data": {}}'.encode()
    storing.store(body, {})
    assert bytes(WebhookDelivery.objects.latest("pk").body) == body


def test_stored_texts_are_cleaned_once_and_scored_again(db: None) -> None:
    dirty = EnrichedLeadFactory(
        title="VP\u200b Sales\u202e", tech_stack=["Go\u00adng", "\u200b"], scored_at=timezone.now()
    )
    joined = EnrichedLeadFactory(title="👩\u200d💻 Zoë", scored_at=timezone.now())
    damaged = EnrichedLeadFactory(title="Gesch\ufffdft", last_name="Do\u200be")
    kept = EnrichedLeadFactory(title="VP\u200b", restriction="restriction")
    clean = importlib.import_module("enrichment.migrations.0035_stored_texts_as_people_see_them").clean
    with connection.cursor() as cursor:
        for _ in range(2):  # safe to repeat
            assert clean(cursor, clean(cursor, 0)) is None
    for lead in (dirty, joined, damaged, kept):
        lead.refresh_from_db()
    assert (dirty.title, dirty.tech_stack, dirty.scored_at) == ("VP Sales", ["Gong"], None)
    assert joined.title == "👩\u200d💻 Zoë"
    assert joined.scored_at is not None
    assert (damaged.title, damaged.last_name) == ("Gesch\ufffdft", "Doe")
    assert kept.title == "VP\u200b"


def test_the_name_of_a_file_s_column() -> None:
    assert import_files._distinct(["\ufeffFirst\u200b  name", "\u200b"]) == ["First name", "Column 2"]
