"""Clay's score beside ours, once values of ours were written into Clay's row and its formula computed anew."""

import datetime
import importlib

import pytest
from django.db import connection
from django.utils import timezone

from enrichment.leads.columns import BY_KEY
from enrichment.models import Lead, TakenOver
from enrichment.monitoring import watch
from enrichment.pipeline import clay_scores
from enrichment.pipeline.dispatch import write_back
from enrichment.scoring import drift
from enrichment.stores.clay import ClayStore
from gdpr.identity import Identity
from gdpr.stores import Record
from tests.enrichment.clay_table import change_row, found, run, settled
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.usefixtures("wide_limits")
BIG = {"company_size": 900.0, "company_industry": "SaaS", "funding_stage": "Series B"}
LATER = datetime.timedelta(hours=1)


def row_of(pipeline, lead):
    return pipeline.sandbox.clay.get(f"/tables/tbl_test/rows/{lead.clay_row_id}").json()


@pytest.fixture
def helped(pipeline):
    """A lead that was given its company's data by another; Clay's row was told, and Clay's formula computed anew."""
    (lead,) = settled(pipeline, "helped")
    small = {"company_size": 7.0, "company_industry": "Bakery", "funding_stage": "Seed", "title": "Baker"}
    small["tech_stack"] = []
    change_row(pipeline, lead.clay_row_id, **small)
    values = {**small, "clay_score": 0.0, "icp_score": 0.0, "raw": {**lead.raw, **small}}
    Lead.objects.filter(pk=lead.pk).update(**values)
    TakenOver.objects.create(lead=lead, waterfall="company", fields=list(BIG), saved=1)
    Lead.objects.filter(pk=lead.pk).update(**BIG, icp_score=60.0, write_back_after=timezone.now())
    lead.refresh_from_db()
    return lead


def test_a_score_that_clay_s_formula_made_of_our_values_is_no_drift(pipeline, helped):
    run()
    assert found() == []  # Clay is still to be told
    pipeline.settle()
    helped.refresh_from_db()
    assert helped.clay_rewritten_at is not None
    assert (row_of(pipeline, helped)["icp_score"], helped.clay_score, helped.drift) == (60, 60.0, 0.0)
    run()
    assert found() == []
    assert watch.open_drift() == ""


@pytest.mark.parametrize("computes_late", [False, True])
def test_a_score_older_than_what_we_wrote_is_told_as_that_and_read_by_the_next_comparison(
    pipeline, helped, monkeypatch, computes_late
):
    monkeypatch.setattr(
        write_back, "_mark_scores_outdated", lambda items, written, outcome: None
    )  # the answer tells no score
    pipeline.settle()
    Lead.objects.filter(pk=helped.pk).update(clay_rewritten_at=timezone.now())
    report = drift.count_drift()
    assert [(cause.key, cause.count) for cause in report.causes] == [(drift.OLDER, 1)]
    assert (report.compared, report.differ) == (0, 0)
    helped.refresh_from_db()
    assert (helped.drift, BY_KEY["drift"].value(helped)) == (None, None)
    if not computes_late:
        Lead.objects.filter(pk=helped.pk).update(clay_rewritten_at=timezone.now() - LATER)
    run()
    helped.refresh_from_db()
    assert (found(), watch.open_drift()) == ([], "")
    assert (helped.clay_score, helped.drift, helped.raw["icp_score"]) == (60.0, 0.0, 60)
    # What was read at once may be from before Clay computed: the next comparison reads it once more.
    assert (helped.clay_rewritten_at is None) is not computes_late


def test_a_score_that_nothing_of_ours_explains_is_drift(pipeline, helped):
    pipeline.settle()
    Lead.objects.filter(pk=helped.pk).update(clay_rewritten_at=None, clay_score=1.0)
    run()
    assert [kind for kind, _ in found()] == ["values"]
    assert [cause.key for cause in drift.count_drift().causes] == [drift.UNEXPLAINED]


def test_a_rectified_row_is_computed_anew_too(pipeline, helped):
    pipeline.settle()
    record = Record("clay", f"tbl_test/{helped.clay_row_id}", (), True, {}, "", Identity(helped.linkedin_url))
    ClayStore().rectify(record, {"title": "Chief Executive"})
    helped.refresh_from_db()
    assert (helped.clay_score, row_of(pipeline, helped)["icp_score"]) == (85.0, 85)
    assert helped.clay_rewritten_at is not None


def test_where_the_tier_is_clay_s_the_lead_s_follows_what_clay_computed(pipeline, helped, settings):
    settings.TIER_SOURCE = "clay"
    pipeline.settle()
    helped.refresh_from_db()
    assert (helped.clay_tier, helped.icp_tier) == ("Tier 2", 2)
    assert helped.instantly_lead_id


def test_a_run_that_ends_after_we_wrote_has_computed_from_it(pipeline, helped):
    pipeline.settle()
    assert clay_scores.outdated_scores([helped.clay_row_id], timezone.now()) == {helped.clay_row_id: helped.pk}
    Lead.objects.filter(pk=helped.pk).update(dispatch_after=timezone.now(), enrichment_status="pending")
    pipeline.settle()
    helped.refresh_from_db()
    assert helped.attempts.count() == 2
    assert helped.clay_score == row_of(pipeline, helped)["icp_score"]


def test_stored_leads_are_told_by_what_clay_took(db):
    ours, references, equal = (
        EnrichedLeadFactory(clay_score=40.0, written_back={"company_size": 900.0}),
        EnrichedLeadFactory(clay_score=40.0, written_back={"ghl_contact_id": "c", "enrichment_status": "x"}),
        EnrichedLeadFactory(clay_score=85.0, written_back={"company_size": 900.0}),
    )
    mark = importlib.import_module("enrichment.migrations.0034_scores_older_than_what_we_wrote").mark
    with connection.cursor() as cursor:
        assert mark(cursor, mark(cursor, 0)) is None
    marked = Lead.objects.filter(clay_rewritten_at__isnull=False).values_list("pk", flat=True)
    assert list(marked) == [ours.pk]
    assert {references.pk, equal.pk}.isdisjoint(marked)
