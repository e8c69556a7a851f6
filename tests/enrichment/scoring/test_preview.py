"""The exact effect of a card over all leads: what a row-by-row count would say."""

import copy

import pytest

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.models import Lead
from enrichment.pipeline.score.engine import Engine
from enrichment.scoring import preview
from tests.factories import EnrichedLeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scoring_snapshot")]


def card(**changes):
    """The published card with these changes, by path: {"components.0.bands.0.points": 5}."""
    document = copy.deepcopy(PUBLISHED)
    for path, value in changes.items():
        *steps, last = path.split("__")
        at = document
        for step in steps:
            at = at[int(step)] if step.isdecimal() else at[step]
        at[int(last) if last.isdecimal() else last] = value
    return Scorecard.model_validate(document)


@pytest.fixture
def crowd():
    sizes = (None, 0, 30, 75, 150, 199, 200, 2000, 3000, 6000)
    titles = ("Chief of Staff", "VP Sales", "Director", "Clerk", "")
    for number in range(40):
        EnrichedLeadFactory(
            company_size=sizes[number % len(sizes)],
            title=titles[number % len(titles)],
            tech_stack=["Salesforce", "Gong", "AWS"][: number % 4],
            company_industry="SaaS" if number % 3 else "Retail",
            funding_stage="Series B" if number % 2 else "Seed",
            email_work="" if number % 5 == 0 else f"p{number}@acme.example",
            phone="" if number % 10 == 0 else "+14155550000",
        )


CHANGES = (
    {"components__0__bands__0__points": 5},
    {"components__2__rules__0__needles": ["clerk"]},
    {"components__3__match": "word", "components__3__cap": 5},
    {"tiers__0__at_least": 60, "tiers__1__at_least": 20},
    {"cap": 55, "tiers__0__at_least": 55},
)


def by_hand(live, draft):
    """[(lead, score before, tier before, score, tier)] with the engine, one lead at a time."""
    scorers = Engine(live), Engine(draft)
    rows = []
    for lead in Lead.objects.all():
        was, will = (each.score_leads([lead.values(*each.columns)])[0] for each in scorers)
        rows.append((lead, was.points, was.tier, will.points, will.tier))
    return rows


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.usefixtures("crowd")
def test_the_effect_is_that_of_every_lead_by_itself(changes):
    live, draft = card(), card(**changes)
    found, rows = preview.effect_of_draft(live, draft), by_hand(live, draft)
    assert found.leads == len(rows) == 40
    for i in range(3):
        for j in range(3):
            assert found.matrix[i][j] == sum(row[2] == i + 1 and row[4] == j + 1 for row in rows)
    assert found.up == sum(row[4] < row[2] for row in rows)
    assert found.down == sum(row[4] > row[2] for row in rows)
    assert found.rescored == sum(row[1] != row[3] for row in rows)
    assert [sum(side) for side in found.histogram] == [40, 40]
    mailable = [row for row in rows if row[0].email_work]
    assert found.campaign.before == sum(row[2] in (1, 2) for row in mailable)
    assert found.campaign.after == sum(row[4] in (1, 2) for row in mailable)
    assert found.campaign.entering == sum(row[2] == 3 and row[4] in (1, 2) for row in mailable)
    assert found.campaign.leaving == sum(row[2] in (1, 2) and row[4] == 3 for row in mailable)


@pytest.mark.usefixtures("crowd")
def test_one_change_after_the_other_gives_what_each_gives_alone():
    """What is kept of a component is not taken for another that only looks like it."""
    for changes in (*CHANGES, *reversed(CHANGES), {}):
        live, draft = card(), card(**changes)
        kept = preview.effect_of_draft(live, draft)
        preview._drop_cached()
        assert preview.effect_of_draft(live, draft).frame.equals(kept.frame)


@pytest.mark.usefixtures("crowd")
def test_a_lead_that_changes_meanwhile_counts_as_it_is_now():
    live, draft = card(), card(**CHANGES[0])
    preview.effect_of_draft(live, draft)
    Lead.objects.filter(company_size=200).update(company_size=1, title="Clerk")
    Lead.objects.order_by("pk").first().delete()
    EnrichedLeadFactory()
    found, rows = preview.effect_of_draft(live, draft), by_hand(live, draft)
    assert found.leads == len(rows)
    assert sorted(found.frame.select("id", "score_before", "tier_before", "score", "tier").iter_rows()) == sorted(
        (row[0].pk, *row[1:]) for row in rows
    )


def test_the_histogram_counts_from_each_edge_up():
    EnrichedLeadFactory()  # 30 + 20 + 20 + 10 + 10 = 90
    found = preview.effect_of_draft(card(), card())
    assert found.edges[18] == 90
    assert found.histogram[0][18] == 1
    EnrichedLeadFactory(title="Chief", tech_stack=["Gong", "Clari", "Outreach"])  # 100, the highest there is
    assert preview.effect_of_draft(card(), card()).histogram[0][19] == 1


def test_the_tiers_carry_their_names_and_may_be_more():
    EnrichedLeadFactory()
    draft = card(tiers=[{"name": "Gold", "at_least": 80}, {"name": "Silver", "at_least": 50}, {"name": "Rest"}])
    assert preview.effect_of_draft(card(), draft).after == ["Gold", "Silver", "Rest"]
    more = [{"name": name, "at_least": points} for name, points in (("A", 95), ("B", 85), ("C", 50))]
    found = preview.effect_of_draft(card(), card(tiers=[*more, {"name": "D"}]))
    assert found.matrix[0] == [0, 1, 0, 0]


def test_where_clay_decides_its_tier_counts_before_and_after(settings):
    settings.TIER_SOURCE = "clay"
    EnrichedLeadFactory(clay_tier="Tier 5")
    EnrichedLeadFactory(clay_tier="none")
    found = preview.effect_of_draft(card(), card(tiers__0__at_least=95))
    assert found.before == ["Tier 1", "Tier 2", "Tier 3", "Tier 4", "Tier 5"]
    assert (found.matrix[4][4], found.matrix[0][1]) == (1, 1)


@pytest.mark.usefixtures("crowd")
def test_who_moves_is_listed_the_best_first_by_cell_and_by_page():
    live, draft = card(), card(**CHANGES[0])
    found = preview.effect_of_draft(live, draft)
    moved = preview.tier_changes(found)
    assert moved.height == found.moved > 3
    listed = preview.page_of(moved, 0, 1000)
    assert [mover.score for mover in listed] == sorted((mover.score for mover in listed), reverse=True)
    assert preview.page_of(moved, 2, 2) == listed[2:4]
    cell = next((i, j) for i in range(3) for j in range(3) if i != j and found.matrix[i][j])
    chosen = preview.tier_changes(found, (cell[0] + 1, cell[1] + 1))
    assert chosen.height == found.matrix[cell[0]][cell[1]]


def test_no_lead_at_all_is_an_effect_too():
    found = preview.effect_of_draft(card(), card(cap=50, tiers=[{"name": "A", "at_least": 20}, {"name": "B"}]))
    assert (found.leads, found.moved, found.matrix) == (0, 0, [[0, 0], [0, 0], [0, 0]])
