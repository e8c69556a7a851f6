"""Three documents become one: what one person changed is kept, what both changed is asked."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.versions.merging import MISSING, merge, pair_rows


def changed(*edits):
    """A copy of the published card after these edits."""
    document = copy.deepcopy(PUBLISHED)
    for edit in edits:
        edit(document)
    return document


def set_points(points, component=0, row=0):
    def edit(document):
        document["components"][component]["bands"][row]["points"] = points

    return edit


def set_end(end, row=0):
    return lambda document: document["components"][0]["bands"][row].update(at_most=end)


def add_band(band):
    return lambda document: document["components"][0]["bands"].append(band)


def remove_band(row):
    return lambda document: document["components"][0]["bands"].pop(row)


def add_industry(name):
    return lambda document: document["components"][1]["groups"][0]["values"].append(name)


def swap_rules(i, j):
    def edit(document):
        rules = document["components"][2]["rules"]
        rules[i], rules[j] = rules[j], rules[i]

    return edit


def test_what_only_one_changed_is_kept_of_both():
    theirs = changed(set_points(25), add_industry("Fintech"))
    yours = changed(set_end(3000), lambda d: d.update(cap=90), add_band({"above": 5000, "points": 1}))
    merged = merge(PUBLISHED, theirs, yours)
    assert merged.conflicts == []
    both = changed(
        set_points(25),
        set_end(3000),
        add_industry("Fintech"),
        lambda d: d.update(cap=90),
        add_band({"above": 5000, "points": 1}),
    )
    assert merged.document == both


def test_the_same_field_changed_otherwise_by_both_is_asked():
    theirs, yours = changed(set_points(25)), changed(set_points(20))
    merged = merge(PUBLISHED, theirs, yours)
    (conflict,) = merged.conflicts
    assert (conflict.base, conflict.theirs, conflict.yours, conflict.choice) == (30, 25, 20, "")
    assert merged.open == [conflict]
    for choice, points in (("theirs", 25), ("yours", 20)):
        done = merge(PUBLISHED, theirs, yours, {conflict.path: choice})
        assert done.document == changed(set_points(points))
        assert done.open == []


def test_the_same_change_by_both_is_none():
    document = changed(set_points(25), add_industry("Fintech"), add_band({"above": 5000, "points": 1}))
    merged = merge(PUBLISHED, document, copy.deepcopy(document))
    assert (merged.document, merged.conflicts) == (document, [])


def test_a_row_that_both_added_is_there_once_and_two_different_ones_twice():
    row, other = {"above": 5000, "points": 1}, {"above": 9000, "points": 2}
    merged = merge(PUBLISHED, changed(add_band(row)), changed(add_band(row), add_industry("X")))
    assert merged.document["components"][0]["bands"].count(row) == 1
    merged = merge(PUBLISHED, changed(add_band(row)), changed(add_band(other)))
    assert row in merged.document["components"][0]["bands"]
    assert other in merged.document["components"][0]["bands"]


def test_a_row_one_took_away_and_the_other_changed_is_asked():
    theirs, yours = changed(remove_band(0)), changed(set_points(25))
    merged = merge(PUBLISHED, theirs, yours)
    (conflict,) = merged.conflicts
    assert conflict.theirs is MISSING
    assert conflict.yours["points"] == 25
    assert merge(PUBLISHED, theirs, yours, {conflict.path: "theirs"}).document == theirs
    assert merge(PUBLISHED, theirs, yours, {conflict.path: "yours"}).document == yours


def test_a_row_one_took_away_is_gone():
    merged = merge(PUBLISHED, changed(remove_band(1)), changed(set_points(25)))
    assert merged.conflicts == []
    assert merged.document == changed(set_points(25), remove_band(1))


def test_the_order_of_one_is_kept_and_two_orders_are_asked():
    merged = merge(PUBLISHED, changed(swap_rules(0, 1)), changed(set_points(25)))
    assert merged.document == changed(swap_rules(0, 1), set_points(25))
    theirs, yours = changed(swap_rules(0, 1)), changed(swap_rules(2, 3))
    merged = merge(PUBLISHED, theirs, yours)
    (conflict,) = merged.conflicts
    assert conflict.is_order
    assert merge(PUBLISHED, theirs, yours, {conflict.path: "theirs"}).document == theirs
    assert merge(PUBLISHED, theirs, yours, {conflict.path: "yours"}).document == yours


def test_a_row_added_by_one_stands_where_it_was_put():
    def insert(document):
        document["components"][2]["rules"].insert(1, {"needles": ["owner"], "match": "word", "points": 22})

    merged = merge(PUBLISHED, changed(swap_rules(2, 3)), changed(insert))
    assert merged.document["components"][2]["rules"][1]["needles"] == ["owner"]
    assert merged.conflicts == []


def test_a_tier_that_one_renamed_and_the_other_moved_is_one_tier():
    def rename(tier, name):
        return lambda document: document["tiers"][tier].update(name=name)

    def threshold(tier, points):
        return lambda document: document["tiers"][tier].update(at_least=points)

    merged = merge(PUBLISHED, changed(rename(0, "Hot")), changed(threshold(0, 75)))
    assert merged.conflicts == []
    assert merged.document["tiers"] == [{"name": "Hot", "at_least": 75}, *PUBLISHED["tiers"][1:]]
    both = changed(rename(0, "Hot"), threshold(0, 85))
    merged = merge(PUBLISHED, both, changed(threshold(0, 75)), {"tiers.b0.at_least": "theirs"})
    assert [conflict.path for conflict in merged.conflicts] == ["tiers.b0.at_least"]
    assert merged.document["tiers"][0] == {"name": "Hot", "at_least": 85}
    merged = merge(PUBLISHED, changed(rename(2, "Rest")), changed(rename(2, "Other")))
    assert [conflict.path for conflict in merged.conflicts] == ["tiers.b2.name"]


def test_a_tier_put_above_the_others_is_a_new_one():
    def another(document):
        document["tiers"].insert(0, {"name": "Best", "at_least": 95})
        document["tiers"].pop(2)

    merged = merge(PUBLISHED, changed(another), changed(set_points(29)))
    assert [tier["name"] for tier in merged.document["tiers"]] == ["Best", "Tier 1", "Tier 3"]


def test_rows_are_recognised_by_what_they_say():
    base = [{"needle": "a", "points": 1}, {"needle": "b", "points": 2}]
    assert pair_rows(base, [{"needle": "b", "points": 9}, {"needle": "a", "points": 1}]) == {0: 1, 1: 0}
    assert pair_rows(base, [{"needle": "c", "points": 1}]) == {}
    bands = [{"at_least": 1, "at_most": 5, "points": 3}, {"at_least": 6, "points": 4}]
    assert pair_rows(bands, [{"at_least": 6, "points": 7}, {"at_least": 1, "at_most": 9, "points": 3}]) == {
        0: 1,
        1: 0,
    }


points = st.integers(0, 30)
edits = st.lists(
    st.one_of(
        points.map(set_points),
        st.integers(3000, 9000).map(set_end),
        st.sampled_from(["Fintech", "Media", "SaaS 2"]).map(add_industry),
        st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda pair: swap_rules(*pair)),
        st.just(add_band({"above": 5000, "points": 1})),
        st.integers(1, 100).map(lambda cap: lambda document: document.update(cap=max(cap, 80))),
    ),
    max_size=4,
)


@given(edits, edits)
def test_a_merge_of_valid_cards_keeps_every_side_that_stands_alone(theirs, yours):
    a, b = changed(*theirs), changed(*yours)
    assert merge(PUBLISHED, a, PUBLISHED).document == a
    assert merge(PUBLISHED, PUBLISHED, b).document == b
    assert merge(a, a, b).document == b
    done = merge(PUBLISHED, a, b)
    assert done.document["cap"] in (a["cap"], b["cap"])
    chosen = {conflict.path: "theirs" for conflict in done.conflicts}
    assert merge(PUBLISHED, a, b, chosen).open == []


@pytest.mark.parametrize("side", ["theirs", "yours"])
def test_with_everything_chosen_from_one_side_and_nothing_else_it_is_that_side(side):
    a, b = changed(set_points(25), set_end(3000)), changed(set_points(20), set_end(4000))
    done = merge(PUBLISHED, a, b)
    final = merge(PUBLISHED, a, b, dict.fromkeys((conflict.path for conflict in done.conflicts), side))
    assert final.document == (a if side == "theirs" else b)
    Scorecard.model_validate(final.document)
