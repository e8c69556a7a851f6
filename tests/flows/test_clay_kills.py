"""A worker killed with -9 in the middle of a batch of submissions: no row is made twice, and none is forgotten."""

import signal
from typing import Any

import pytest

from enrichment.models import Attempt, Batch, ClaySource, Lead
from tests.flows.dying import POINTS
from tests.flows.table_way import TableWay
from tests.flows.test_crash_points import environment
from tests.plugins.sandbox import PATIENCE_SECONDS

pytestmark = pytest.mark.flow
LEADS = 6


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_every_lead_ends_or_is_overdue(
    table: TableWay, process_environment: Any, forkers: Any, settings: Any, point: str
) -> None:
    table.source()
    for number in range(LEADS):
        table.lead(f"killed-{number}")
    told = environment(process_environment, table.sandbox, settings) | {"CLAY_CONNECTOR": "table"}
    killed = forkers.of(told).start("tests.flows.dying", "submit", point)
    assert killed.wait(PATIENCE_SECONDS) == -signal.SIGKILL, "it was to die in the call"

    table.after_a_kill(settings)
    table.until(lambda: not Batch.objects.exclude(status="done").exists())
    made = len(table.rows())
    table.until(lambda: Attempt.objects.filter(status="succeeded").count() >= made)
    table.time_is_over()

    ended = Lead.objects.filter(enrichment_status__in=("completed", "partial")).count()
    overdue = Lead.objects.filter(needs_person=True, error_kind="no_callback").count()
    assert (ended, overdue) == (len(table.rows()), LEADS - ended)
    assert table.figures()["duplicates_by_linkedin_url"] == 0
    assert Attempt.objects.count() == ClaySource.objects.get().taken == LEADS
    assert not Batch.objects.exclude(status="done").exists()
    table.assert_delivered_once()
