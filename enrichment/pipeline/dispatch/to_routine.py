"""Leads into a routine of Clay's public API: one run carries up to a hundred."""

from collections.abc import Sequence

from enrichment.models import Batch, BatchItem


def send(batch: Batch, items: list[BatchItem]) -> bool: ...


def settle(batch: Batch, items: Sequence[BatchItem]) -> None: ...
