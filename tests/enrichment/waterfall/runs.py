"""Attempts as they stand in the ledger: what each provider was asked and found, and under which document."""

import datetime
import itertools
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from enrichment.models import Attempt, Lead, WaterfallVersion
from enrichment.states import AttemptStatus
from tests.factories import EnrichedLeadFactory

FOUND = {
    "apollo": ["email_work"],
    "hunter": ["email_work"],
    "cognism": ["phone"],
    "lusha": ["phone"],
    "crunchbase": ["funding_stage"],
    "builtwith": ["tech_stack"],
    "wappalyzer": ["tech_stack"],
    "linkedin": ["title"],
}
_minutes = itertools.count()


def attempt(*told: Any, lead: Lead | None = None, **values: Any) -> Attempt:
    """A finished attempt.

    `told`: "apollo" found its usual fields, "-apollo" missed, (slug, fields, cost) is as it says.
    """
    at = timezone.now() - datetime.timedelta(days=1) + datetime.timedelta(seconds=next(_minutes))
    entries = [_entry(each, at + datetime.timedelta(milliseconds=n)) for n, each in enumerate(told)]
    defaults = {
        "waterfall": WaterfallVersion.objects.get(status="published"),
        "status": AttemptStatus.SUCCEEDED,
        "finished_at": at,
        "source_type": "competitor_follower",
    }
    made: Attempt = Attempt.objects.create(
        lead=lead or EnrichedLeadFactory(), providers=entries, **{**defaults, **values}
    )
    return made


def _entry(told: Any, at: datetime.datetime) -> dict[str, Any]:
    slug, fields, cost = told if isinstance(told, tuple) else (told.lstrip("-"), _fields(told), "0")
    return {"name": slug, "fields": list(fields), "timestamp": at.isoformat(), "cost": str(cost)}


def _fields(told: str) -> Sequence[str]:
    return [] if told.startswith("-") else FOUND[told]


def attempts(many: int, *told: Any, **values: Any) -> None:
    """`many` alike, of one lead: the same row a second time is another attempt."""
    lead = values.pop("lead", None) or EnrichedLeadFactory()
    for _ in range(many):
        attempt(*told, lead=lead, **values)
