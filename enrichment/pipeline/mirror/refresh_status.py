"""How a run ended, onto the objects: the attempt closed, the lead's status and error, what it is due for."""

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from enrichment.models import Attempt, Lead
from enrichment.pipeline.mirror.run import Progress, RunError, failures, status_of
from enrichment.states import FINAL_STATUSES, AttemptStatus, EnrichmentStatus
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.errors import Recovery
from swarm_admin.core.states import can_transition
from swarm_admin.core.timing import backoff, due_in, span

PASSING = (Recovery.NEXT_PROVIDER, Recovery.DELAY, Recovery.BACKOFF)
REFUSALS = (Recovery.BACKOFF, Recovery.PAUSE, Recovery.CREDITS)
# A provider is asked again after its first failure, at once or in a later hour, and not after the second.
FAILURES_MOST = 2
FAILED_LATELY_SECONDS = 3 * 3600
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
BUDGET_WINDOW_SECONDS = 3600  # providers are limited per hour
REFERENCES = ("ghl_contact_id", "instantly_lead_id")  # ours, which Clay is told
FILL_IN_PRIORITY = -10  # after everything that is new


def run_error(row: ClayRow, error: Any) -> RunError | None:
    """What the event says went wrong, else what the row says."""
    return RunError.read(error) or RunError.read(row.raw.get("error"))


def end_columns(attempt: Attempt, error: RunError | None, now: datetime.datetime) -> dict[str, Any]:
    """The columns of an attempt that is over, as `states.advance_each` takes them."""
    return {
        "status": AttemptStatus.FAILED if error else AttemptStatus.SUCCEEDED,
        "finished_at": now,
        "overdue_at": None,
        "providers": attempt.providers,
        "cost": attempt.cost,
        "error_kind": str(error.recovery) if error else "",
        "error_message": error.sentence if error else "",
        "provider": error.provider if error else "",
    }


def next_dispatch(lead: Lead, attempts: Sequence[Attempt], error: RunError | None, progress: Progress) -> bool:
    """What the lead is due for after the first of its `attempts` (newest first); True when it is tried again.

    A passing error: again, and only what the run did not bring (D10). The provider that is to blame is left out at
    once where it did not answer in time or was asked too often, or where others are asked beside it and need not wait
    for its delay; and after its second failure in any case. Else the providers that were left out are asked when it
    is their hour again (D11), where nobody has found it meanwhile.
    """
    attempt = attempts[0]
    lead.skip_providers, lead.only_providers = [], []
    lead.found_waterfalls, lead.answered = progress.finished, progress.answered
    passing = error is not None and is_transient(error)
    if (
        error is not None
        and passing
        and _schedule_retry(lead, attempt, error, progress, recent_failures(attempts, error))
    ):
        return True
    owed = _skipped_providers(attempts, error if passing else None, progress)
    tries, lead.dispatch_tries = lead.dispatch_tries, 0
    if error is None and not owed:
        lead.found_waterfalls, lead.answered = [], {}
    if not owed:
        return False
    lead.dispatch_after, lead.dispatch_priority = due_in(BUDGET_WINDOW_SECONDS), FILL_IN_PRIORITY
    if error is not None and not (lead.email or lead.phone):
        # Nothing stands yet that could be filled in: it is still to be enriched.
        lead.skip_providers = sorted(progress.remaining - owed)
        return True
    lead.only_providers = sorted(owed)
    lead.dispatch_tries = max(tries, 1) if error is not None else 0
    return False


def is_transient(error: RunError) -> bool:
    """Whether it may well go otherwise later, or with other providers."""
    return error.recovery in PASSING or is_limit_refusal(error)


def is_limit_refusal(error: RunError) -> bool:
    """Whether a provider was asked too often for its limit, its quota or its credits."""
    return bool(error.provider) and error.recovery in REFUSALS


