"""Why a lead has its score: worked out from its values and the card that scored it."""

from enrichment.pipeline.score import apply
from enrichment.pipeline.score.explained import explanation_of
from tests.factories import EnrichedLeadFactory, LeadFactory


def test_the_explanation_adds_up_to_the_score(db):
    leads = [EnrichedLeadFactory(), EnrichedLeadFactory(title="Chief Revenue Officer", company_size=90)]
    apply.apply_all(leads)
    for lead in leads:
        explained = explanation_of(lead)
        assert [part["component"] for part in explained] == [
            part["id"] for part in lead.scorecard.document["components"]
        ]
        assert sum(part["points"] for part in explained) == lead.icp_score
    assert explanation_of(leads[0]) != explanation_of(leads[1])


def test_a_lead_without_a_score_has_no_explanation(db):
    assert explanation_of(LeadFactory()) == []


def test_many_are_scored_as_each_alone(db):
    leads = [EnrichedLeadFactory(title=title) for title in ("CEO", "Intern", "VP of Sales")]
    alone = [EnrichedLeadFactory(title=lead.title) for lead in leads]
    assert apply.apply_all(leads) == [apply.apply(lead) for lead in alone]
    assert [lead.icp_score for lead in leads] == [lead.icp_score for lead in alone]
