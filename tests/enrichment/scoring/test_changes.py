"""What changes from one card to another, in words."""

import copy

from enrichment.documents.scorecard import PUBLISHED
from enrichment.scoring.changes import changes, count, describe_card, describe_conflict
from enrichment.versions.merging import merge


def said(before, after):
    """["Company size ~ 200 to 2,000 employees: 30 points > 25 points", …]."""
    return [
        f"{section.title} {line.mark} {line.what}: {line.before} > {line.after}"
        for section in changes(before, after)
        for line in section.changes
    ]


def edited(edit):
    document = copy.deepcopy(PUBLISHED)
    edit(document)
    return document


def test_nothing_changes():
    assert changes(PUBLISHED, copy.deepcopy(PUBLISHED)) == []
    assert count(changes(PUBLISHED, PUBLISHED)) == 0


def test_points_ends_and_texts():
    def edit(d):
        d["components"][0]["bands"][0]["points"] = 25
        d["components"][0]["bands"][1]["below"] = 180
        d["components"][1]["groups"][0]["values"].append("Fintech")
        d["components"][3]["needles"][0]["points"] = 4
        d["components"][3]["match"] = "word"

    assert said(PUBLISHED, edited(edit)) == [
        "Company size ~ 200 to 2,000 employees: 30 points > 25 points",
        "Company size ~ 20 points for: 100 to under 200 employees > 100 to under 180 employees",
        "Industry ~ 20 points for: one of SaaS, Technology, Software or B2B > "
        "one of SaaS, Technology, Software, B2B or Fintech",
        "Tech stack ~ match: anywhere in the text > as a whole word",
        'Tech stack ~ "salesforce": 5 points > 4 points',
    ]


def test_rows_and_components_that_come_go_and_move():
    def edit(d):
        rules = d["components"][2]["rules"]
        rules[2], rules[3] = rules[3], rules[2]
        rules.append({"needles": ["owner"], "match": "word", "points": 5})
        d["components"][0]["bands"].pop(3)
        d["components"].pop(4)
        d["components"].append(
            {
                "id": "place",
                "label": "Place",
                "field": "company_location",
                "cap": 5,
                "kind": "rules",
                "rules": [{"needles": ["berlin"], "match": "substring", "points": 5}],
            }
        )

    lines = said(PUBLISHED, edited(edit))
    assert "Company size - over 2,000 to 5,000 employees: 15 points > " in lines
    assert 'Title seniority + contains the word "owner":  > 5 points' in lines
    assert any(line.startswith("Title seniority ↕ precedence") for line in lines)
    assert 'Place + contains "berlin":  > 5 points' in lines
    assert any(line.startswith("Funding stage - component") for line in lines)


def test_tiers_caps_and_the_order_of_components():
    def edit(d):
        d["tiers"][0]["at_least"] = 75
        d["tiers"][2]["name"] = "Rest"
        d["cap"] = 90
        d["components"].reverse()

    lines = said(PUBLISHED, edited(edit))
    assert "Tiers ~ Tier 1 begins at: 80 points > 75 points" in lines
    assert "Tiers ~ name of a tier: Tier 3 > Rest" in lines
    assert "Whole card ~ most points in all: 100 > 90" in lines
    assert any(line.startswith("Components ↕ order") for line in lines)


def test_a_tier_more():
    more = edited(lambda d: d["tiers"].insert(2, {"name": "Between", "at_least": 30}))
    assert said(PUBLISHED, more) == ["Tiers + Between:  > 30 points"]
    assert said(more, PUBLISHED) == ["Tiers - Between: 30 points > "]


def test_the_whole_card_in_words():
    parts = describe_card(PUBLISHED)
    assert parts[0].title == "Company size, at most 30 points"
    assert parts[0].lines[0] == ("200 to 2,000 employees", "30 points")
    assert parts[-1].lines == [
        ("Tier 1", "80 points"),
        ("Tier 2", "50 points"),
        ("Tier 3", "every other lead"),
    ]


def test_a_conflict_says_where_it_is_and_what_each_side_says():
    theirs = edited(lambda d: d["components"][0]["bands"][0].update(points=25))
    yours = edited(lambda d: d["components"][0]["bands"][0].update(points=20))
    (conflict,) = merge(PUBLISHED, theirs, yours).conflicts
    choice = describe_conflict(conflict, PUBLISHED)
    assert choice.where == "Company size, 200 to 2,000 employees, points"
    assert (choice.base, choice.theirs, choice.yours) == ("30", "25", "20")


def test_a_row_taken_away_and_an_order_are_said():
    theirs = edited(lambda d: d["components"][0]["bands"].pop(0))
    yours = edited(lambda d: d["components"][0]["bands"][0].update(points=20))
    (conflict,) = merge(PUBLISHED, theirs, yours).conflicts
    assert describe_conflict(conflict, PUBLISHED).theirs == "taken away"

    def swap(i, j):
        def edit(d):
            rules = d["components"][2]["rules"]
            rules[i], rules[j] = rules[j], rules[i]

        return edited(edit)

    (conflict,) = merge(PUBLISHED, swap(0, 1), swap(2, 3)).conflicts
    choice = describe_conflict(conflict, PUBLISHED)
    assert choice.where == "Title seniority, order"
    assert choice.theirs.startswith('contains "vp" or "vice president" →')
