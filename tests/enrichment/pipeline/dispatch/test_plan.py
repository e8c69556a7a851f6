"""Which leads go to Clay together, and when (D8)."""

import datetime

import pytest
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Handover, Lead, WaterfallVersion
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.company_cache import ReusedData
from enrichment.pipeline.dispatch.plan import apply_cached_data, plan_batches
from tests.factories import LeadFactory


@pytest.fixture(autouse=True)
def table(settings):
    settings.CLAY_TABLE_ID = "tbl"
    settings.CLOCK_SPEED = 1.0


def due(count, *, waited=0, **values):
    since = timezone.now() - datetime.timedelta(seconds=waited)
    return [LeadFactory(dispatch_after=since, **values) for _ in range(count)]


def sizes(kind):
    return sorted(batch.items.count() for batch in Batch.objects.filter(kind=kind))


def test_a_full_batch_of_fifty_leaves_at_once_and_the_rest_waits(db):
    due(53)
    assert plan_batches(BatchKind.ROWS) == 1
    assert sizes(BatchKind.ROWS) == [50]
    assert Lead.objects.filter(dispatch_after__isnull=False).count() == 3


def test_a_partial_batch_leaves_after_sixty_seconds(db):
    due(3, waited=59)
    assert plan_batches(BatchKind.ROWS) == 0
    due(1, waited=61)
    assert plan_batches(BatchKind.ROWS) == 1
    assert sizes(BatchKind.ROWS) == [4]


def test_triggers_go_in_batches_of_twenty_five(db):
    for number in range(50):
        due(1, clay_row_id=f"row-{number}")
    assert plan_batches(BatchKind.TRIGGER) == 2
    assert sizes(BatchKind.TRIGGER) == [25, 25]


def test_leads_with_other_providers_to_skip_do_not_share_a_trigger(db):
    due(2, waited=61, skip_providers=["apollo"])
    due(2, waited=61)
    Lead.objects.update(clay_row_id=None)
    for lead in Lead.objects.all():
        Lead.objects.filter(pk=lead.pk).update(clay_row_id=f"row-{lead.pk}")
    assert plan_batches(BatchKind.TRIGGER) == 2
    assert sorted(Batch.objects.values_list("skip_providers", flat=True)) == [[], ["apollo"]]


def test_a_person_who_waits_needs_no_company(db):
    due(1, dispatch_priority=20)
    assert plan_batches(BatchKind.ROWS) == 1


def test_the_higher_priority_goes_first(db):
    due(50, dispatch_priority=0, waited=300)
    fresh = due(50, dispatch_priority=10)
    plan_batches(BatchKind.ROWS)
    first = Batch.objects.order_by("-priority").first()
    assert {item.lead_id for item in first.items.all()} == {lead.pk for lead in fresh}


def test_batches_that_wait_for_a_budget_take_nobodys_place(db):
    later = timezone.now() + datetime.timedelta(hours=1)
    for _ in range(20):
        Batch.objects.create(kind=BatchKind.ROWS, table_id="tbl", not_before=later)
    due(50)
    assert plan_batches(BatchKind.ROWS) == 1


def test_a_lead_is_planned_once(db):
    due(50)
    assert (plan_batches(BatchKind.ROWS), plan_batches(BatchKind.ROWS)) == (1, 0)


def test_without_a_table_nothing_leaves_and_nothing_is_lost(db, settings):
    settings.CLAY_TABLE_ID = ""
    due(50)
    assert plan_batches(BatchKind.ROWS) == 0
    assert Lead.objects.filter(dispatch_after__isnull=False).count() == 50


@pytest.mark.parametrize("kind", [BatchKind.ROWS, BatchKind.TRIGGER])
def test_who_was_given_up_in_doubt_is_looked_for_first_in_a_batch_of_its_own(db, kind):
    rows = iter(range(3))

    def lead():
        row = None if kind == BatchKind.ROWS else f"row_{next(rows)}"
        return LeadFactory(dispatch_priority=20, dispatch_after=timezone.now(), clay_row_id=row)

    def gave_up(who, *, in_doubt):
        past = Batch.objects.create(kind=kind, table_id="tbl", status="failed")
        BatchItem.objects.create(batch=past, lead=who, position=0, status="set_aside", in_doubt=in_doubt)

    unsure, told, known = lead(), lead(), lead()
    gave_up(unsure, in_doubt=True)
    gave_up(told, in_doubt=True)
    gave_up(told, in_doubt=False)  # a later look said that it is not there
    gave_up(known, in_doubt=False)
    plan_batches(kind)
    [looked_for] = Batch.objects.filter(status="unknown")
    [sent] = Batch.objects.filter(status="planned")
    assert [item.lead for item in looked_for.items.all()] == [unsure]
    assert {item.lead for item in sent.items.all()} == {told, known}


def waiting_for_budget(count, **values):
    later = timezone.now() + datetime.timedelta(minutes=5)
    for _ in range(count):
        Batch.objects.create(
            kind=BatchKind.TRIGGER, table_id="tbl", not_before=later, error_kind="provider_budget", **values
        )


def test_behind_batches_that_wait_for_a_provider_no_more_are_frozen(db):
    for number in range(4):
        due(1, waited=61, clay_row_id=f"row-{number}")
    waiting_for_budget(2, priority=10)
    assert plan_batches(BatchKind.TRIGGER) == 0
    assert Lead.objects.filter(dispatch_after__isnull=False).count() == 4


def test_what_asks_other_providers_or_is_more_urgent_passes_them(db):
    waiting_for_budget(2, priority=5)
    due(1, waited=61, clay_row_id="row-1", skip_providers=["builtwith"])
    due(1, waited=61, clay_row_id="row-2", dispatch_priority=20)
    due(1, waited=61, clay_row_id="row-3", dispatch_priority=5)
    assert plan_batches(BatchKind.TRIGGER) == 2
    assert Lead.objects.get(clay_row_id="row-3").dispatch_after is not None


def test_when_the_budget_opens_they_are_planned_again(db):
    waiting_for_budget(2, priority=10)
    due(2, waited=61, clay_row_id=None)
    for lead in Lead.objects.all():
        Lead.objects.filter(pk=lead.pk).update(clay_row_id=f"row-{lead.pk}")
    Batch.objects.update(not_before=timezone.now())
    assert plan_batches(BatchKind.TRIGGER) == 1


def test_a_broken_off_lead_whose_rest_the_mirror_knows_is_enriched_and_delivered(db):
    asked = WaterfallVersion.active().document
    found = ["email", "phone", "company"]
    (lead,) = due(
        1,
        waited=61,
        clay_row_id="row-1",
        email_work="ada@acme.example",
        company_size=50,
        company_domain="acme.example",
        found_waterfalls=found,
        error_kind="backoff",
        error_provider="builtwith",
    )
    donor = LeadFactory(tech_stack=["Salesforce"], company_domain="acme.example")
    assert asked["waterfall_techstack"]["providers"]
    assert apply_cached_data([lead], {lead.pk: ReusedData(donors={"techstack": donor})}) == ()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.dispatch_after, lead.error_kind) == ("completed", None, "")
    assert lead.tech_stack == ["Salesforce"]
    assert Handover.objects.filter(lead=lead, system="ghl").exists()
