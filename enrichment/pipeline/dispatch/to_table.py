"""Rows into a Clay table's webhook: a call each, at the pace of the workspace, out of the life of a source."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from enrichment.clay_sources import sources
from enrichment.clay_sources.sources import Allotment
from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, ClaySource, Lead, SourceClosed
from enrichment.pipeline import fanout, recovery
from enrichment.pipeline.dispatch.batch import finish_batch, finish_items, requeue, set_aside
from enrichment.pipeline.dispatch.intents import (
    mark_running,
    new_reference,
    record_attempts,
    release_unrun,
    sort_lost_work,
    version_and_document,
)
from enrichment.pipeline.overdue_policy import overdue_seconds
from enrichment.states import ItemStatus
from enrichment.vendors import token_bucket
from enrichment.vendors.clay.fields import row_of
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import Misconfigured, Permanent, Recovery, UnknownOutcome, VendorError
from enrichment.waterfall.prices import price_of
from swarm_admin.core import encryption
from swarm_admin.core.timing import in_seconds

log = logging.getLogger(__name__)
LIMIT = "clay.submissions"
GONE = 404  # the source was deleted in Clay


def send(batch: Batch, items: list[BatchItem]) -> bool:
    """As many as the pace and the source allow; the others go in the next batch. False: none may go now."""
    workspace = settings.CLAY_WORKSPACE_ID
    grant = token_bucket.take(
        LIMIT,
        workspace,
        len(items),
        per_second=settings.CLAY_SUBMISSIONS_PER_SECOND,
        burst=settings.CLAY_SUBMISSIONS_BURST,
    )
    if not grant.tokens:
        release(batch, not_before=in_seconds(grant.wait), counted=False)
        return False
    allotted = sources.take(grant.tokens)
    if allotted is None:
        release(batch, not_before=in_seconds(0.0), counted=False)
        return False
    now, later = items[: allotted.count], items[allotted.count :]
    if later:
        with transaction.atomic():
            requeue(later, counted=False)
    return _submit(batch, now, allotted)


def _submit(batch: Batch, items: list[BatchItem], allotted: Allotment) -> bool:
    source = allotted.source
    version, document = version_and_document(batch)
    references = {item.lead_id: new_reference() for item in items}
    wanted = len(items)
    items = record_attempts(
        batch,
        items,
        version,
        price_of(document, ()).amount,
        lambda item: {"reference": references[item.lead_id], "source": source},
    )
    sources.give_back(source, wanted - len(items))
    if not items:
        return True  # the money is used up
    try:
        address = sources.address(source)
    except encryption.Unreadable:
        error = Misconfigured("clay", "submit_row", code="token", recovery=Recovery.REFRESH_KEY, sent=False)
        _record(batch, items, [error for _ in items], source)
        return False
    client = clay()
    bodies = {item.lead_id: body_of(item.lead, references[item.lead_id]) for item in items}
    answers = fanout.call_each(
        items, lambda item: client.submit_row(address, bodies[item.lead_id]), vendor="clay", changes=True
    )
    return _record(batch, items, answers, source)


def body_of(lead: Lead, reference: str) -> dict[str, Any]:
    """One row as it is posted: the input fields, and the reference that its callback brings back."""
    scraped = lead.scraped_at.isoformat() if lead.scraped_at else None
    return {"swarm_ref": reference, **row_of(lead), "scraped_at": scraped}


def _record(
    batch: Batch, items: Sequence[BatchItem], answers: Sequence[VendorError | None], source: ClaySource
) -> bool:
    """What became of each. A lost answer counts as sent: if the row was made, it calls back; if not, it is overdue."""
    outcome = dict(zip((item.pk for item in items), answers, strict=True))
    sent = [item for item in items if outcome[item.pk] is None or isinstance(outcome[item.pk], UnknownOutcome)]
    refused = [item for item in items if isinstance(outcome[item.pk], Permanent)]
    stopped = [item for item in items if item not in sent and item not in refused]
    with transaction.atomic():
        leads = [item.lead_id for item in items]
        Lead.objects.filter(pk__in=leads).lock()
        finish_items(sent, ItemStatus.DONE)
        mark_running(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in sent]), overdue_seconds())
        not_sent = [item.lead_id for item in (*refused, *stopped)]
        release_unrun(Attempt.objects.filter(batch=batch, lead__in=not_sent))
        sources.give_back(source, len(not_sent))
        for item in refused:
            set_aside([item], _error(outcome[item.pk]))
        requeue(stopped, counted=False)
        finish_batch(batch)
    errors = [error for error in answers if error is not None]
    for error in errors:
        log.warning("batch %s: %s", batch.pk, error)
    if not errors:
        return True
    _heed(next((error for error in errors if not isinstance(error, Permanent)), errors[0]), source, batch)
    return not stopped


def _error(answer: VendorError | None) -> VendorError:
    return answer or VendorError("clay", "submit_row")


def _heed(error: VendorError, source: ClaySource, batch: Batch) -> None:
    """What a refusal means for the rows after these: a source that is gone, too fast a pace, no answer at all."""
    if isinstance(error, Permanent):
        return
    if isinstance(error, Misconfigured) and error.status == GONE:
        sources.close(source, SourceClosed.GONE)
        return
    if error.recovery == Recovery.REFRESH_KEY and sources.has_other(source):
        sources.close(source, SourceClosed.REFUSED)  # it is opened again with a new token; the next goes on meanwhile
        return
    recovery.next_step(error, tries=batch.tries, limit=LIMIT, scope=settings.CLAY_WORKSPACE_ID)


def settle(batch: Batch, items: Sequence[BatchItem]) -> None:
    """After a worker was lost: rows with an intent may be at Clay and are awaited; those without were never sent."""
    with transaction.atomic():
        lost = sort_lost_work(batch, items)
        finish_items([*lost.begun, *lost.ended], ItemStatus.DONE)
        mark_running(lost.intents, overdue_seconds())
        requeue(lost.unsent, counted=False)
        finish_batch(batch)
