"""Leads that Clay has been at work on for too long: their webhook may be lost, so the row is asked for (D13)."""

import logging

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from enrichment import fanout, holds
from enrichment.clock import due_in
from enrichment.models import Attempt, Lead
from enrichment.pipeline import mirror
from enrichment.pipeline.normalise import Unreadable, moment
from enrichment.pipeline.receive import suppressed
from enrichment.states import AttemptStatus, EnrichmentStatus, advance, advance_one
from enrichment.vendors.clay import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import Misconfigured, Paused, VendorError

log = logging.getLogger(__name__)
POLLED_AT_ONCE = 50


def run_due() -> int:
    """Poll the attempts that are due for it; returns how many were asked for."""
    if holds.held("clay"):
        return 0
    now = timezone.now()
    with transaction.atomic():
        due = (
            Attempt.objects.filter(status=AttemptStatus.RUNNING, poll_after__lte=now, lead__restriction="")
            .order_by("poll_after")
            .select_for_update(skip_locked=True, of=("self",))
        )
        ids = list(due.values_list("pk", flat=True)[:POLLED_AT_ONCE])
        Attempt.objects.filter(pk__in=ids).update(
            poll_after=due_in(settings.POLL_AFTER_SECONDS), polls=F("polls") + 1
        )
    attempts = list(Attempt.objects.filter(pk__in=ids).select_related("lead"))
    client = clay()
    rows = fanout.each(
        attempts, lambda attempt: client.get_row(attempt.lead.clay_table_id, str(attempt.lead.clay_row_id))
    )
    for attempt, row in zip(attempts, rows, strict=True):
        try:
            with transaction.atomic():
                _one(attempt, row)
        except Exception as error:  # one row must not keep the others waiting
            if not connection.is_usable():
                raise
            log.error("poll of lead %s: %s", attempt.lead_id, type(error).__name__)  # noqa: TRY400
            if attempt.polls >= settings.MAX_ATTEMPTS:
                _give_up(attempt, "internal_error", "the row could not be read")
    return len(attempts)


def _one(attempt: Attempt, row: ClayRow | VendorError) -> None:
    if isinstance(row, VendorError):
        log.warning("poll of lead %s: %s", attempt.lead_id, row)
        if isinstance(row, Misconfigured | Paused):
            holds.open_hold(row)
        elif row.permanent or attempt.polls >= settings.MAX_ATTEMPTS:
            _give_up(attempt, row.recovery, str(row))
        return
    if mirror.at_work(row):
        if attempt.polls >= settings.MAX_ATTEMPTS:
            _give_up(attempt, "no_answer", "Clay is still at work on this row")
        return
    if suppressed(attempt.lead, row):
        _give_up(attempt, "suppressed", "")
        return
    try:
        at = moment(row.values.get("enriched_at"))
    except Unreadable:
        at = timezone.now()
    newest = attempt.lead.clay_seen_at
    mirror.apply(attempt.lead_id, row, event_at=at if newest is None else max(at, newest))


def _give_up(attempt: Attempt, kind: str, message: str) -> None:
    """The attempt failed without an answer, and a person decides: it may still cost money at Clay."""
    now = timezone.now()
    with transaction.atomic():
        advance_one(
            attempt,
            AttemptStatus.FAILED,
            finished_at=now,
            error_kind=kind,
            error_message=message[:300],
        )
        leads = Lead.objects.filter(pk=attempt.lead_id)
        leads.update(
            error_kind=kind,
            error_message=message[:300],
            error_at=now,
            needs_person=kind != "suppressed",
            in_progress_since=None,
            updated_at=now,
        )
        empty = leads.filter(email_work="", email_personal="", phone="")
        advance(empty, EnrichmentStatus.FAILED, field="enrichment_status")
        waiting = leads.filter(enrichment_status=EnrichmentStatus.IN_PROGRESS)
        advance(waiting, EnrichmentStatus.PARTIAL, field="enrichment_status")
