"""A Clay source at its end, gone, refusing, or silent: no lead is lost, none goes twice, and each is to be seen."""

import pytest

from enrichment.clay_sources import forecast, sources
from enrichment.models import Alert, Attempt, ClaySource, Lead, ServiceHold, Severity
from enrichment.vendor_pauses import pauses
from swarm_admin.core.encryption import encrypt
from tests.flows.table_way import TableWay
from tests.plugins.clay_table import TABLE


def leads(table: TableWay, count: int) -> list[Lead]:
    return [table.lead(f"lead-{number}") for number in range(count)]


def taken(table: TableWay) -> dict[str, tuple[int, int]]:
    """By source, what it took and what it acknowledged after its life."""
    return {each["slug"]: (each["taken"], each["ignored"]) for each in table.sandbox.state("clay_table")["sources"]}


def on_hold(reason: str) -> bool:
    return ServiceHold.objects.filter(lifted_at=None, reason=reason).exists()


# ---------------------------------------------------------------- its life


def test_the_submission_after_a_source_s_last_goes_to_the_next(table: TableWay) -> None:
    table.source("first", life=3)
    table.source("second", life=4)
    leads(table, 7)
    table.settle()
    assert taken(table) == {"first": (3, 0), "second": (4, 0)}
    assert set(ClaySource.objects.values_list("closed_because", flat=True)) == {"used_up"}
    assert Lead.objects.filter(enrichment_status__in=("completed", "partial")).count() == 7
    table.assert_delivered_once()


def test_without_a_next_one_the_leads_wait_until_there_is(table: TableWay) -> None:
    table.source("first", life=3)
    leads(table, 5)
    table.until(lambda: on_hold("no_source") and Attempt.objects.filter(status="succeeded").count() == 3)
    for _ in range(3):
        table.step()
    assert taken(table) == {"first": (3, 0)}
    waiting = Lead.objects.filter(enrichment_status="pending")
    assert (waiting.count(), waiting.filter(needs_person=True).count()) == (2, 0)
    table.source("second")
    assert sources.resume()
    table.settle()
    assert taken(table) == {"first": (3, 0), "second": (2, 0)}
    table.assert_delivered_once()


def test_what_a_source_loses_in_silence_is_overdue_and_to_be_seen(table: TableWay) -> None:
    """Clay's count and ours differ where somebody else posts to the source too."""
    table.source("first", life=50_000, theirs=2)
    leads(table, 5)
    table.until(lambda: Attempt.objects.filter(status="succeeded").count() == 2)
    assert taken(table) == {"first": (2, 3)}
    table.time_is_over()
    lost = Lead.objects.filter(needs_person=True, error_kind="no_callback")
    assert lost.count() == Lead.objects.failing().count() == 3
    assert Attempt.objects.filter(status="running", overdue_at__isnull=False).count() == 3
    table.assert_delivered_once()


# ---------------------------------------------------------------- lost answers


def test_a_lost_acknowledgement_is_made_good_by_the_callback(table: TableWay) -> None:
    table.source()
    table.sandbox.fault("clay_table", "reset_after_effect", times=2)
    leads(table, 4)
    table.settle()
    assert len(table.rows()) == 4
    assert Lead.objects.filter(enrichment_status__in=("completed", "partial")).count() == 4
    assert ClaySource.objects.get().taken == 4
    table.assert_delivered_once()


def test_a_row_that_never_arrived_is_overdue_and_not_sent_again_by_itself(table: TableWay) -> None:
    table.source()
    table.sandbox.fault("clay_table", "reset_before_effect", times=1)
    leads(table, 1)
    table.until(lambda: Attempt.objects.filter(status="running").exists())
    table.time_is_over()
    assert table.rows() == []
    assert Lead.objects.get().error_kind == "no_callback"
    assert ClaySource.objects.get().taken == 1, "it may have been taken"


# ---------------------------------------------------------------- refusals


def test_a_source_deleted_in_clay_is_closed_and_the_next_goes_on(table: TableWay) -> None:
    table.source("first")
    table.source("second")
    table.sandbox.control("DELETE", "sources/first")
    leads(table, 3)
    table.settle()
    assert ClaySource.objects.get(position=0).closed_because == "gone"
    assert taken(table)["second"] == (3, 0)
    assert not ServiceHold.objects.filter(lifted_at=None).exists()
    table.assert_delivered_once()


def test_the_only_source_deleted_in_clay_leaves_the_leads_waiting(table: TableWay) -> None:
    table.source("first")
    table.sandbox.control("DELETE", "sources/first")
    leads(table, 3)
    table.until(lambda: on_hold("no_source"))
    assert Lead.objects.filter(enrichment_status="pending", needs_person=False).count() == 3
    table.source("second")
    sources.resume()
    table.settle()
    assert taken(table)["second"] == (3, 0)
    table.assert_delivered_once()


@pytest.mark.parametrize("token", ["", "an0ther"])
def test_a_wrong_token_pauses_and_loses_nothing(table: TableWay, token: str) -> None:
    source = table.source()
    ClaySource.objects.update(token=encrypt(token))
    leads(table, 3)
    table.until(lambda: ServiceHold.objects.filter(lifted_at=None).exists())
    for _ in range(3):
        table.step()
    assert table.rows() == []
    assert Lead.objects.filter(enrichment_status="pending", needs_person=False).count() == 3
    assert table.figures()["requests"] <= 3, "a refused token is not tried over and over"
    ClaySource.objects.update(token=encrypt("token"))
    pauses.end_pause(ServiceHold.objects.get(lifted_at=None))
    table.settle()
    source.refresh_from_db()
    assert (len(table.rows()), source.taken) == (3, 3)
    table.assert_delivered_once()


def test_too_fast_a_pace_waits_as_long_as_it_is_told(table: TableWay) -> None:
    table.source()
    table.sandbox.fault("clay_table", "429", times=2, seconds=100.0)
    leads(table, 4)
    table.settle()
    assert (len(table.rows()), ClaySource.objects.get().taken) == (4, 4)
    assert not Lead.objects.filter(needs_person=True).exists()
    table.assert_delivered_once()


def test_a_table_that_is_full_or_drops_the_newer_row_leaves_its_leads_overdue(table: TableWay) -> None:
    table.source()
    table.sandbox.config(table_capacities={TABLE: 2})
    leads(table, 3)
    table.until(lambda: Attempt.objects.filter(status="succeeded").count() == 2)
    table.time_is_over()
    assert Lead.objects.get(needs_person=True).error_kind == "no_callback"


def test_a_source_that_nears_its_end_is_told_before(table: TableWay) -> None:
    table.source(life=5)
    leads(table, 4)
    table.settle()
    forecast.check()
    assert Alert.objects.get(kind="source", closed_at=None).severity == Severity.WARNING
