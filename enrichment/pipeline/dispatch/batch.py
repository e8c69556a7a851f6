"""A batch of leads for Clay: frozen, and what its end means for them: done, again, or set aside with the reason."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline import recovery
from enrichment.pipeline.deliver.planning import deliver_found
from enrichment.states import AttemptStatus, BatchStatus, EnrichmentStatus, ItemStatus
from enrichment.vendors.clay.calls import CREATE_ROWS, TRIGGER
from enrichment.vendors.errors import Permanent, Recovery, UnknownOutcome, VendorError
from swarm_admin.core.bulk_sql import insert_each
from swarm_admin.core.states import advance, advance_one

SENDING = {BatchKind.ROWS: CREATE_ROWS.name, BatchKind.TRIGGER: TRIGGER.name}


def items_of(batch: Batch) -> list[BatchItem]:
    """The batch's open items in order, each with its lead; with the lead's last row only where that is compared."""
    items = batch.items.filter(status=ItemStatus.PLANNED).select_related("lead").order_by("position")
    unsure = getattr(batch, "claimed_from", None) == BatchStatus.UNKNOWN
    unread = [] if unsure or batch.kind == BatchKind.UPDATE else ["lead__raw"]
    return list(items.defer("lead__search", *unread))


def leads_in_doubt(kind: BatchKind, leads: Sequence[Lead]) -> set[int]:
    """The ids of those whose last call of this kind was given up while its outcome was unknown.

    It may have taken effect: made again unseen, a row would be there twice, a trigger be paid twice. A write-back
    may be repeated.
    """
    if kind in (BatchKind.UPDATE, BatchKind.SUBMIT):
        return set()  # a submission cannot be looked for: whoever tries again knows what it may cost
    later = BatchItem.objects.filter(lead=OuterRef("lead"), batch__kind=kind, pk__gt=OuterRef("pk"))
    given_up = BatchItem.objects.filter(
        lead__in=[lead.pk for lead in leads], batch__kind=kind, status=ItemStatus.SET_ASIDE, in_doubt=True
    )
    return set(given_up.exclude(Exists(later)).values_list("lead_id", flat=True))


def create_batch(kind: BatchKind, leads: Sequence[Lead], *, table: str, without: Sequence[str] = ()) -> Batch:
    """One batch of these leads, which are due no longer. Inside the caller's transaction.

    It is planned; or of unknown outcome, so that it is read back before anything is sent (D12), where one of the
    leads is in doubt. `without`: the waterfalls whose data these leads have already.
    """
    first = leads[0]
    narrowed = kind == BatchKind.TRIGGER
    batch = Batch.objects.create(
        kind=kind,
        status=BatchStatus.UNKNOWN if leads_in_doubt(kind, leads) else BatchStatus.PLANNED,
        table_id=table,
        priority=max(lead.dispatch_priority for lead in leads),
        skip_providers=first.skip_providers if narrowed else [],
        only_providers=first.only_providers if narrowed else [],
        without=sorted({*without, *(first.found_waterfalls if narrowed else ())}),
        answered=first.answered if narrowed else {},
        waterfall_id=first.trial_id if narrowed else None,
    )
    made = {
        "batch": batch.pk,
        "status": ItemStatus.PLANNED,
        "error_kind": "",
        "error_message": "",
        "in_doubt": False,
    }
    insert_each(BatchItem, [{**made, "lead": lead.pk, "position": position} for position, lead in enumerate(leads)])
    due = "write_back_after" if kind == BatchKind.UPDATE else "dispatch_after"
    Lead.objects.filter(pk__in=[lead.pk for lead in leads]).update(**{due: None})
    return batch


def finish_batch(batch: Batch, status: BatchStatus = BatchStatus.DONE) -> None:
    advance_one(batch, status, finished_at=timezone.now(), in_flight_since=None)


def finish_items(
    items: Iterable[BatchItem],
    status: ItemStatus,
    error: VendorError | None = None,
    *,
    in_doubt: bool = False,
) -> None:
    ids = [item.pk for item in items]
    values = {} if error is None else {"error_kind": error.recovery, "error_message": str(error)[:300]}
    advance(BatchItem.objects.filter(pk__in=ids), status, in_doubt=in_doubt, **values)


def set_aside(items: Sequence[BatchItem], error: VendorError, *, in_doubt: bool = False) -> None:
    """These rows cannot go: their leads fail with the reason and wait for a person. Inside the caller's transaction.

    `in_doubt`: the call may have taken effect all the same, so that whoever tries again looks first (D12).
    """
    leads = [item.lead_id for item in items]
    # The leads before their attempts, as the mirror locks them.
    Lead.objects.filter(pk__in=leads).lock()
    finish_items(items, ItemStatus.SET_ASIDE, error, in_doubt=in_doubt)
    _end_attempts(leads, error)
    fail_leads(leads, error)


def _end_attempts(lead_ids: Sequence[int], error: VendorError) -> None:
    """An attempt whose outcome stayed unknown does not stay open when its row is given up."""
    advance(
        Attempt.objects.filter(lead__in=lead_ids, status=AttemptStatus.INTENDED),
        AttemptStatus.FAILED,
        finished_at=timezone.now(),
        error_kind=error.recovery,
        error_message=str(error)[:300],
        provider=error.provider or "",
    )


def fail_leads(lead_ids: Sequence[int], error: VendorError) -> None:
    """Final for now: `failed` with the error and for a person to see; a row Clay does not know is unenrichable."""
    leads = Lead.objects.filter(pk__in=lead_ids)
    unknown_row = error.recovery == Recovery.UNENRICHABLE
    leads.update(
        error_kind=error.recovery,
        error_message=str(error)[:300],
        error_provider=error.provider or "",
        error_at=timezone.now(),
        needs_person=not unknown_row,
        dispatch_after=None,
        skip_providers=[],
        only_providers=[],
        in_progress_since=None,
        updated_at=timezone.now(),
    )
    after = EnrichmentStatus.UNENRICHABLE if unknown_row else EnrichmentStatus.FAILED
    advance(leads.filter(email_work="", email_personal="", phone=""), after, field="enrichment_status")
    # One that was enriched before keeps what was found, and its status with it (D3).
    unfinished = leads.filter(enrichment_status__in=[EnrichmentStatus.PENDING, EnrichmentStatus.IN_PROGRESS])
    complete = unfinished.filter(company_size__isnull=False).exclude(email_work="", email_personal="")
    advance(complete, EnrichmentStatus.COMPLETED, field="enrichment_status")
    advance(unfinished, EnrichmentStatus.PARTIAL, field="enrichment_status")
    deliver_found(lead_ids)


def unanswered_errors(answers: Iterable[object]) -> list[VendorError]:
    """The errors among answers that say nothing about their record: it has to be asked for again."""
    return [each for each in answers if isinstance(each, VendorError) and not isinstance(each, Permanent)]


def requeue(items: Sequence[BatchItem], *, counted: bool = True) -> None:
    """Their leads are due for dispatch once more; one that went MAX_ATTEMPTS times waits for a person.

    Not `counted` where it was nothing about the leads. Nor does a send count that Clay did not answer while it answers
    no call of its kind: what never arrived was no try.
    """
    leads = Lead.objects.filter(pk__in=[item.lead_id for item in items])
    leads.lock()
    finish_items(items, ItemStatus.AGAIN)
    leads.update(dispatch_after=timezone.now())
    if not items or not counted or _unanswered(BatchKind(items[0].batch.kind)):
        return
    leads.update(dispatch_tries=F("dispatch_tries") + 1)
    spent = list(leads.filter(dispatch_tries__gte=settings.MAX_ATTEMPTS).values_list("pk", flat=True))
    if spent:
        message = "sent several times but never found there"
        fail_leads(spent, VendorError("clay", "dispatch", message=message, recovery=Recovery.NEEDS_PERSON))


def _unanswered(kind: BatchKind) -> bool:
    return kind in SENDING and recovery.never_arrived("clay", SENDING[kind])


def handle_error(batch: Batch, items: Sequence[BatchItem], error: VendorError, *, limit: str, scope: str) -> None:
    """The batch's next step after a failed call (D15: one bad row does not sink the others).

    What a look-up is refused says nothing about the rows, so it neither narrows the batch nor ends the doubt; and that
    the table was too small for the batch stays known.
    """
    looked, was = _was_lookup(batch), batch.error_kind
    step = recovery.next_step(error, tries=batch.tries, limit=limit, scope=scope)
    with transaction.atomic():
        if step.action == "again":
            if error.recovery == Recovery.NEXT_PROVIDER and error.provider:
                _skip(batch, items, error.provider)
            release(batch, not_before=step.not_before, counted=step.counted, error=error)
        elif step.action == "read_back":
            advance_one(
                batch,
                BatchStatus.UNKNOWN,
                not_before=step.not_before,
                tries=batch.tries - (not step.counted),
                in_flight_since=None,
                error_kind=error.kind,
                error_message=str(error)[:300],
            )
        elif isinstance(error, Permanent) and len(items) > 1 and not looked:
            _split(batch, items, error)
        else:
            set_aside(items, error, in_doubt=looked or isinstance(error, UnknownOutcome))
            finish_batch(batch, BatchStatus.FAILED)
        if looked and was == Recovery.TABLE_FULL:
            Batch.objects.filter(pk=batch.pk).update(error_kind=was)


def _was_lookup(batch: Batch) -> bool:
    """The call that failed was to tell what became of an earlier one; a write-back is just made again."""
    unknown = batch.claimed_from == BatchStatus.UNKNOWN  # type: ignore[attr-defined]
    return unknown and batch.kind != BatchKind.UPDATE


def _skip(batch: Batch, items: Sequence[BatchItem], provider: str) -> None:
    """The next try goes without the provider that did not answer (D10)."""
    leads = Lead.objects.filter(pk__in=[item.lead_id for item in items])
    leads.lock()
    batch.skip_providers = sorted({*batch.skip_providers, provider})
    batch.save(update_fields=["skip_providers"])
    leads.update(skip_providers=batch.skip_providers)


def _split(batch: Batch, items: Sequence[BatchItem], error: VendorError) -> None:
    """Drop the row the vendor named; where it named none, try each half alone."""
    index = error.row_index
    if index is not None and 0 <= index < len(items):
        rest = [item for position, item in enumerate(items) if position != index]
        set_aside([items[index]], error)
        parts = [rest]
    else:
        middle = len(items) // 2
        parts = [list(items[:middle]), list(items[middle:])]
    for part in parts:
        finish_items(part, ItemStatus.AGAIN)
        create_part_batch(batch, [item.lead for item in part])
    finish_batch(batch)


def create_part_batch(batch: Batch, leads: Sequence[Lead]) -> Batch:
    """Some of a batch's leads in a batch of their own that asks the same."""
    kind = BatchKind(batch.kind)
    part = create_batch(kind, leads, table=batch.table_id, without=batch.without)
    if kind == BatchKind.TRIGGER:
        as_before = ("skip_providers", "only_providers", "answered", "waterfall_id", "priority")
        for name in as_before:
            setattr(part, name, getattr(batch, name))
        part.save(update_fields=as_before)
    return part
