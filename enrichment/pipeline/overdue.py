"""Runs whose result has not come, and cannot be asked for: overdue, with three ways out.

To wait longer, to submit the lead again (another row or run, charged like any), or to give it up. A person chooses, or
the policy does. A run that was given up for another stays known by its reference: what comes of it late is older data.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.leases import server_is_away
from enrichment.models import Attempt, Lead
from enrichment.models.lead_queries import GAVE_UP
from enrichment.pipeline.dispatch.intents import abandon
from enrichment.pipeline.overdue_policy import GIVE_UP, NO_CALLBACK, RESUBMIT, SENTENCES, policy
from enrichment.pipeline.unanswered import end_without_result
from enrichment.states import FINAL_STATUSES, AttemptStatus, EnrichmentStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from gdpr import audit
from swarm_admin.core import shutdown
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance
from swarm_admin.core.timing import due_in

log = logging.getLogger(__name__)
AT_ONCE = 100
RESUBMITS_MOST: Final = 1  # by policy; then a person is asked


def run_due() -> int:
    """Runs whose time is over; returns how many. While Clay is paused nothing is late."""
    done = 0
    while not (shutdown.is_requested() or pauses.reading_pause("clay")):
        with transaction.atomic():
            due = list(_due().order_by("poll_after").select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
            for attempt in due:
                _handle_safely(attempt)
        done += len(due)
        if len(due) < AT_ONCE:
            break
    return done


def _due() -> QuerySet[Attempt]:
    """Those that no call can ask about: submitted ones, and all of them where Clay cannot be read."""
    late = Attempt.objects.filter(
        status=AttemptStatus.RUNNING, poll_after__lte=timezone.now(), in_flight_since=None, lead__restriction="",
        run=None,  # what is in a routine's run is asked for with it, see `runs`
    )  # fmt: skip
    return late if not chosen.can(Capability.FETCH) else late.exclude(reference="")


def _handle_safely(attempt: Attempt) -> None:
    try:
        with transaction.atomic():
            handle_overdue(attempt, NO_CALLBACK)
    except Exception as error:
        if server_is_away(error):
            raise
        log.error("overdue attempt %s: %s", attempt.pk, type(error).__name__)  # noqa: TRY400
        Attempt.objects.filter(pk=attempt.pk).update(poll_after=due_in(policy().seconds))


def handle_overdue(attempt: Attempt, kind: str, *, ask: bool = False) -> None:
    """By the policy; `ask`: a person decides whatever it says. Inside a transaction."""
    known = Lead.objects.filter(pk=attempt.lead_id or 0).defer("raw", "search")
    lead = known.select_for_update(of=("self",)).first()
    if lead is None:
        return
    mine = Attempt.objects.filter(pk=attempt.pk, status__in=(AttemptStatus.INTENDED, AttemptStatus.RUNNING))
    if lead.enrichment_status in FINAL_STATUSES:
        # An earlier run's result stands: nobody has to decide anything.
        abandon(mine, error_kind=kind, error_message=SENTENCES[kind])
        return
    action = "" if ask else policy().action
    if action == RESUBMIT and lead.dispatch_tries < RESUBMITS_MOST:
        abandon(mine, error_kind=kind, error_message=SENTENCES[kind])
        again = Lead.objects.filter(pk=lead.pk)
        advance(again, EnrichmentStatus.PENDING, field="enrichment_status")
        again.update(
            dispatch_after=timezone.now(), dispatch_tries=lead.dispatch_tries + 1, in_progress_since=None,
        )  # fmt: skip
    elif action == GIVE_UP:
        _give_up(mine, [lead.pk], kind)
    else:
        mine.update(overdue_at=timezone.now(), poll_after=None)
        _mark([lead.pk], kind)


def _mark(leads: Iterable[int], kind: str) -> None:
    now = timezone.now()
    Lead.objects.filter(pk__in=leads).update(
        needs_person=True, error_kind=kind, error_message=SENTENCES[kind], error_at=now, updated_at=now
    )


def _give_up(attempts: QuerySet[Attempt], leads: Sequence[int], kind: str) -> None:
    """The attempts failed without a result."""
    advance(
        attempts,
        AttemptStatus.FAILED,
        finished_at=timezone.now(),
        overdue_at=None,
        error_kind=kind,
        error_message=SENTENCES[kind],
    )
    end_without_result(leads, kind, SENTENCES[kind], needs_person=False)


# ---------------------------------------------------------------- what people do; to submit again is a retry

NOT_OVERDUE = "None of these leads is overdue any more."


def overdue_attempts() -> QuerySet[Attempt]:
    """Those that wait for a decision."""
    return Attempt.objects.filter(status=AttemptStatus.RUNNING, overdue_at__isnull=False)


def wait_longer(leads: Sequence[int], *, by: Any) -> int:
    """Another whole time for each overdue one of `leads`; returns how many.

    Raises:
        ActionNotAllowed: none of them is.
    """
    with transaction.atomic():
        attempts, ids = _locked(leads)
        attempts.update(overdue_at=None, poll_after=due_in(policy().seconds))
        now = timezone.now()
        Lead.objects.filter(pk__in=ids).update(
            needs_person=False, error_kind="", error_message="", error_at=None, updated_at=now
        )
        _record(Verb.WAIT_FOR_RESULT, ids, by)
    return len(ids)


def give_up(leads: Sequence[int], *, by: Any) -> int:
    """End each overdue one of `leads` without a result; returns how many.

    Raises:
        ActionNotAllowed: none of them is.
    """
    with transaction.atomic():
        attempts, ids = _locked(leads)
        _give_up(attempts, ids, GAVE_UP)
        _record(Verb.GIVE_UP_RESULT, ids, by)
    return len(ids)


def _locked(leads: Sequence[int]) -> tuple[QuerySet[Attempt], list[int]]:
    Lead.objects.filter(pk__in=leads).lock()
    attempts = overdue_attempts().filter(lead__in=leads)
    ids = [pk for pk in attempts.values_list("lead_id", flat=True) if pk is not None]
    if not ids:
        raise ActionNotAllowed(NOT_OVERDUE)
    return Attempt.objects.filter(pk__in=list(attempts.values_list("pk", flat=True))), ids


def _record(verb: Verb, ids: Sequence[int], by: Any) -> None:
    for lead in Lead.objects.filter(pk__in=ids).only("pk"):
        audit.record(verb, by=by, on=lead)
