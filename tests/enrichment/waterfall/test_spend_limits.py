"""The budget guard: who is admitted, what is held and said, and that no two workers take the last dollar."""

import datetime
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from enrichment.models import Alert, Attempt, Batch, Lead, SpendCap, WaterfallVersion
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.plan import plan_batches
from enrichment.waterfall import spend_limits, spend_report, spending
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.timing import today
from tests.enrichment.waterfall.test_spending import attempt
from tests.factories import LeadFactory

DOLLAR = Decimal(1)


def cap(amount, period="day", source=""):
    return SpendCap.objects.create(period=period, source_type=source, amount=Decimal(amount))


def admitted(leads, each=DOLLAR):
    with transaction.atomic():
        return spend_limits.admit_leads(leads, each)


def test_without_a_cap_everybody_goes(db):
    leads = LeadFactory.create_batch(3)
    assert admitted(leads).admitted == [lead.pk for lead in leads]


@pytest.mark.parametrize("period", ["day", "month"])
def test_the_first_go_as_far_as_the_money_reaches(db, period):
    found = cap("2.50", period)
    leads = LeadFactory.create_batch(4)
    result = admitted(leads)
    assert result.admitted == [lead.pk for lead in leads[:2]]
    assert result.held == {lead.pk: found for lead in leads[2:]}


def test_what_is_spent_and_what_is_under_way_both_count(db):
    cap("3")
    attempt(at=timezone.now(), cost="1")
    attempt(status="running", cost="0", reserved=DOLLAR)
    assert len(admitted(LeadFactory.create_batch(3)).admitted) == 1


def test_a_row_that_comes_back_cheaper_gives_its_rest_free(db):
    cap("1")
    open_one = attempt(status="running", cost="0", reserved=DOLLAR)
    lead = LeadFactory()
    assert admitted([lead], Decimal("0.50")).admitted == []
    Attempt.objects.filter(pk=open_one.pk).update(status="succeeded", cost="0.20", finished_at=timezone.now())
    assert admitted([lead], Decimal("0.50")).admitted == [lead.pk]


def test_yesterdays_spending_is_not_todays(db):
    cap("1")
    attempt(at=today() - datetime.timedelta(seconds=1), cost="5")
    assert len(admitted([LeadFactory()]).admitted) == 1


def test_a_sources_cap_holds_that_source_alone(db):
    cap("1", source="post_liker")
    cap("10")
    likers = LeadFactory.create_batch(2, source_type="post_liker")
    others = LeadFactory.create_batch(2)
    assert admitted([*likers, *others]).admitted == [likers[0].pk, *(lead.pk for lead in others)]


def test_a_lead_that_has_cost_its_cap_is_held(db):
    cap("1.50", "lead")
    fresh, dear = LeadFactory(), LeadFactory(enrichment_cost=Decimal("0.60"))
    result = admitted([fresh, dear])
    assert result.admitted == [fresh.pk]
    assert list(result.held) == [dear.pk]


