"""Whose company data a lead may have: what Clay tells of its own company, or of another lead of the same."""

import datetime
import importlib
from decimal import Decimal

import pytest
from django.db import DataError, connection
from django.utils import timezone

from enrichment import tasks
from enrichment.leads import actions
from enrichment.models import FieldFact, Lead, TakenOver
from enrichment.pipeline.mirror import applying, preview
from enrichment.vendors.clay.wire import ClayRow
from swarm_admin.core.migration_operations import InBatches
from tests.factories import EnrichedLeadFactory

PAGE = "https://www.linkedin.com/company/tiny-bakery"


def told(lead, **columns):
    """What Clay's row says of the lead's company, as a webhook brings it."""
    lead.refresh_from_db()
    row = ClayRow.read({**lead.raw, **columns})
    applying.apply(lead.pk, row, event_at=timezone.now())
    lead.refresh_from_db()


def enriched_again(pipeline, lead):
    actions.retry_leads([lead], by=None)
    pipeline.settle()
    lead.refresh_from_db()


@pytest.fixture
def two(pipeline):
    """A firm and a bakery, enriched each for itself."""
    leads = [
        pipeline.lead("firm-one", company_name="Big Firm"),
        pipeline.lead("baker-two", company_name="Tiny Bakery"),
    ]
    pipeline.settle()
    for lead in leads:
        lead.refresh_from_db()
    return leads


@pytest.mark.parametrize("address", [PAGE, "https://linktr.ee/acme", "gmail.com", "acme.wixsite.com"])
def test_a_host_that_many_share_makes_no_company_another_s(pipeline, two, address):
    firm, bakery = two
    for lead in two:
        told(lead, company_domain=address)
    size = bakery.company_size
    assert firm.company_page == bakery.company_page == address
    Lead.objects.update(company_domain="")  # as a lead has it whose first row names such a host
    enriched_again(pipeline, bakery)
    assert bakery.company_size == size
    assert not TakenOver.objects.exists()


@pytest.mark.parametrize(
    ("name", "taken"), [("Big Firm, Inc.", True), ("BIG FIRM", True), ("Tiny Bakery", False), ("", False)]
)
def test_another_lead_s_data_is_taken_over_where_domain_and_name_agree(pipeline, two, name, taken):
    firm, bakery = two
    Lead.objects.filter(pk=bakery.pk).update(company_domain=firm.company_domain, company_name=name, company_size=7.0)
    bakery.refresh_from_db()
    # The firm's data is the newest of what is now one company's.
    bakery.attempts.update(finished_at=timezone.now() - datetime.timedelta(minutes=1))
    TakenOver.objects.all().delete()
    actions.retry_leads([bakery], by=None)
    pipeline.until(lambda: bakery.attempts.count() == 2)
    filled = [taken_over.fields for taken_over in TakenOver.objects.filter(lead=bakery, waterfall="company")]
    assert any("company_size" in fields for fields in filled) is taken


def test_a_page_is_sent_as_the_website_and_the_mirror_does_not_differ_from_clay(pipeline, two):
    _, bakery = two
    Lead.objects.filter(pk=bakery.pk).update(company_domain="")
    told(bakery, company_domain=PAGE)
    pipeline.settle()
    websites = {each["email"]: each.get("website") for each in pipeline.sandbox.state("ghl")["contacts"]}
    assert websites[bakery.email] == PAGE
    assert preview.preview(bakery, ClayRow.read(bakery.raw)).changes == []


def test_stored_domains_and_what_was_taken_over_by_a_shared_host_are_put_right(db):
    bring_over = importlib.import_module("enrichment.migrations.0026_companies_by_their_domain").bring_over
    own, sub, shared, pinned = (
        EnrichedLeadFactory(company_domain=host)
        for host in ("acme.example", "shop.acme.co.uk", "linkedin.com", "linkedin.com")
    )
    Lead.objects.filter(pk=pinned.pk).update(pinned_fields=["company_size"])
    for lead in (own, shared, pinned):
        TakenOver.objects.create(
            lead=lead, waterfall="company", fields=["company_size", "funding_stage"], saved=Decimal("0.07")
        )
    for lead in (own, shared):
        FieldFact.objects.create(
            lead=lead, field="company_size", provider="clearbit", observed_at=timezone.now(), cost=0
        )
    own_reuse = TakenOver.objects.create(lead=shared, waterfall="techstack", saved=Decimal("0.02"))
    for _ in range(2):  # safe to repeat
        with connection.cursor() as cursor:
            last = bring_over(cursor, 0)
            assert bring_over(cursor, last) is None
    for lead in (own, sub, shared, pinned):
        lead.refresh_from_db()
    assert [lead.company_domain for lead in (own, sub, shared)] == ["acme.example", "acme.co.uk", ""]
    assert (shared.company_page, shared.company_size, shared.funding_stage) == ("linkedin.com", None, "")
    assert (pinned.company_size, own.company_size, own.funding_stage) == (250.0, 250.0, "Series B")
    assert set(TakenOver.objects.values_list("lead", flat=True)) == {own.pk, shared.pk}
    assert TakenOver.objects.get(lead=shared) == own_reuse
    assert list(FieldFact.objects.values_list("lead", flat=True)) == [own.pk]


def test_what_a_broken_migration_left_is_emptied_scored_and_delivered_when_it_is_begun_again(
    pipeline, two, monkeypatch
):
    """It is killed between two statements; the leads' scores then counted a stranger's company."""
    migration = importlib.import_module("enrichment.migrations.0026_companies_by_their_domain")
    _, bakery = two
    told(bakery, company_size=250, funding_stage="Series B", company_industry="SaaS")
    pipeline.settle()
    bakery.refresh_from_db()
    before, handed_over = bakery.icp_score, bakery.handovers.filter(system="ghl").count()
    TakenOver.objects.create(
        lead=bakery,
        waterfall="company",
        fields=["company_size", "funding_stage", "company_industry"],
        saved=1,
    )
    Lead.objects.filter(pk=bakery.pk).update(company_domain="linktr.ee")
    operation = InBatches(migration.bring_over)
    with monkeypatch.context() as broken:
        broken.setattr(migration, "UNBOOK", "SELECT 1 / 0, %s")
        with pytest.raises(DataError):
            operation.code(None, connection.schema_editor())
    operation.code(None, connection.schema_editor())
    bakery.refresh_from_db()
    assert (bakery.company_domain, bakery.company_size, bakery.scored_at) == ("", None, None)
    assert not TakenOver.objects.exists()
    tasks.run_rescores()
    bakery.refresh_from_db()
    assert bakery.icp_score < before
    assert (bakery.scored_at, bakery.scorecard) != (None, None)
    assert bakery.write_back_after is not None
    pipeline.settle()
    assert bakery.handovers.filter(system="ghl", status="done").count() == handed_over + 1
    assert not Lead.objects.to_score_again().exists()
