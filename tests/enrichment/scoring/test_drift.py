"""Where Clay's score differs: each lead in the group of its cause, counted exactly."""

import copy
from typing import Any

import pytest

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.documents.scorecard import Scorecard
from enrichment.models import ClayFormula, Lead, Placement, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.pipeline.score.engine import Engine
from enrichment.scoring import drift
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db

MORE_FOR_SAAS = copy.deepcopy(PUBLISHED)
MORE_FOR_SAAS["components"][1]["groups"] = [{"values": ["SaaS"], "points": 12.4}]


def publish(document: dict[str, Any]) -> ScorecardVersion:
    """As the studio does: the document is published, and the leads are scored by it."""
    ScorecardVersion.objects.filter(status="published").update(status="superseded")
    number = ScorecardVersion.objects.count() + 1
    version = ScorecardVersion.objects.create(number=number, status="published", document=document)
    forget_active()
    return version


def ours(document: dict[str, Any], **values: Any) -> float:
    [score] = Engine(Scorecard.model_validate(document)).score_leads([values])
    return score.points


VALUES = {
    "company_size": 250.0,
    "company_industry": "SaaS",
    "title": "Director",
    "tech_stack": ["Gong"],
    "funding_stage": "",
}


def make(clay_score: float | None, *, document: dict[str, Any] = PUBLISHED, raw: Any = None, **changes: Any) -> Lead:
    """A lead that the document scored; Clay's row holds the mirror's values but for `raw`."""
    values = VALUES | {name: changes.pop(name) for name in list(changes) if name in VALUES}
    lead: Lead = EnrichedLeadFactory(
        **values,
        **changes,
        icp_score=ours(document, **values),
        clay_score=clay_score,
        scorecard=ScorecardVersion.objects.get(status="published"),
        raw=values | (raw or {}),
    )
    return lead


def groups() -> dict[str, list[int]]:
    return {key: ids.to_list() for key, ids in drift.count_drift().ids.items()}


def test_no_leads_no_drift() -> None:
    found = drift.count_drift()
    assert (found.compared, found.equal, found.differ, found.causes) == (0, 0, 0, [])


def test_equal_scores_are_counted_and_in_no_group() -> None:
    make(70)
    make(70)
    found = drift.count_drift()
    assert (found.compared, found.equal, found.causes) == (2, 2, [])


def test_a_lead_that_clay_has_not_computed_is_not_different() -> None:
    lead = make(None)
    found = drift.count_drift()
    assert (found.compared, found.differ) == (0, 0)
    assert groups() == {"not_computed": [lead.pk]}


def test_the_formula_of_another_version_is_named() -> None:
    publish(MORE_FOR_SAAS)
    old = make(70, document=MORE_FOR_SAAS)
    found = drift.count_drift()
    assert groups() == {"version-1": [old.pk]}
    [cause] = found.causes
    assert (cause.version, cause.count, cause.label) == (1, 1, "Formula of scorecard version 1")


def test_of_two_versions_with_the_same_formula_the_published_one_is_no_cause() -> None:
    publish(MORE_FOR_SAAS)
    publish(PUBLISHED)  # rolled back
    lead = make(62.4)
    assert groups() == {"version-2": [lead.pk]}


def test_where_two_versions_give_the_score_the_one_clay_is_known_to_have_is_named() -> None:
    other = copy.deepcopy(PUBLISHED)
    other["components"][4]["cap"] = 12  # differs for none of these leads
    first = ScorecardVersion.objects.get(number=1)
    publish(other)
    publish(MORE_FOR_SAAS)
    lead = make(70, document=MORE_FOR_SAAS)
    assert groups() == {"version-2": [lead.pk]}
    ClayFormula.objects.create(table_id="tbl_test", scorecard=first, fingerprint="x", how=Placement.PASTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("enrichment.scoring.drift.formula_place", lambda: "tbl_test")
        assert groups() == {"version-1": [lead.pk]}


def test_rounding_is_told_from_another_score() -> None:
    publish(MORE_FOR_SAAS)
    assert ours(MORE_FOR_SAAS, **VALUES) == 62.4
    rounded, cut, digits = (make(score, document=MORE_FOR_SAAS) for score in (62, 63, 62.40000001))
    other = make(64, document=MORE_FOR_SAAS)
    assert groups() == {
        "rounding": sorted(lead.pk for lead in (rounded, cut, digits)),
        "unexplained": [other.pk],
    }


def test_a_score_that_waits_for_its_rescore_is_ours_to_mend() -> None:
    lead = make(62.4)  # scored by version 1, and Clay is ahead of us
    publish(MORE_FOR_SAAS)
    assert groups() == {"rescore": [lead.pk]}


def test_clay_computed_on_other_values() -> None:
    """Each is scored again on Clay's own row; only where that gives Clay's score is it the cause."""
    pinned = make(45, raw={"company_industry": "Retail", "title": "VP"}, pinned_fields=["company_industry", "title"])
    EnrichedLeadFactory()  # compared with nothing
    unreadable = make(40, raw={"company_size": "51-200"})
    changed = make(75, raw={"title": "VP of Sales"})
    lacking = make(50, raw={"company_industry": None})
    as_text = make(87, raw={"company_size": "250", "tech_stack": "Gong"})  # the same values in other words
    unrelated = make(33, raw={"title": "VP"})
    pinned.clay_score = 55.0  # 30 for the size, 20 for the VP, 5 for Gong
    pinned.save(update_fields=["clay_score"])
    found = groups()
    found.pop("not_computed")
    assert found == {
        "pinned": [pinned.pk],
        "unreadable": [unreadable.pk],
        "other_values": sorted([changed.pk, lacking.pk]),
        "unexplained": sorted([as_text.pk, unrelated.pk]),
    }


def test_the_examples_87_stays_unexplained() -> None:
    """D1: every component is a multiple of five."""
    lead = make(87, title="VP of Revenue Operations", tech_stack=["Salesforce", "Gong"], funding_stage="Series B")
    assert groups() == {"unexplained": [lead.pk]}


def test_every_differing_lead_is_in_one_group() -> None:
    publish(MORE_FOR_SAAS)
    made = [make(score, document=MORE_FOR_SAAS) for score in (62.4, 62, 70, 87, 70, None, 0)]
    found = drift.count_drift()
    assert found.compared == 6
    assert found.differ == 5 == sum(cause.count for cause in found.causes if cause.key != "not_computed")
    ids = [pk for series in found.ids.values() for pk in series.to_list()]
    assert sorted(ids) == sorted(lead.pk for lead in made[1:])


def test_a_large_drift_is_read_from_the_snapshot_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    settings.SCORING_SNAPSHOT_DIR = str(tmp_path)
    publish(MORE_FOR_SAAS)
    for score in (62, 70, 87):
        make(score, document=MORE_FOR_SAAS)
    direct = groups()
    monkeypatch.setattr(drift, "DIRECT", 0)
    assert groups() == direct
    assert len(direct) == 3


def test_the_report_is_kept_for_some_seconds_and_reads_the_same() -> None:
    make(87)
    first = drift.drift_report()
    make(88)
    again = drift.drift_report()
    assert [(cause.key, cause.count) for cause in again.causes] == [("unexplained", 1)]
    assert again.ids["unexplained"].to_list() == first.ids["unexplained"].to_list()
    assert drift.count_drift().causes[0].count == 2
