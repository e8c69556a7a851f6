"""Enrichment triggers: the active waterfall travels with each, and each lead's attempt records it (D10)."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from enrichment import fanout
from enrichment.clock import due_in, in_seconds
from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, Lead, WaterfallVersion
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.drain import drain
from enrichment.pipeline.dispatch.outcome import after_error, finish, go_again, settle_items
from enrichment.states import (
    AttemptStatus,
    EnrichmentStatus,
    ItemStatus,
    advance,
)
from enrichment.vendors import limiter
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import UnknownOutcome, VendorError
from enrichment.waterfall.budget import reserve
from enrichment.waterfall.document import WaterfallDocument

log = logging.getLogger(__name__)
LIMIT = "clay.triggers"
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)


def run_due() -> int:
    """Trigger due batches until none is due or a limit is reached; returns how many calls."""
    return drain(BatchKind.TRIGGER, _send, read_back)


def _send(batch: Batch, items: list[BatchItem]) -> bool:
    version = WaterfallVersion.active()
    document = WaterfallDocument.model_validate(version.document)
    if batch.only_providers:
        document = document.only(set(batch.only_providers))
    client = clay()
    wait = limiter.take(LIMIT, client.workspace_id, rows=len(items))
    if wait:
        release(batch, not_before=in_seconds(wait), counted=False)
        return False
    reserved = reserve(document, len(items), batch.skip_providers)
    if reserved.wait:
        limiter.give_back(LIMIT, client.workspace_id, rows=len(items))
        release(batch, not_before=in_seconds(reserved.wait), counted=False)
        return True  # others may go: only this batch waits for its providers
    _intend(batch, items, version, reserved.deferred)
    skip = sorted({*batch.skip_providers, *reserved.deferred})
    rows = [str(item.lead.clay_row_id) for item in items]
    try:
        accepted = clay().trigger_enrichment(batch.table_id, rows, document.model_dump(), skip)
    except VendorError as error:
        log.warning("batch %s: %s", batch.pk, error)
        if not isinstance(error, UnknownOutcome):
            _abandon(Attempt.objects.filter(batch=batch))
        after_error(batch, items, error, limit=LIMIT, scope=client.workspace_id)
        return True
    _record(batch, items, set(accepted))
    return True


def _intend(batch: Batch, items: Sequence[BatchItem], version: WaterfallVersion, deferred: list[str]) -> None:
    """The intent, committed before the call: a killed worker leaves a trace of what it was about to ask."""
    with transaction.atomic():
        leads = [item.lead_id for item in items]
        _abandon(Attempt.objects.filter(lead__in=leads, status__in=OPEN_ATTEMPT))
        Attempt.objects.bulk_create(
            Attempt(
                lead_id=item.lead_id,
                batch=batch,
                waterfall=version,
                skip_providers=batch.skip_providers,
                only_providers=batch.only_providers,
                deferred_providers=deferred,
            )
            for item in items
        )


def _abandon(attempts: models.QuerySet[Attempt]) -> None:
    """These are not the attempts that will run; what has ended stays as it ended."""
    advance(attempts, AttemptStatus.ABANDONED, finished_at=timezone.now())


def _record(batch: Batch, items: Sequence[BatchItem], accepted: set[str]) -> None:
    """Accepted rows are in progress; a row Clay did not accept goes again."""
    taken = [item for item in items if item.lead.clay_row_id in accepted]
    left = [item for item in items if item.lead.clay_row_id not in accepted]
    now = timezone.now()
    with transaction.atomic():
        settle_items(taken, ItemStatus.DONE)
        leads = [item.lead_id for item in taken]
        attempts = Attempt.objects.filter(batch=batch, lead__in=leads)
        # A webhook may have been quicker than this record: then the attempt is over, and stays so.
        advance(
            attempts,
            AttemptStatus.RUNNING,
            triggered_at=now,
            poll_after=due_in(settings.POLL_AFTER_SECONDS),
        )
        running = attempts.filter(status=AttemptStatus.RUNNING).values("lead")
        advance(
            # A fill-in works behind a result that stands: its lead keeps its status meanwhile.
            Lead.objects.filter(pk__in=running, only_providers=[]),
            EnrichmentStatus.IN_PROGRESS,
            field="enrichment_status",
            in_progress_since=now,
        )
        if left:
            _abandon(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in left]))
            go_again(left)
        finish(batch)


def read_back(batch: Batch, items: Sequence[BatchItem]) -> None:
    """After an unknown outcome: a row that Clay shows at work or newly enriched was triggered (D12)."""
    client = clay()
    rows = fanout.each(items, lambda item: client.get_row(batch.table_id, str(item.lead.clay_row_id)))
    errors = [row for row in rows if isinstance(row, VendorError) and not row.permanent]
    if errors:
        after_error(batch, items, errors[0], limit=LIMIT, scope=client.workspace_id)
        return
    began = {item.pk for item, row in zip(items, rows, strict=True) if _was_triggered(batch, row)}
    _record(batch, items, {str(item.lead.clay_row_id) for item in items if item.pk in began})


def _was_triggered(batch: Batch, row: object) -> bool:
    if isinstance(row, VendorError):
        return False
    values = row.values  # type: ignore[attr-defined]
    if values.get("enrichment_status") == "in_progress":
        return True
    return str(values.get("enriched_at") or "") >= batch.created_at.isoformat()
