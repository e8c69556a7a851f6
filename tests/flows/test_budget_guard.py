"""Money and what is known already, through the sandbox: held at the cap, let go when raised, never bought twice."""

from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument, active_waterfall
from enrichment.leads import actions
from enrichment.models import (
    Alert,
    Attempt,
    FieldFact,
    Lead,
    Provider,
    ProviderService,
    SpendCap,
    TakenOver,
    WaterfallVersion,
)
from enrichment.pilots import pilot, pilot_result
from enrichment.vendors import limiter
from enrichment.versions import EditStart
from enrichment.waterfall import spend_limits, spending
from enrichment.waterfall.prices import price_of
from swarm_admin.access.models import User


def test_at_the_cap_triggers_are_held_and_raising_it_lets_them_go(pipeline):
    # A price for every service: what has none is known only once it was seen.
    ProviderService.objects.filter(cost=None).update(cost=Decimal("0.05"))
    each = price_of(active_waterfall()).amount
    SpendCap.objects.create(period="day", amount=(3 * each).quantize(Decimal("0.01")) + Decimal("0.01"))
    for number in range(8):
        pipeline.lead(f"capped-{number}")
    pipeline.until(lambda: SpendCap.objects.get().reached_at)
    # What was under way comes back and settles cheaper than what was kept back for it, so a few more may go.
    pipeline.until(lambda: held_and_quiet(each))
    spent = Attempt.objects.aggregate(cost=Sum("cost"))["cost"]
    cap = SpendCap.objects.get()
    assert 0 < spent <= cap.amount
    waiting = Lead.objects.filter(dispatch_after__isnull=False, enrichment_status="pending")
    assert waiting.count() > 0
    assert Alert.objects.filter(kind="budget", closed_at__isnull=True).count() == 1
    spend_limits.set_cap(period="day", source_type="", amount=Decimal(100), note="the fair is on", by=None)
    pipeline.settle()
    assert not waiting.exists()
    assert not Alert.objects.filter(kind="budget", closed_at__isnull=True).exists()
    assert Attempt.objects.filter(status="succeeded").count() == 8


def held_and_quiet(each):
    """Nothing is under way, and what is left is not enough for one more lead."""
    cap = SpendCap.objects.get()
    taken = spend_limits.committed_of(cap, spending.committed_spend())
    return cap.reached_at and cap.amount - taken < each and not Attempt.objects.filter(status="running").exists()


def test_tech_data_of_a_known_domain_is_taken_over_and_told_to_clay(pipeline):
    """BuiltWith's budget of one an hour: the second lead of a company gets the first one's tech data, unbought."""
    pipeline.lead("acme-one", company_name="Acme Robotics")
    pipeline.settle()
    donor = Lead.objects.get()
    Provider.objects.filter(slug="builtwith").update(hourly_limit=1)
    limiter.take("provider:builtwith", n=1, limit=1)
    second = pipeline.lead("acme-two", first_name="Zed")
    pipeline.until(lambda: Attempt.objects.filter(lead=second, status="succeeded").exists())
    # The same company, as its own row says.
    Lead.objects.filter(pk=second.pk).update(company_domain=donor.company_domain, company_name=donor.company_name)
    pipeline.until(lambda: TakenOver.objects.filter(lead=second).exists())
    pipeline.settle()
    second.refresh_from_db()
    assert second.tech_stack == donor.tech_stack
    assert not Attempt.objects.filter(lead=second, only_providers=["builtwith"]).exists()
    assert second.only_providers == []
    taken = TakenOver.objects.get()
    assert (taken.waterfall, taken.fields) == ("techstack", ["tech_stack"])
    assert taken.saved > 0
    copied = FieldFact.objects.filter(lead=second, field="tech_stack", cost=0)
    original = FieldFact.objects.get(lead=donor, field="tech_stack", provider="builtwith")
    assert copied.filter(provider="builtwith", observed_at=original.observed_at).exists()
    rows = {row["id"]: row for row in pipeline.sandbox.state("clay")["tables"]["tbl_test"]}
    assert rows[second.clay_row_id]["tech_stack"] == donor.tech_stack


def test_a_retry_does_not_buy_the_company_again(pipeline):
    lead = pipeline.lead("acme-again")
    pipeline.settle()
    lead.refresh_from_db()
    size = lead.company_size
    actions.retry_leads([lead], by=None)
    pipeline.settle()
    first, second = Attempt.objects.order_by("started_at")
    assert second.without == ["company", "techstack"]
    asked = {entry["name"] for entry in second.providers}
    assert "crunchbase" not in asked
    assert "builtwith" not in asked
    assert second.cost < first.cost
    lead.refresh_from_db()
    assert lead.company_size == size
    assert set(TakenOver.objects.values_list("waterfall", flat=True)) == {"company", "techstack"}
    assert TakenOver.objects.filter(taken_at__lte=timezone.now()).count() == 2


def test_a_pilot_runs_under_the_draft_and_is_measured(pipeline):
    ada = User.objects.create_user("ada@example.com")
    document = WaterfallDocument.model_validate(WaterfallVersion.active().document).model_dump()
    document["waterfall_email"]["providers"] = ["hunter"]
    document["waterfall_phone"]["providers"] = []
    draft = versions.save_edit(WaterfallVersion, document, EditStart(), by=ada)
    tried = [pipeline.lead(f"tried-{number}") for number in range(3)]
    other = pipeline.lead("not-tried")
    job = pilot.start_pilot(draft, [lead.pk for lead in tried], revision=draft.revision, by=ada)
    pipeline.settle()
    pilot.run_due()
    job.refresh_from_db()
    assert (job.status, job.position) == ("done", 3)
    trial = pilot.trial_version(job)
    under = dict(Attempt.objects.values_list("lead_id", "waterfall_id"))
    assert {under[lead.pk] for lead in tried} == {trial.pk}
    assert under[other.pk] == versions.published(WaterfallVersion).pk
    found = pilot_result.pilot_result(job)
    assert found.leads == 3
    assert "Apollo" not in {each.name for each in found.providers}
    phone = next(each for each in found.measures if each.label == "Phone found")
    assert phone.measured == 0
    assert found.cost > 0
