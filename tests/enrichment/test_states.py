"""Every status has its transitions, and only `advance` moves along them."""

import pytest
from django.utils import timezone

from enrichment.management.commands import state_diagrams
from enrichment.models import Lead
from enrichment.states import EnrichmentStatus
from gdpr.states import MessageStatus
from swarm_admin.core.states import TRANSITIONS, InvalidTransition, advance, advance_one, diagram


@pytest.mark.parametrize("machine", TRANSITIONS)
def test_every_status_is_a_state_of_its_machine(machine):
    table = TRANSITIONS[machine]
    assert set(table) == set(machine)
    assert {after for to in table.values() for after in to} <= set(machine)


@pytest.mark.parametrize("machine", TRANSITIONS)
def test_every_status_can_be_reached_and_is_drawn(machine):
    frontier = [next(iter(machine))]
    if machine is MessageStatus:
        frontier.append(MessageStatus.GIVEN)  # a notice that is exported begins so
    reached = set(frontier)
    while frontier:
        new = TRANSITIONS[machine][frontier.pop()] - reached
        reached |= new
        frontier += new
    assert reached == set(machine)
    drawn = diagram(machine)
    assert all(f"{status}" in drawn for status in machine)


def test_the_lead_has_exactly_the_statuses_of_the_specification():
    assert EnrichmentStatus.values == [
        "pending",
        "in_progress",
        "completed",
        "partial",
        "failed",
        "unenrichable",
    ]


@pytest.fixture
def lead(db):
    now = timezone.now()
    return Lead.objects.create(
        linkedin_url="https://www.linkedin.com/in/a",
        source_type="post_liker",
        source_name="x",
        scraped_at=now,
        retention_until=now,
    )


def test_advance_moves_only_what_may_go(lead):
    leads = Lead.objects.filter(pk=lead.pk)
    assert advance(leads, EnrichmentStatus.IN_PROGRESS, field="enrichment_status") == 1
    assert advance(leads, EnrichmentStatus.IN_PROGRESS, field="enrichment_status") == 0


def test_advance_one_refuses_what_may_not_follow_and_changes_nothing(lead):
    with pytest.raises(InvalidTransition):
        advance_one(lead, EnrichmentStatus.PENDING, field="enrichment_status", title="changed")
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.title) == ("pending", "")


def test_the_drawn_states_are_those_of_the_code(settings):
    drawn = (settings.BASE_DIR / "docs" / "states.md").read_text()
    assert drawn == state_diagrams.document(), "run `manage.py state_diagrams`"
