"""What came of deliveries, kept: all of a round in a few statements."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.leases import all_or_each, release, release_all
from enrichment.models import Disclosure, Handover, Lead
from enrichment.pipeline import recovery
from enrichment.pipeline.deliver.planning import insert_planned, is_sent, record_already_written
from enrichment.pipeline.delivery_outcomes import NeedsDecision, Outcome, PartlySent, Postponed, Sent, Withheld
from enrichment.pipeline.payload import is_deliverable, payload, payload_hash
from enrichment.states import HandoverStatus
from enrichment.vendors.errors import UnknownOutcome, VendorError
from enrichment.vendors.vendor import Delivery
from swarm_admin.core import work
from swarm_admin.core.bulk_sql import insert_each, update_each
from swarm_admin.core.states import advance, advance_each, advance_one
from swarm_admin.core.timing import due_in

log = logging.getLogger(__name__)
Done = tuple[Handover, Lead, Sent]


def record_sent(channel: Delivery, done: Sequence[Done]) -> None:
    """These were sent: the deliveries are done, disclosed, and their references known.

    One that cannot be recorded does not take the others with it: its lease runs out and it is read back.
    """
    all_or_each(done, lambda some: _record(channel, some), lambda one, error: _log_unrecorded(one[0], error))


def _record(channel: Delivery, done: Sequence[Done]) -> Sequence[Done]:
    now = timezone.now()
    documents = {handover.pk: payload(lead, handover.system) for handover, lead, _ in done}
    hashes = {pk: payload_hash(document) for pk, document in documents.items()}
    current = _lock_leads(lead for _, lead, _ in done)
    moved = advance_each(
        Handover,
        {
            handover.pk: {
                "status": HandoverStatus.DONE,
                "external_id": sent.external_id,
                "payload_hash": hashes[handover.pk],
                "differences": sorted(sent.differences),
                "finished_at": now,
                "in_flight_since": None,
                "error_kind": "",
                "error_message": "",
            }
            for handover, _, sent in done
        },
    )
    # Erased meanwhile, and its deliveries with it: there is nobody left to write of.
    recorded = [each for each in done if each[1].pk in current]
    _disclose(channel, [each for each in recorded if not record_already_written(each[0], each[1])], documents)
    _save_references(channel, [(current[lead.pk], sent.external_id) for _, lead, sent in recorded])
    # It may have changed while this was under way.
    insert_planned(
        (current[lead.pk], handover.system)
        for handover, lead, _ in recorded
        if handover.pk in moved
        and is_deliverable(current[lead.pk], handover.system)
        and not is_sent(current[lead.pk], handover.system, hashes[handover.pk])
    )
    return recorded


def _lock_leads(leads: Iterable[Lead]) -> dict[int, Lead]:
    """The leads as they are now, before their deliveries and in the order of their keys, as everybody locks them."""
    rows = Lead.objects.filter(pk__in=[lead.pk for lead in leads]).defer("raw", "search")
    return {lead.pk: lead for lead in rows.order_by("pk").select_for_update()}


def _disclose(
    channel: Delivery,
    recorded: Sequence[tuple[Handover, Lead, Sent | PartlySent]],
    documents: Mapping[int, Mapping[str, Any]],
) -> None:
    """These people's data has reached the other side, whatever becomes of the delivery."""
    now = timezone.now()
    insert_each(
        Disclosure,
        [
            {
                "lead": lead.pk,
                "system": handover.system,
                "action": channel.action,
                "fields": sorted(documents[handover.pk].keys() - sent.held_back),
                "occurred_at": now,
            }
            for handover, lead, sent in recorded
        ],
    )


def _save_references(channel: Delivery, references: Sequence[tuple[Lead, str]]) -> None:
    """References that are new, onto the leads; Clay is due to be told of them. With the first of all, its time."""
    now = timezone.now()
    changed = {lead.pk for lead, external_id in references if getattr(lead, channel.reference) != external_id}
    update_each(
        Lead,
        {
            lead.pk: {
                channel.reference: external_id,
                "first_disclosed_at": lead.first_disclosed_at or now,
                "write_back_after": (lead.write_back_after or now) if lead.pk in changed else lead.write_back_after,
                "updated_at": now,
            }
            for lead, external_id in references
            if lead.pk in changed or lead.first_disclosed_at is None
        },
    )


