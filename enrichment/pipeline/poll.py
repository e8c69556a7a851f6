"""Leads that Clay has been at work on for too long: their webhook may be lost, so the row is asked for (D13)."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enrichment import fanout, holds, recovery
from enrichment.clock import due_in
from enrichment.leases import server_is_away
from enrichment.models import Attempt, Lead
from enrichment.pipeline import mirror
from enrichment.pipeline.dispatch.outcome import deliver_found, fail_leads
from enrichment.pipeline.normalise import Unreadable, moment
from enrichment.pipeline.receive import suppressed
from enrichment.states import AttemptStatus, EnrichmentStatus, advance
from enrichment.vendors import limiter
from enrichment.vendors.clay import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import Misconfigured, Paused, RateLimited, VendorError
from swarm_admin.core import holders, work

log = logging.getLogger(__name__)
POLLED_AT_ONCE = 50


def run_due() -> int:
    """Poll the attempts that are due for it; returns how many were asked for."""
    if holds.held("clay") or limiter.blocked_for(limiter.READS):
        return 0
    attempts = _claim()
    client = clay()
    rows = fanout.each(
        attempts,
        lambda attempt: client.get_row(attempt.lead.clay_table_id, str(attempt.lead.clay_row_id)),
        vendor="clay",
    )
    for attempt, row in zip(attempts, rows, strict=True):
        _guarded(attempt, row)
    done = Attempt.objects.filter(pk__in=[attempt.pk for attempt in attempts], held_by=holders.name())
    done.update(in_flight_since=None)
    return len(attempts)


def _claim() -> list[Attempt]:
    running = Attempt.objects.filter(status=AttemptStatus.RUNNING)
    work.hand_back_lapsed(
        running.filter(in_flight_since__isnull=False),
        lambda attempts, lease: attempts.update(poll_after=timezone.now(), **lease),
        _set_aside,
    )
    due = running.filter(poll_after__lte=timezone.now(), in_flight_since=None, lead__restriction="")
    later = due_in(settings.POLL_AFTER_SECONDS)
    attempts = work.claim(
        due.order_by("poll_after").select_related("lead"),
        POLLED_AT_ONCE,
        lambda mine, lease: mine.update(poll_after=later, polls=F("polls") + 1, **lease),
        stage="polls",
    )
    for attempt in attempts:
        attempt.poll_after, attempt.polls = later, attempt.polls + 1
    return attempts


def _set_aside(attempts: QuerySet[Attempt], lease: work.Values) -> None:
    """The row cannot be read without losing the worker: a person looks at it in Clay."""
    for attempt in list(attempts):
        if attempts.filter(pk=attempt.pk).update(**lease):
            _give_up(attempt, work.LOST, work.LOST_SENTENCE)


def _guarded(attempt: Attempt, row: ClayRow | VendorError) -> None:
    """One row, however poisonous, must not keep the others waiting."""
    try:
        with transaction.atomic():
            _one(attempt, row)
    except Exception as error:
        if server_is_away(error):
            raise
        log.error("poll of lead %s: %s", attempt.lead_id, type(error).__name__)  # noqa: TRY400
        if attempt.polls >= settings.MAX_ATTEMPTS:
            _give_up(attempt, "internal_error", "the row could not be read")


def _one(attempt: Attempt, row: ClayRow | VendorError) -> None:
    if isinstance(row, VendorError):
        _after_error(attempt, row)
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


def _after_error(attempt: Attempt, error: VendorError) -> None:
    """A refused call says nothing of the row: only one that was answered counts as a poll."""
    log.warning("poll of lead %s: %s", attempt.lead_id, error)
    if isinstance(error, Misconfigured | Paused | RateLimited):
        recovery.next_step(error, tries=1, limit=limiter.READS, scope="")
        Attempt.objects.filter(pk=attempt.pk, polls__gt=0).update(polls=F("polls") - 1)
    elif error.permanent or attempt.polls >= settings.MAX_ATTEMPTS:
        with transaction.atomic():
            if _ended(attempt, error.recovery, str(error)):
                fail_leads([attempt.lead_id], error)


def _ended(attempt: Attempt, kind: str, message: str) -> bool:
    """The attempt failed, its lead is locked; False: it ended otherwise while the row was asked for."""
    # The lead first, as whoever applies a row does: two who lock both wait for each other, not for ever.
    Lead.objects.filter(pk=attempt.lead_id).lock()
    return bool(
        advance(
            Attempt.objects.filter(pk=attempt.pk),
            AttemptStatus.FAILED,
            finished_at=timezone.now(),
            error_kind=kind,
            error_message=message[:300],
        )
    )


def _give_up(attempt: Attempt, kind: str, message: str) -> None:
    """The attempt failed without an answer, and a person decides: it may still cost money at Clay."""
    now = timezone.now()
    with transaction.atomic():
        if not _ended(attempt, kind, message):
            return
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
        deliver_found([attempt.lead_id])
