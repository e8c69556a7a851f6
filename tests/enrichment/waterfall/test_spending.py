"""What enrichment has cost: closed days and open ones say the same, and the caps see every dollar once."""

import datetime
import threading
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from enrichment.models import Attempt, Lead, SpendBook, SpendEntry, TakenOver, WaterfallVersion
from enrichment.waterfall import enriched, spend_report, spending
from swarm_admin.access.models import User
from swarm_admin.core.cache import invalidate
from swarm_admin.core.timing import today
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
NOON = datetime.timedelta(hours=12)


def attempt(lead=None, *, at=None, cost="0.10", status="succeeded", providers=None, **values):
    lead = lead or LeadFactory()
    told = providers if providers is not None else [call("apollo", ["email_work"], cost)]
    return Attempt.objects.create(
        lead=lead,
        waterfall=WaterfallVersion.active(),
        status=status,
        finished_at=at,
        cost=Decimal(cost),
        source_type=lead.source_type,
        providers=told,
        **values,
    )


def call(name, fields, cost):
    return {"name": name, "fields": fields, "timestamp": "2026-01-01T00:00:00+00:00", "cost": cost}


def ago(days):
    return today() - datetime.timedelta(days=days) + NOON


def costs(rows):
    return sorted((str(day), each.provider, each.cost, each.asked, each.hits) for day, each in rows)


def test_a_closed_day_says_what_it_said_while_it_was_open():
    someone = User.objects.create_user("a@example.com")
    attempt(EnrichedLeadFactory(), at=ago(2), started_by=someone)
    told = [call("apollo", [], "0.03"), call("hunter", ["email_work"], "0.02")]
    attempt(at=ago(2), cost="0.05", providers=told)
    day = ago(2).date()
    before = costs(spending.spend_sums(day, day))
    assert spending.close_days() >= 1
    assert SpendBook.objects.filter(day=day).exists()
    assert costs(spending.spend_sums(day, day)) == before
    by_provider = {(provider, asked, hits, cost) for _, provider, cost, asked, hits in before if provider}
    assert by_provider == {
        ("apollo", 1, 1, Decimal("0.10")),
        ("apollo", 1, 0, Decimal("0.03")),
        ("hunter", 1, 1, Decimal("0.02")),
    }


def test_today_is_never_closed_and_a_day_is_closed_once():
    attempt(at=timezone.now())
    attempt(at=ago(1))
    spending.close_days()
    assert not SpendBook.objects.filter(day=today().date()).exists()
    assert spending.close_days() == 0


def test_a_cost_told_late_opens_its_day_again():
    late = attempt(at=ago(1), cost="0.10")
    spending.close_days()
    late.cost = Decimal("0.30")
    late.save(update_fields=["cost"])
    spending.reopen([late.finished_at, None])
    assert not SpendBook.objects.filter(day=ago(1).date()).exists()
    spending.close_days()
    assert SpendEntry.objects.get(book__day=ago(1).date(), provider="").cost == Decimal("0.3000")


def test_a_lead_counts_once_however_often_by_whomever_and_on_whatever_days_it_was_tried():
    someone = User.objects.create_user("a@example.com")
    lead = EnrichedLeadFactory()
    attempt(lead, at=ago(3), cost="0.10")
    attempt(lead, at=ago(3), cost="0.20", started_by=someone)
    attempt(lead, at=timezone.now(), cost="0.30")
    attempt(LeadFactory(), at=ago(3), cost="0", status="abandoned", providers=[])
    found = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert (found.leads, found.tier_one, found.per_tier_one) == (1, 1, Decimal("0.60"))
    assert [(line.label, line.cost, line.asked, line.hits) for line in found.by_tier] == [
        ("Tier 1", Decimal("0.60"), 1, 1)
    ]
    assert [(line.cost, line.asked) for line in found.by_day] == [
        (Decimal("0.30"), 1), (Decimal("0.30"), 1)
    ]  # fmt: skip
    assert {(line.label, line.cost, line.asked) for line in found.by_person} == {
        ("a@example.com", Decimal("0.20"), 1),
        ("The Hunter agent and imports", Decimal("0.40"), 1),
    }


def test_a_lead_whose_tier_changes_is_counted_in_the_one_it_has_with_all_it_cost():
    lead = EnrichedLeadFactory(icp_tier=3)
    attempt(lead, at=ago(3), cost="0.10")
    spending.close_days()
    attempt(lead, at=timezone.now(), cost="0.20")
    Lead.objects.filter(pk=lead.pk).update(icp_tier=1)
    found = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert [(line.label, line.cost, line.asked) for line in found.by_tier] == [("Tier 1", Decimal("0.30"), 1)]


@pytest.mark.django_db(transaction=True)
def test_a_day_is_not_closed_while_a_cost_of_it_is_being_told():
    """Else its book would stand without that cost for ever. Two days ago: yesterday's is not closed at once."""
    late = attempt(at=ago(2), cost="0.10")
    closed = threading.Event()

    def close():
        try:
            spending.close_days()
        finally:
            closed.set()
            connection.close()

    with transaction.atomic():
        spending.reopen([late.finished_at])
        Attempt.objects.filter(pk=late.pk).update(cost=Decimal("0.30"))
        closing = threading.Thread(target=close)
        closing.start()
        while not closed.is_set() and not _waiting_for_a_lock():
            pass
        assert not closed.is_set()
    closing.join()
    assert SpendEntry.objects.get(book__day=ago(2).date(), provider="").cost == Decimal("0.3000")