def _log_unrecorded(handover: Handover, error: Exception) -> None:
    log.error("handover %s was made and not recorded: %s", handover.pk, type(error).__name__)


def record_without_calls(outcomes: Sequence[tuple[Handover, Outcome]]) -> None:
    """Deliveries of which nothing left by a decision, or for want of one."""
    now = timezone.now()
    ended: dict[str, Any] = {"finished_at": now, "in_flight_since": None}
    for handover, outcome in outcomes:
        if isinstance(outcome, NeedsDecision):
            words = {"error_kind": outcome.kind, "error_message": outcome.sentence}
            advance(_row_of(handover), HandoverStatus.FAILED, **words, **ended)
        elif isinstance(outcome, Withheld):
            words = {"error_kind": outcome.reason, "error_message": ""}
            advance(_row_of(handover), HandoverStatus.WITHHELD, **words, **ended)
    release_all(
        [handover for handover, outcome in outcomes if isinstance(outcome, Postponed)],
        not_before=due_in(settings.READ_BACK_SECONDS),
    )


def _row_of(handover: Handover) -> QuerySet[Handover]:
    return Handover.objects.filter(pk=handover.pk)


def give_up_lost(handovers: QuerySet[Handover], lease: work.Values) -> None:
    """Deliveries whose worker was lost again and again: tried again by a person, they are read back first (D12)."""
    error = {"error_kind": work.LOST, "error_message": work.LOST_SENTENCE}
    advance(handovers, HandoverStatus.FAILED, finished_at=timezone.now(), **error, **lease)


def record_partly_sent(channel: Delivery, halves: Sequence[tuple[Handover, Lead, PartlySent]]) -> None:
    """What was taken is kept, referred to and disclosed, so that only the rest is tried again, whatever becomes of it.

    A kill before this leaves the delivery to be read back, as one that was never answered.
    """
    documents = {handover.pk: payload(lead, handover.system) for handover, lead, _ in halves}
    with transaction.atomic():
        current = _lock_leads(lead for _, lead, _ in halves)
        recorded = [each for each in halves if each[1].pk in current]
        _disclose(channel, [each for each in recorded if not record_already_written(each[0], each[1])], documents)
        _save_references(channel, [(current[lead.pk], half.external_id) for _, lead, half in recorded])
        update_each(
            Handover,
            {
                handover.pk: {
                    "external_id": half.external_id,
                    "payload_hash": payload_hash(documents[handover.pk]),
                }
                for handover, _, half in recorded
            },
        )
    record_errors(channel, [(handover, half.error) for handover, _, half in halves])


def record_errors(channel: Delivery, failed: Sequence[tuple[Handover, VendorError]]) -> None:
    """The next step of each. One error may stand for many, which were sent in one call: it is acted upon once."""
    steps: dict[tuple[int, int], recovery.NextStep] = {}
    for handover, error in failed:
        key = (id(error), handover.tries)
        if key not in steps:
            log.warning("handover %s: %s", handover.pk, error)
            steps[key] = recovery.next_step(error, tries=handover.tries, limit=channel.limit, scope=channel.scope())
        _apply_step(steps[key], handover, error)


def _apply_step(step: recovery.NextStep, handover: Handover, error: VendorError) -> None:
    values: dict[str, Any] = {
        "error_kind": error.recovery,
        "error_message": str(error)[:300],
        "in_flight_since": None,
    }
    if step.action == "again":
        release(handover, not_before=step.not_before, counted=step.counted, error=error)
    elif step.action == "read_back":
        values["tries"] = handover.tries - (not step.counted)
        advance_one(handover, HandoverStatus.UNKNOWN, not_before=step.not_before, **values)
    else:
        if isinstance(error, UnknownOutcome):
            values["error_kind"] = error.given_up_as
        advance_one(handover, HandoverStatus.FAILED, finished_at=timezone.now(), **values)
