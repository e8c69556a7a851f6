"""The intent of a run, committed before its call: a killed worker leaves a trace of what it was about to ask.

The money a lead is expected to cost is kept back with its attempt; a lead for whom there is none is due again later.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import Attempt, Batch, BatchItem, Lead, SpendCap, WaterfallVersion
from enrichment.pipeline.dispatch.batch import finish_batch, finish_items
from enrichment.states import AttemptStatus, EnrichmentStatus, ItemStatus
from enrichment.waterfall import provider_budget, spend_limits
from swarm_admin.core.states import advance
from swarm_admin.core.timing import due_in

HELD_SECONDS = 60  # a lead without money is looked at again
REFERENCE_BYTES = 16
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)


def new_reference() -> str:
    """Of one run of one lead; what comes back under it is believed, so nobody may guess one."""
    return secrets.token_urlsafe(REFERENCE_BYTES)


def version_and_document(batch: Batch) -> tuple[WaterfallVersion, WaterfallDocument]:
    """The version the batch runs under, a pilot's or the active one, and what of it is asked."""
    version = batch.waterfall or WaterfallVersion.active()
    document = WaterfallDocument.model_validate(version.document)
    narrowed = document.asking(only=batch.only_providers, without=batch.without, answered=batch.answered)
    return version, narrowed


def record_attempts(
    batch: Batch,
    items: Sequence[BatchItem],
    version: WaterfallVersion,
    each: Decimal,
    more: Callable[[BatchItem], dict[str, Any]],
) -> list[BatchItem]:
    """An attempt for each lead, with `more` columns; what was open of it before never ran.

    `each`: US dollars that are kept back for every lead. Returns the items that may go; the others are due
    again later, and where none may go the batch is over.
    """
    with transaction.atomic():
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()  # before their attempts, as everywhere
        admission = spend_limits.admit_leads([item.lead for item in items], each)
        held = [item for item in items if item.lead_id in admission.held]
        items = [item for item in items if item.lead_id not in admission.held]
        release_unrun(Attempt.objects.filter(lead__in=[item.lead_id for item in items]))
        Attempt.objects.bulk_create(
            Attempt(
                lead_id=item.lead_id,
                batch=batch,
                waterfall=version,
                source_type=item.lead.source_type,
                started_by_id=item.lead.dispatch_by_id,
                reserved=each,
                **more(item),
            )
            for item in items
        )
        if held:
            _defer_for_budget(held, {cap.pk: cap for cap in admission.held.values()}.values())
        if not items:
            finish_batch(batch)
    return items


def _defer_for_budget(items: Sequence[BatchItem], reached: Iterable[SpendCap]) -> None:
    """There is no money for these now: due again later, at no cost to their tries."""
    finish_items(items, ItemStatus.AGAIN)
    Lead.objects.filter(pk__in=[item.lead_id for item in items]).update(dispatch_after=due_in(HELD_SECONDS))
    for cap in reached:
        spend_limits.mark_reached(cap)


def release_unrun(attempts: models.QuerySet[Attempt], **why: str) -> None:
    """Of these the open ones never ran: nobody was asked, so what was kept back of the providers' hours is free."""
    open_ones = list(attempts.filter(status__in=OPEN_ATTEMPT))
    provider_budget.settle_reservations((attempt, {}) for attempt in open_ones)
    abandon(Attempt.objects.filter(pk__in=[attempt.pk for attempt in open_ones]), **why)


def abandon(attempts: models.QuerySet[Attempt], **why: Any) -> None:
    """These are not the attempts that will run; what has ended stays as it ended."""
    advance(attempts, AttemptStatus.ABANDONED, finished_at=timezone.now(), overdue_at=None, **why)


@dataclass(frozen=True)
class LostWork:
    """What a lost worker left of a batch: `intents` may be at Clay, and so are `begun`; `ended` have had their word.

    `unsent` were never sent. The leads are locked.
    """

    intents: models.QuerySet[Attempt]
    begun: list[BatchItem]
    ended: list[BatchItem]
    unsent: list[BatchItem]


def sort_lost_work(batch: Batch, items: Sequence[BatchItem]) -> LostWork:
    """Inside the caller's transaction."""
    leads = [item.lead_id for item in items]
    Lead.objects.filter(pk__in=leads).lock()
    # Of whichever batch: one that was halved has its intents from before.
    intents = Attempt.objects.filter(lead__in=leads, status=AttemptStatus.INTENDED).exclude(reference="")
    begun = set(intents.values_list("lead_id", flat=True))
    over = (AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED, AttemptStatus.FAILED)
    ours = Attempt.objects.filter(batch=batch, lead__in=leads, status__in=over)
    ended = set(ours.values_list("lead_id", flat=True)) - begun
    return LostWork(
        Attempt.objects.filter(pk__in=list(intents.values_list("pk", flat=True))),  # they are not INTENDED for long
        [item for item in items if item.lead_id in begun],
        [item for item in items if item.lead_id in ended],
        [item for item in items if item.lead_id not in begun | ended],
    )


def mark_running(attempts: models.QuerySet[Attempt], poll_seconds: float, **more: Any) -> None:
    """Clay has these, whose leads are locked: they are in progress, and due to be asked for in so many seconds.

    A result may have been quicker than this record: then the attempt is over, and stays so.
    """
    now = timezone.now()
    advance(attempts, AttemptStatus.RUNNING, triggered_at=now, poll_after=due_in(poll_seconds), **more)
    running = attempts.filter(status=AttemptStatus.RUNNING).values("lead")
    advance(
        # A fill-in works behind a result that stands: its lead keeps its status meanwhile.
        Lead.objects.filter(pk__in=running, only_providers=[]),
        EnrichmentStatus.IN_PROGRESS,
        field="enrichment_status",
        in_progress_since=now,
    )
