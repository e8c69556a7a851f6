"""Every figure about money, computed a second time from what was bought, over drawn histories."""

import datetime
from collections import defaultdict
from decimal import Decimal

import pytest
from django.core.cache import cache

from enrichment.models import Attempt, Lead, SpendCap
from enrichment.waterfall import spend_limits, spend_report, spending
from swarm_admin.core.timing import today
from tests.enrichment.waterfall.history import RESERVED, SOURCES, History

pytestmark = pytest.mark.django_db
ZERO = Decimal(0)


def in_span(history, first, last):
    """(person, purchase) of every run that ended in these days."""
    for person in history.people:
        for bought in person.bought:
            if bought.day is not None and first <= bought.day <= last:
                yield person, bought


def tiers(history):
    """{lead: its tier}: as it is, or was when the lead was deleted."""
    now = dict(Lead.objects.values_list("pk", "icp_tier"))
    return {person.lead: person.tier if person.is_deleted else now[person.lead] or 0 for person in history.people}


def lines(history, first, last, key_of):
    """{key: (cost, leads, leads with a hit)}, each lead once."""
    cost, leads, hits = defaultdict(Decimal), defaultdict(set), defaultdict(set)
    for person, bought in in_span(history, first, last):
        key = key_of(person, bought)
        cost[key] += bought.cost
        if bought.counts:
            leads[key].add(person.lead)
            if any(call.fields for call in bought.calls):
                hits[key].add(person.lead)
    return {key: (cost[key], len(leads[key]), len(hits[key])) for key in cost if cost[key] or leads[key]}


def shown(report_lines):
    return {line.key: (line.cost, line.asked, line.hits) for line in report_lines}


def check_report(history, period):
    first, last = spend_report.days_of_period(period)
    found = spend_report.spend_report(first, last)
    bought = [each for _, each in in_span(history, first, last)]
    tier = tiers(history)
    whole = {person.lead for person, each in in_span(history, first, last) if each.counts}
    assert found.total == sum((each.cost for each in bought), ZERO)
    assert found.leads == len(whole)
    assert found.tier_one == len([lead for lead in whole if tier[lead] == 1])
    assert found.per_tier_one == (found.total / found.tier_one if found.tier_one else None)
    assert shown(found.by_source) == lines(history, first, last, lambda person, _: person.source)
    assert shown(found.by_day) == lines(history, first, last, lambda _, each: f"{each.day:%Y-%m-%d}")
    assert shown(found.by_person) == lines(history, first, last, lambda _, each: str(each.staff))
    by_tier = lines(history, first, last, lambda person, _: str(tier[person.lead]))
    assert shown(found.by_tier) == by_tier
    calls = [call for each in bought for call in each.calls]
    assert shown(found.by_provider) == {
        slug: (
            sum((call.cost for call in calls if call.provider == slug), ZERO),
            len([call for call in calls if call.provider == slug]),
            len([call for call in calls if call.provider == slug and call.fields]),
        )
        for slug in {call.provider for call in calls}
    }
    saved = [saved for day, saved in history.saved if first <= day <= last]
    assert (found.saved, found.taken_over) == (sum(saved, ZERO), len(saved))


def check_caps(history):
    day, month = today().date(), today().date().replace(day=1)

    def spent(since, source=""):
        theirs = [each for person, each in in_span(history, since, day) if source in ("", person.source)]
        return sum((each.cost for each in theirs), ZERO)

    def reserved(source=""):
        waiting = [person for person in history.people if person.open and source in ("", person.source)]
        return sum((max(RESERVED, person.open.cost) for person in waiting), ZERO)

    used = spending.committed_spend()
    for cap in SpendCap.objects.all():
        since = day if cap.period == "day" else month
        assert spend_limits.committed_of(cap, used) == spent(since, cap.source_type) + reserved(cap.source_type), (
            cap.label
        )
    assert {each.cap.pk: each.committed for each in spend_report.limit_usage()} == {
        cap.pk: spend_limits.committed_of(cap, used) for cap in SpendCap.objects.all()
    }
    on_overview = spend_report.against_budget()
    assert (on_overview["today"], on_overview["month"]) == (spent(day), spent(month))
    assert on_overview["reserved"] == reserved()
    assert on_overview["today"] == spend_report.spend_report(day, day).total
    assert on_overview["month"] == spend_report.spend_report(month, day).total


def check_leads(history):
    """On a lead's page stands what its runs cost, and its fields' shares are what their calls cost."""
    for person in history.people:
        if person.is_deleted:
            assert not Lead.objects.filter(pk=person.lead).exists()
            continue
        lead = Lead.objects.get(pk=person.lead)
        assert lead.enrichment_cost == sum((each.cost for each in person.bought), ZERO)
        assert sum(lead.attempts.values_list("cost", flat=True), ZERO) == lead.enrichment_cost
        with_fields = [call.cost for each in person.bought for call in each.calls if call.fields]
        assert sum(lead.facts.values_list("cost", flat=True), ZERO) == sum(with_fields, ZERO)


def check(history):
    cache.clear()
    for period in spend_report.PERIODS:
        check_report(history, period)
    check_caps(history)
    check_leads(history)


@pytest.mark.parametrize("seed", range(8))
def test_every_figure_is_what_was_bought(seed):
    history = History(seed)
    for period in ("day", "month"):
        for source in ("", *SOURCES):
            SpendCap.objects.create(period=period, source_type=source, amount=1000)
    for _ in range(3):
        history.play(14)
        check(history)
    for person in [each for each in history.people if not each.is_deleted]:
        history.delete(person)
    check(history)
    assert not Attempt.objects.filter(lead__isnull=False).exists()


def test_every_kind_of_deed_happens_in_the_drawn_histories():
    """Else a figure could be right because nothing had happened to it."""
    history = History(1)
    history.play(150)
    bought = [each for person in history.people for each in person.bought]
    assert len([person for person in history.people if person.is_deleted and len(person.bought) > 1]) > 2
    assert any(each.kept_back for each in bought)
    assert any(len({each.staff for each in person.bought}) > 1 for person in history.people)
    assert any(len({each.day for each in person.bought}) > 1 for person in history.people)
    assert any(each.day and each.day < today().date() - datetime.timedelta(days=30) for each in bought)
    assert history.saved
    check(history)
