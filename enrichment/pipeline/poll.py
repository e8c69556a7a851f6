"""Leads that Clay has been at work on for too long: their webhook may be lost, so the row is asked for (D13)."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enrichment.leases import server_is_away
from enrichment.models import Attempt, Lead
from enrichment.pipeline import fanout, recovery, suppressed_rows
from enrichment.pipeline.dispatch.batch import fail_leads
from enrichment.pipeline.mirror import apply_row, applying
from enrichment.pipeline.receive.triage import is_suppressed
from enrichment.pipeline.unanswered import fail_attempt, fail_unanswered
from enrichment.states import AttemptStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import VendorError
from enrichment.vendors.reading import Unreadable, moment
from swarm_admin.core import lease_holders, work
from swarm_admin.core.timing import due_in

log = logging.getLogger(__name__)
POLLED_AT_ONCE = 50


def run_due() -> int:
    """Poll the attempts that are due for it; returns how many were asked for. Where rows cannot be read, none is."""
    if not chosen.can(Capability.FETCH) or pauses.reading_pause("clay") or limiter.blocked_for(limiter.READS):
        return 0
    asked = [(attempt, attempt.lead) for attempt in _claim() if attempt.lead is not None]
    client = clay()
    rows = fanout.call_each(
        [lead for _, lead in asked],
        lambda lead: client.get_row(lead.clay_table_id, str(lead.clay_row_id)),
        vendor="clay",
    )
    for (attempt, lead), row in zip(asked, rows, strict=True):
        _apply_safely(attempt, lead, row)
    done = Attempt.objects.filter(pk__in=[attempt.pk for attempt, _ in asked], held_by=lease_holders.current_holder())
    done.update(in_flight_since=None)
    return len(asked)


def _claim() -> list[Attempt]:
    running = Attempt.objects.filter(status=AttemptStatus.RUNNING, reference="")
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
    for attempt in list(attempts.select_related("lead")):
        if attempts.filter(pk=attempt.pk).update(**lease) and attempt.lead is not None:
            fail_unanswered(attempt, attempt.lead, work.LOST, work.LOST_SENTENCE)


def _apply_safely(attempt: Attempt, lead: Lead, row: ClayRow | VendorError) -> None:
    """One row, however poisonous, must not keep the others waiting."""
    try:
        with transaction.atomic():
            _apply_one(attempt, lead, row)
    except Exception as error:
        if server_is_away(error):
            raise
        log.error("poll of lead %s: %s", lead.pk, type(error).__name__)  # noqa: TRY400
        if attempt.polls >= settings.MAX_ATTEMPTS:
            fail_unanswered(attempt, lead, "internal_error", "the row couldn't be read")


def _apply_one(attempt: Attempt, lead: Lead, row: ClayRow | VendorError) -> None:
    if isinstance(row, VendorError):
        _after_error(attempt, lead, row)
        return
    if apply_row.is_enriching(row):
        if attempt.polls >= settings.MAX_ATTEMPTS:
            fail_unanswered(attempt, lead, "no_answer", "Clay is still enriching this row")
        return
    if is_suppressed(lead, row):
        suppressed_rows.handle_return(lead.pk, row)
        return
    try:
        at = moment(row.values.get("enriched_at"))
    except Unreadable:
        at = timezone.now()
    newest = lead.clay_seen_at
    applying.apply(lead.pk, row, event_at=at if newest is None else max(at, newest))


def _after_error(attempt: Attempt, lead: Lead, error: VendorError) -> None:
    """A call that was refused or not answered says nothing of the row: only one that was answered counts as a poll."""
    log.warning("poll of lead %s: %s", lead.pk, error)
    step = recovery.next_step(error, tries=attempt.polls, limit=limiter.READS, scope="")
    if not step.counted:
        refused = Attempt.objects.filter(pk=attempt.pk, polls__gt=0)
        refused.update(polls=F("polls") - 1, poll_after=step.not_before)
    elif error.permanent or attempt.polls >= settings.MAX_ATTEMPTS:
        with transaction.atomic():
            if fail_attempt(attempt, lead, error.recovery, str(error)):
                fail_leads([lead.pk], error)
