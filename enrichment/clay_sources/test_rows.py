"""Rows sent to try a source out: what came back of them closes them, and is no lead's."""

from collections.abc import Collection

from django.utils import timezone

from enrichment.models import TestRow


def tested(references: Collection[str]) -> set[str]:
    """Those that are a test row's."""
    return set(TestRow.objects.filter(reference__in=references).values_list("reference", flat=True))


def record_callback(reference: str, came: Collection[str], expected: Collection[str], error: str = "") -> None:
    """Its row came back with a value in the columns `came`, of those `expected`. The first time is kept."""
    TestRow.objects.filter(reference=reference, came_back_at__isnull=True).update(
        came_back_at=timezone.now(),
        columns=sorted(came),
        missing=sorted(set(expected) - set(came)),
        error=error[:300],
    )
