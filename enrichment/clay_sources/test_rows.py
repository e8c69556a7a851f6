"""Rows sent to try a source out: what came back of them closes them, and is no lead's. Names of columns are kept."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from enrichment.clay_sources import sources
from enrichment.models import TestRow
from enrichment.vendors.answers import mask
from enrichment.vendors.clay import template
from swarm_admin.core.identifiers.text import is_missing

# What a body is expected to carry beside the reference; in the order in which it is shown.
EXPECTED: Final = (*template.ENRICHED, *template.PROVIDERS.values(), template.COST)
ENDED: Final = frozenset({"success", "empty"})
LONGEST_STATUS: Final = 40


def tested(references: Collection[str]) -> set[str]:
    """Those that are a test row's."""
    return set(TestRow.objects.filter(reference__in=references).values_list("reference", flat=True))


def record_callback(reference: str, body: Mapping[str, Any]) -> None:
    """The test row of this reference came back as `body`; the first of several counts.

    Nothing of what it says of its person is kept.
    """
    with transaction.atomic():
        row = TestRow.objects.select_for_update().filter(reference=reference, came_back_at__isnull=True).first()
        if row is not None:
            _close(row, body)


def _close(row: TestRow, body: Mapping[str, Any]) -> None:
    row.came_back_at = timezone.now()
    row.answered_at = row.answered_at or row.came_back_at  # Clay has it, whatever became of its acknowledgement
    row.columns = [name for name in EXPECTED if not is_missing(body.get(name))]
    row.missing = [name for name in EXPECTED if name not in body]
    row.cells = _troubled(body.get(template.STATUSES))
    error = body.get(template.ERROR)
    row.error = "" if not isinstance(error, str) or is_missing(error) else mask(error)[:300]
    row.save()
    sources.note_columns(row.source_id, {*row.columns})


def _troubled(statuses: Any) -> dict[str, str]:
    """{column: Clay's word} of those that neither hold a value nor ended without one."""
    if not isinstance(statuses, Mapping):
        return {}
    told = {name: statuses.get(name) for name in template.ENRICHED}
    return {
        name: word[:LONGEST_STATUS] for name, word in told.items() if isinstance(word, str) and word not in ("", *ENDED)
    }
