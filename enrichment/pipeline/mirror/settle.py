"""How a run ended, onto the objects: the attempt closed, the lead's status and error, what it is due for."""

import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from enrichment.clock import backoff, due_in
from enrichment.models import Attempt, Lead
from enrichment.pipeline.dispatch.write_back import columns_of
from enrichment.pipeline.status import RunError, status_of
from enrichment.states import AttemptStatus, EnrichmentStatus, may_follow
from enrichment.vendors.clay import ClayRow
from enrichment.vendors.errors import Recovery

OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
BUDGET_WINDOW_SECONDS = 3600  # providers are limited per hour
FILL_IN_PRIORITY = -10  # after everything that is new


def run_error(row: ClayRow, error: Any) -> RunError | None:
    """What the event says went wrong, else what the row says."""
    return RunError.read(error) or RunError.read(row.raw.get("error"))


def end_of(attempt: Attempt, error: RunError | None, now: datetime.datetime) -> dict[str, Any]:
    """The columns of an attempt that is over, as `states.advance_each` takes them."""
    return {
        "status": AttemptStatus.FAILED if error else AttemptStatus.SUCCEEDED,
        "finished_at": now,
        "providers": attempt.providers,
        "cost": attempt.cost,
        "error_kind": str(error.recovery) if error else "",
        "error_message": error.sentence if error else "",
        "provider": error.provider if error else "",
    }


def next_dispatch(lead: Lead, attempt: Attempt, error: RunError | None) -> bool:
    """What the lead is due for after this attempt; True when the same is tried again.

    A provider's time-out: again at once with it skipped (D10). A passing error: again after a delay. Else
    the providers left out for want of budget are asked when it is there again (D11).
    """
    lead.skip_providers, lead.only_providers = [], []
    tries = lead.dispatch_tries + 1
    passing = (Recovery.NEXT_PROVIDER, Recovery.DELAY, Recovery.BACKOFF)
    if error is not None and error.recovery in passing and tries < settings.MAX_ATTEMPTS:
        skipped = {error.provider} if error.recovery == Recovery.NEXT_PROVIDER and error.provider else set()
        lead.skip_providers = sorted({*attempt.skip_providers, *skipped})
        lead.only_providers = list(attempt.only_providers)
        lead.dispatch_tries = tries
        lead.dispatch_after = timezone.now() if skipped else backoff(tries)
        return True
    lead.dispatch_tries = 0
    if attempt.deferred_providers:
        lead.only_providers = list(attempt.deferred_providers)
        lead.dispatch_after = due_in(BUDGET_WINDOW_SECONDS)
        lead.dispatch_priority = FILL_IN_PRIORITY
    return False


def status_after(lead: Lead, error: RunError | None, *, again: bool) -> EnrichmentStatus:
    """By D3; a lead that is tried again is pending; one that is only filled in keeps the status it has."""
    present = EnrichmentStatus(lead.enrichment_status)
    after = EnrichmentStatus.PENDING if again and not lead.only_providers else status_of(lead, error)
    return after if after == present or may_follow(present, after) else present


def settle(lead: Lead, error: RunError | None, *, again: bool, news: bool, now: datetime.datetime) -> None:
    """Status by D3, the last error beside it, and what Clay should be told of it.

    `news`: the row tells the end of a run, so an error told before is over. That run may be one that was
    given up already: its result came late, and nobody must buy it again.
    """
    lead.enrichment_status = status_after(lead, error, again=again)
    lead.in_progress_since = None
    if error is not None:
        lead.error_kind, lead.error_message = error.recovery, error.sentence
        lead.error_provider, lead.error_at = error.provider, now
    elif news:
        lead.error_kind = lead.error_message = lead.error_provider = ""
        lead.error_at = None
    lead.needs_person = lead.enrichment_status == EnrichmentStatus.FAILED
    if columns_of(lead) and lead.write_back_after is None:
        lead.write_back_after = now
