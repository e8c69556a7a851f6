"""The file of leads: what PostgreSQL writes is what the list shows."""

import csv
import datetime
import io
from typing import Any

import pytest
from django.utils import timezone

from enrichment.leads.columns import COLUMNS
from enrichment.leads.export import rows
from enrichment.models import Lead
from swarm_admin.core.csv_export import BYTE_ORDER_MARK, cell
from swarm_admin.core.masking import mask
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


def shown(lead: Lead, column: Any, unmasked: bool) -> str:
    """The cell as the list has it, in plain text."""
    value = column.value(lead)
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value.isoformat() if isinstance(value, datetime.datetime) else str(value)
    return cell(mask(text, column.mask) if column.mask and not unmasked else text)


@pytest.mark.parametrize("unmasked", [True, False])
def test_the_file_says_what_the_list_shows(unmasked: bool) -> None:
    at = timezone.now().replace(microsecond=123_456)
    EnrichedLeadFactory(received_at=at, enriched_at=at, clay_score=80.5, icp_score=85.0, company_size=12.5)
    EnrichedLeadFactory(
        received_at=at, enriched_at=at, first_name="=1+1", last_name="", company_name="-5", title='-x, "y"\nz'
    )
    EnrichedLeadFactory(
        received_at=at,
        enriched_at=at,
        first_name="",
        last_name="Łoś van Ek",
        email_work="ł@x.example",
        phone="1",
    )
    FailedLeadFactory(received_at=at, first_name="", last_name="", company_name="\t@", enrichment_cost="0.0900")
    LeadFactory(received_at=at, company_name=".5", title="-.5")
    leads = list(Lead.objects.order_by("id"))
    text = "".join(rows(Lead.objects.order_by("id"), COLUMNS, unmasked=unmasked))
    assert text.startswith(BYTE_ORDER_MARK)
    head, *lines = csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""))
    assert head == [column.label for column in COLUMNS]
    assert lines == [[shown(lead, column, unmasked) for column in COLUMNS] for lead in leads]


def test_a_reader_who_goes_away_leaves_the_connection_in_order() -> None:
    LeadFactory.create_batch(3)
    lines = rows(Lead.objects.order_by("id"), COLUMNS, unmasked=True)
    next(lines), next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert Lead.objects.count() == 3