def _schedule_retry(
    lead: Lead, attempt: Attempt, error: RunError, progress: Progress, failed: Mapping[str, int]
) -> bool:
    """Whether somebody is left to ask; then the lead is due for it."""
    leave_out = bool(error.provider) and (
        error.recovery != Recovery.DELAY
        or error.provider in progress.parallel
        or failed[error.provider] >= FAILURES_MOST
    )
    skipped = {*attempt.skip_providers, *([error.provider] if leave_out else [])}
    left = progress.remaining - skipped - {*attempt.deferred_providers}
    if attempt.only_providers:
        left &= {*attempt.only_providers}
    # Without the provider it is another run: that it failed does not use up the tries.
    tries = lead.dispatch_tries + (not leave_out)
    if not left or tries >= settings.MAX_ATTEMPTS:
        return False
    lead.skip_providers, lead.only_providers = sorted(skipped), list(attempt.only_providers)
    lead.dispatch_tries = tries
    lead.dispatch_after = timezone.now() if leave_out else backoff(tries)
    return True


def _skipped_providers(attempts: Sequence[Attempt], error: RunError | None, progress: Progress) -> frozenset[str]:
    """Providers that were left out, for want of budget or after one failure, and may still find something."""
    attempt = attempts[0]
    failed = recent_failures(attempts, error)
    once = {slug for slug, times in failed.items() if times < FAILURES_MOST}
    left_out = {*attempt.skip_providers, *([error.provider] if error else [])}
    return progress.remaining & {*attempt.deferred_providers, *(once & left_out)}


def recent_failures(attempts: Sequence[Attempt], error: RunError | None) -> Counter[str]:
    """{provider: how many of the lead's runs its error has ended lately}, the present `error` counted."""
    since = timezone.now() - span(FAILED_LATELY_SECONDS)
    before = attempts[1:] if error is not None else attempts
    failed = failures([each for each in before if each.started_at >= since])
    if error is not None and error.provider:
        failed[error.provider] += 1
    return failed


def status_after(lead: Lead, error: RunError | None, *, again: bool) -> EnrichmentStatus:
    """By D3; a lead that is tried again is pending; one that is only filled in keeps the status it has."""
    present = EnrichmentStatus(lead.enrichment_status)
    after = EnrichmentStatus.PENDING if again and not lead.only_providers else status_of(lead, error)
    return after if after == present or can_transition(present, after) else present


def refresh_status(lead: Lead, error: RunError | None, *, again: bool, run_ended: bool, now: datetime.datetime) -> None:
    """Status by D3, the last error beside it, and what Clay should be told of it.

    `run_ended`: the row tells the end of a run, so an error told before is over. That run may be one that was
    given up already: its result came late, and nobody must buy it again.
    """
    lead.enrichment_status = status_after(lead, error, again=again)
    lead.in_progress_since = None
    if error is not None:
        lead.error_kind, lead.error_message = error.recovery, error.sentence
        lead.error_provider, lead.error_at = error.provider, now
    elif run_ended:
        lead.error_kind = lead.error_message = lead.error_provider = ""
        lead.error_at = None
    lead.needs_person = lead.enrichment_status == EnrichmentStatus.FAILED
    if lead.clay_row_id and lead.write_back_after is None and columns_of(lead):
        lead.write_back_after = now


def columns_of(lead: Lead, taken_over: Iterable[str] = ()) -> dict[str, Any]:
    """What Clay should hold of ours and does not hold yet, by its last row.

    What it took before and keeps otherwise is not written again: its webhook about that would ask for the next.
    `taken_over`: columns that the mirror supplied instead of a provider. A pinned one is ours alone.
    """
    wanted = [*REFERENCES, *(name for name in taken_over if name not in lead.pinned_fields)]
    columns_to_write = {name: getattr(lead, name) for name in wanted if getattr(lead, name)}
    if lead.enrichment_status in FINAL_STATUSES:
        columns_to_write["enrichment_status"] = str(lead.enrichment_status)
    already_written = lead.written_back
    return {
        name: value
        for name, value in columns_to_write.items()
        if value not in (lead.raw.get(name), already_written.get(name))
    }
