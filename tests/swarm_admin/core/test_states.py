"""Many rows moved in one statement, each to a status of its own."""

from typing import Any

import pytest
from django.db import models

from enrichment.models import Handover, Lead
from enrichment.states import EnrichmentStatus, HandoverStatus
from swarm_admin.core import states
from swarm_admin.core.states import advance_each, advance_one, can_transition, declare
from tests.factories import LeadFactory

PENDING, RUNNING, FAILED = EnrichmentStatus.PENDING, EnrichmentStatus.IN_PROGRESS, EnrichmentStatus.FAILED


def moved(to: dict[Lead, EnrichmentStatus], **options: Any) -> set[int]:
    rows = {lead.pk: {"enrichment_status": after, "title": "moved"} for lead, after in to.items()}
    return advance_each(Lead, rows, field="enrichment_status", **options)


def stored(lead: Lead) -> tuple[str, str]:
    return Lead.objects.values_list("enrichment_status", "title").get(pk=lead.pk)


def test_each_row_goes_where_it_may_and_the_others_are_left(db, django_assert_num_queries):
    goes, ends, stands = LeadFactory(), LeadFactory(), LeadFactory(enrichment_status="in_progress", title="was")
    with django_assert_num_queries(1):
        assert moved({goes: RUNNING, ends: FAILED, stands: RUNNING}) == {goes.pk, ends.pk}
    assert [stored(each) for each in (goes, ends, stands)] == [
        ("in_progress", "moved"),
        ("failed", "moved"),
        ("in_progress", "was"),
    ]


def test_a_row_keeps_its_status_only_where_that_is_asked_for(db):
    lead = LeadFactory()
    assert moved({lead: PENDING}) == set()
    assert stored(lead) == ("pending", "")
    assert moved({lead: PENDING}, staying=True) == {lead.pk}
    assert stored(lead) == ("pending", "moved")


def test_staying_opens_no_way_that_the_machine_has_not(db):
    planned, done = (
        Handover.objects.create(lead=LeadFactory(), system="ghl", status=status) for status in ("planned", "done")
    )
    again = {each.pk: {"status": HandoverStatus.IN_FLIGHT} for each in (planned, done)}
    assert advance_each(Handover, again, staying=True) == {planned.pk}
    assert advance_each(Handover, {done.pk: {"status": HandoverStatus.DONE}}, staying=True) == {done.pk}


def test_a_condition_narrows_it_beside_the_machine_and_never_widens_it(db):
    one, other, there = LeadFactory(title="x"), LeadFactory(title="y"), LeadFactory(enrichment_status="in_progress")
    options = {"where": "present.title = %s OR present.title = ''", "parameters": ["x"]}
    assert moved({one: RUNNING, other: RUNNING, there: RUNNING}, **options) == {one.pk}


def test_no_rows_ask_the_database_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert advance_each(Lead, {}, field="enrichment_status") == set()


def test_one_row_moves_and_the_object_in_hand_with_it(db):
    lead, other = LeadFactory(), LeadFactory()
    advance_one(lead, RUNNING, field="enrichment_status", title="moved")
    assert (lead.enrichment_status, lead.title) == stored(lead) == ("in_progress", "moved")
    assert stored(other) == ("pending", "")


class Light(models.TextChoices):
    RED = "red"
    GREEN = "green"


def test_a_machine_has_a_line_for_every_status(monkeypatch):
    monkeypatch.setattr(states, "TRANSITIONS", {})
    with pytest.raises(ValueError, match="Light has statuses without transitions"):
        declare(Light, {Light.RED: {Light.GREEN}})
    assert states.TRANSITIONS == {}
    declare(Light, {Light.RED: {Light.GREEN}, Light.GREEN: set()})
    assert can_transition(Light.RED, Light.GREEN)
    assert not can_transition(Light.GREEN, Light.RED)