def _waiting_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone()[0]


def test_what_is_committed_is_the_same_with_closed_and_open_days():
    month = today().replace(day=1)
    for days in range((today() - month).days + 1):
        attempt(at=month + datetime.timedelta(days=days, seconds=1), cost="1")
    attempt(at=month - datetime.timedelta(seconds=1), cost="100")
    attempt(status="running", cost="0", reserved=Decimal("0.50"))
    attempt(status="intended", cost="0.70", reserved=Decimal("0.50"))
    attempt(status="abandoned", at=timezone.now(), cost="0", reserved=Decimal(9))
    days = (today() - month).days + 1
    expected = spending.CommittedSpend(Decimal(1), Decimal(days), Decimal("1.20"))
    assert spending.committed_spend() == {"competitor_follower": expected}
    spending.close_days()
    assert spending.committed_spend() == {"competitor_follower": expected}
    SpendBook.objects.filter(day=month.date()).delete()
    assert spending.committed_spend() == {"competitor_follower": expected}


def test_the_sums_of_a_month_do_not_read_its_attempts():
    attempt(at=ago(1), cost="1")
    spending.close_days()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        query = {"day": today().date(), "month": today().replace(day=1).date()}
        cursor.execute(f"EXPLAIN {spending._COMMITTED}", query)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "attempt_by_finish" in plan
    assert "attempt_open" in plan


def test_the_report_by_everything():
    someone = User.objects.create_user("ops@example.com")
    attempt(EnrichedLeadFactory(), at=timezone.now(), cost="0.30", started_by=someone)
    attempt(LeadFactory(source_type="post_liker"), at=timezone.now(), cost="0.10")
    TakenOver.objects.create(lead=LeadFactory(), waterfall="techstack", saved=Decimal("0.04"))
    found = spend_report.spend_report(*spend_report.days_of_period("today"))
    assert (found.total, found.leads, found.tier_one, found.per_tier_one) == (
        Decimal("0.40"),
        2,
        1,
        Decimal("0.40"),
    )
    assert [(line.label, line.cost) for line in found.by_source] == [
        ("Competitor follower", Decimal("0.30")),
        ("Post liker", Decimal("0.10")),
    ]
    assert [line.label for line in found.by_tier] == ["Not scored", "Tier 1"]
    assert [line.label for line in found.by_person] == ["ops@example.com", "The Hunter agent and imports"]
    assert (found.saved, found.taken_over) == (Decimal("0.04"), 1)


def test_nothing_spent_is_no_division_by_zero():
    found = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert (found.total, found.per_tier_one, found.by_provider) == (0, None, [])


@pytest.fixture
def too_many(monkeypatch):
    """Leads take longer to count than a page waits."""
    with monkeypatch.context() as patched:
        patched.setattr(enriched, "_COUNTS", f"{enriched._COUNTS} /* slow */ ORDER BY (SELECT pg_sleep(20)::text)")
        patched.setattr(enriched, "AT_ONCE_SECONDS", 0.2)
        yield patched


def test_a_page_does_not_wait_for_a_million_leads_and_tells_them_once_a_tick_has_counted(too_many):
    attempt(EnrichedLeadFactory(), at=ago(1), cost="0.10")
    began = time.monotonic()
    found = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert time.monotonic() - began < 10
    assert (found.total, found.leads, found.tier_one, found.per_tier_one) == (
        Decimal("0.10"),
        None,
        None,
        None,
    )
    assert [(line.cost, line.asked, line.each) for line in found.by_source] == [(Decimal("0.10"), None, None)]
    assert found.by_tier == []
    assert (found.counted_at, enriched._is_slow(*span("today"))) == (None, False)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] != "200ms", "what follows in the transaction has its own time"

    too_many.undo()
    assert enriched.enriched_leads(*span("30d")).by is None, "a span that was too long is a tick's"
    spend_report.keep_counted()
    found = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert (found.leads, found.tier_one, found.per_tier_one) == (1, 1, Decimal("0.10"))
    assert found.counted_at is not None
    assert enriched.refresh_counts([span("30d")]) == 0, "it is fresh"


def test_what_was_counted_last_is_told_until_it_is_counted_anew():
    attempt(EnrichedLeadFactory(), at=ago(1), cost="0.10")
    before = spend_report.spend_report(*spend_report.days_of_period("30d"))
    attempt(EnrichedLeadFactory(), at=ago(1), cost="0.10")
    cache.set(enriched.SLOW, 30)
    kept = cache.get(enriched._key(*span("30d")))
    cache.set(enriched._key(*span("30d")), replace(kept, fresh_until=0))
    invalidate(f"spend-day:{ago(1).date()}")  # money is some seconds old at most
    stale = spend_report.spend_report(*spend_report.days_of_period("30d"))
    assert (stale.total, stale.leads, stale.counted_at) == (Decimal("0.20"), 1, before.counted_at)
    assert enriched.refresh_counts([span("today"), span("30d")]) == 1
    assert spend_report.spend_report(*spend_report.days_of_period("30d")).leads == 2


def span(period):
    first, last = spend_report.days_of_period(period)
    return spending.midnight(first), spending.midnight(last, after=1)