@pytest.mark.django_db(transaction=True)
def test_two_workers_cannot_both_take_the_last_dollar():
    cap("7")
    groups = [[pk] for pk in (lead.pk for lead in LeadFactory.create_batch(20))]
    version = WaterfallVersion.active()
    start, taken = Barrier(5), []

    def work(own):
        start.wait(120)
        try:
            for ids in own:
                with transaction.atomic():
                    leads = list(Lead.objects.filter(pk__in=ids))
                    for pk in spend_limits.admit_leads(leads, DOLLAR).admitted:
                        taken.append(pk)
                        Attempt.objects.create(
                            lead_id=pk, waterfall=version, source_type=leads[0].source_type, reserved=DOLLAR
                        )
        finally:
            connection.close()

    threads = [Thread(target=work, args=(groups[n::5],)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 7
    assert sum(spending.committed_spend().values(), spending.CommittedSpend()).reserved == 7


# ---------------------------------------------------------------- planning


@pytest.fixture
def due(db, settings):
    settings.CLAY_TABLE_ID = "tbl"
    settings.CLOCK_SPEED = 1.0
    since = timezone.now() - datetime.timedelta(seconds=61)
    return [LeadFactory(dispatch_after=since, clay_row_id=f"row-{n}") for n in range(4)]


def each():
    from enrichment.documents.waterfall import active_waterfall
    from enrichment.waterfall.prices import price_of

    return price_of(active_waterfall()).amount


def planned():
    plan_batches(BatchKind.TRIGGER)
    return sum(batch.items.count() for batch in Batch.objects.filter(kind=BatchKind.TRIGGER))


def test_as_many_are_planned_as_there_is_money_for(due):
    cap(2 * each() + Decimal("0.01"))
    assert planned() == 2
    assert SpendCap.objects.get().reached_at is None


def test_a_reached_cap_holds_all_says_so_and_alerts_once(due):
    cap("0.01")
    assert planned() == 0
    assert planned() == 0
    found = SpendCap.objects.get()
    assert found.reached_at is not None
    alert = Alert.objects.get(closed_at__isnull=True)
    assert (alert.kind, alert.severity, alert.count) == ("budget", 3, 1)
    assert "is reached" in alert.sentence
    assert Lead.objects.filter(dispatch_after__isnull=False).count() == 4


def test_raising_it_lets_them_go_and_closes_the_alert(due):
    cap("0.01")
    planned()
    someone = User.objects.create_user("ops@example.com")
    spend_limits.set_cap(period="day", source_type="", amount=Decimal(100), note="the fair is on", by=someone)
    assert planned() == 4
    assert not Alert.objects.filter(closed_at__isnull=True).exists()
    event = AuditEvent.objects.get(verb="set_budget")
    assert (event.counts, event.reason) == ({"cents_before": 1, "cents": 10_000}, "the fair is on")


def test_a_used_up_source_does_not_hold_the_others(due):
    cap("0.01", source="post_liker")
    Lead.objects.filter(pk=due[0].pk).update(source_type="post_liker")
    assert planned() == 3


def test_dear_leads_are_held_and_said(due):
    cap(each() + Decimal("0.01"), "lead")
    Lead.objects.filter(pk=due[0].pk).update(enrichment_cost=Decimal(1))
    assert planned() == 3
    assert SpendCap.objects.get().reached_at is not None
    Lead.objects.update(enrichment_cost=0)
    plan_batches(BatchKind.TRIGGER)
    assert SpendCap.objects.get().reached_at is None


def test_at_the_end_of_its_day_a_cap_is_free_again(due):
    cap("0.01")
    planned()
    SpendCap.objects.update(reached_at=today() - datetime.timedelta(seconds=1))
    spend_limits.clear_expired()
    assert SpendCap.objects.get().reached_at is None
    assert not Alert.objects.filter(closed_at__isnull=True).exists()


# ---------------------------------------------------------------- what staff do


@pytest.mark.parametrize(("amount", "note"), [("1", ""), ("1", " a b "), ("0", "for the fair"), ("-1", "for the fair")])
def test_a_cap_needs_an_amount_and_a_reason(db, amount, note):
    with pytest.raises(ActionNotAllowed):
        spend_limits.set_cap(period="day", source_type="", amount=Decimal(amount), note=note, by=None)
    assert not SpendCap.objects.exists()


def test_a_cap_is_taken_away_with_a_reason(db):
    found = cap("1")
    with pytest.raises(ActionNotAllowed):
        spend_limits.remove_cap(found, note="", by=None)
    spend_limits.remove_cap(found, note="no longer needed", by=None)
    assert not SpendCap.objects.exists()
    assert AuditEvent.objects.get(verb="remove_budget").counts == {"cents": 100}


def test_the_forecast_says_when_it_will_be_used_up(db):
    cap("100")
    cap("1000000", "month")
    cap("5", "lead")
    attempt(at=timezone.now() - datetime.timedelta(seconds=30), cost="60")
    shown = {each.cap.period: each for each in spend_report.limit_usage()}
    # 60 dollars an hour and 40 left: forty minutes, where the day is as long
    soon = timezone.now() + datetime.timedelta(minutes=40)
    if soon < spend_limits.period_end(shown["day"].cap):
        assert abs(shown["day"].at - soon) < datetime.timedelta(seconds=10)
    assert shown["month"].at is None
    assert (shown["lead"].committed, shown["lead"].at) == (None, None)
    assert shown["day"].percent == 60
