"""A result that does not come: the ways out, by policy and by a person, and what comes after all."""

from typing import Any

import pytest

from enrichment.leads.actions import retry_leads
from enrichment.models import Attempt, Handover, Lead
from enrichment.pipeline import overdue
from tests.flows.table_way import TableWay


@pytest.fixture
def lost(table: TableWay) -> TableWay:
    """One lead whose callback is lost."""
    table.source()
    table.sandbox.fault("clay_table", "drop_webhook", times=1)
    table.lead("lost")
    table.stages_until(lambda: table.figures()["deliveries"].get("dropped") == 1)
    return table


def late_callback(way: TableWay, row: int = 0) -> None:
    way.press_run("callback", way.rows()[row]["id"])
    way.until(lambda: len(way.verdicts()) > row)
    way.settle()


def test_ask_leaves_it_to_a_person(lost: TableWay) -> None:
    lost.time_is_over()
    lead = Lead.objects.get()
    assert (lead.enrichment_status, lead.needs_person, lead.error_kind) == ("in_progress", True, "no_callback")
    assert list(Lead.objects.failing()) == [lead]
    for _ in range(3):
        lost.step()
    assert len(lost.rows()) == 1, "nothing is paid again by itself"


def test_resubmit_sends_it_once_more_and_then_asks(lost: TableWay, settings: Any) -> None:
    settings.CLAY_OVERDUE_POLICY = "resubmit"
    lost.sandbox.fault("clay_table", "drop_webhook", times=1)
    lost.time_is_over()
    lost.until(lambda: lost.figures()["deliveries"].get("dropped") == 2)
    assert len(lost.rows()) == 2
    assert Lead.objects.get().needs_person is False
    lost.time_is_over()
    assert Lead.objects.get().needs_person is True
    assert len(lost.rows()) == 2


def test_resubmit_comes_to_its_end(lost: TableWay, settings: Any) -> None:
    settings.CLAY_OVERDUE_POLICY = "resubmit"
    lost.time_is_over()
    lost.settle()
    lead = Lead.objects.get()
    assert lead.enrichment_status in ("completed", "partial")
    assert list(Attempt.objects.order_by("id").values_list("status", flat=True)) == ["abandoned", "succeeded"]
    late_callback(lost)
    lost.assert_delivered_once()


def test_give_up_fails_it_and_a_late_result_is_taken_all_the_same(lost: TableWay, settings: Any) -> None:
    settings.CLAY_OVERDUE_POLICY = "give_up"
    lost.time_is_over()
    lead = Lead.objects.get()
    assert (lead.enrichment_status, lead.error_kind) == ("failed", "no_callback")
    assert list(Lead.objects.failing()) == [lead]
    assert not Handover.objects.exists()
    late_callback(lost)
    lead.refresh_from_db()
    assert lead.enrichment_status in ("completed", "partial")
    lost.assert_delivered_once()


def test_to_wait_longer_is_to_wait_a_whole_time_more(lost: TableWay) -> None:
    lost.time_is_over()
    assert overdue.wait_longer([Lead.objects.get().pk], by=None) == 1
    lost.step()
    assert Lead.objects.get().needs_person is False
    late_callback(lost)
    assert Lead.objects.get().enrichment_status in ("completed", "partial")
    assert len(lost.rows()) == 1
    lost.assert_delivered_once()


def test_to_submit_again_is_another_run_with_a_reference_of_its_own(lost: TableWay) -> None:
    lost.time_is_over()
    retry_leads([Lead.objects.get()], by=None)
    lost.settle()
    references = list(Attempt.objects.order_by("id").values_list("reference", flat=True))
    assert len(set(references)) == len(lost.rows()) == 2
    assert lost.figures()["refs_twice"] == 0
    late_callback(lost, row=1)
    lost.assert_delivered_once()


def test_a_result_in_time_is_never_overdue(lost: TableWay) -> None:
    late_callback(lost)
    lost.time_is_over()
    assert not Attempt.objects.filter(overdue_at__isnull=False).exists()
    assert not Lead.objects.filter(needs_person=True).exists()
    lost.assert_delivered_once()
