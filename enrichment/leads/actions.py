"""What staff do to leads: keyword-only, with the person, and audited in the same transaction."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrichment.leads.resubmission import check_can_skip, is_resubmission
from enrichment.models import Attempt, BatchItem, Lead
from enrichment.pipeline.deliver.redeliver import ONLY_KEPT, suppressed_ids
from enrichment.states import AttemptStatus, EnrichmentStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance
from swarm_admin.core.timing import span

STAFF_PRIORITY = 20  # leaves before imports: a person waits for it
BULK_PRIORITY = 0  # behind fresh leads and what a person waits for
MOST = 5_000  # leads of one retry: seconds, not minutes, under their locks
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)

RUNNING = "Enrichment is running. You can retry when it finishes."
QUEUED = "Already waiting to be sent to Clay."
SUPPRESSED = "This person is suppressed and can't be enriched."


@dataclass(frozen=True)
class RetrySelection:
    """Leads that can be retried, and {reason: how many} of those that cannot."""

    ready: list[Lead]
    left_out: Counter[str] = field(default_factory=Counter)


def check_can_retry(lead: Lead) -> None:
    """Raises ActionNotAllowed with the reason where the lead cannot be put at dispatch again now."""
    selection = sort_for_retry([lead])
    if not selection.ready:
        raise ActionNotAllowed(next(iter(selection.left_out)))


def sort_for_retry(leads: Sequence[Lead]) -> RetrySelection:
    """Which of `leads` can be put at dispatch again now, and why the others cannot. A few queries in all."""
    if hold := pauses.open_pause("clay"):
        return RetrySelection([], Counter({hold_words.sentence(hold): len(leads)}))
    ids = [lead.pk for lead in leads]
    running = set(Attempt.objects.filter(lead__in=ids, status__in=OPEN_ATTEMPT).values_list("lead_id", flat=True))
    waiting = set(
        BatchItem.objects.filter(lead__in=ids, status=ItemStatus.PLANNED)
        .exclude(batch__kind="update")
        .values_list("lead_id", flat=True)
    )
    blocked = suppressed_ids(leads)
    overdue = _overdue_since()
    ready, left_out = [], Counter[str]()
    for lead in leads:
        reason = _why_not(lead, running, waiting, blocked, overdue)
        if reason:
            left_out[reason] += 1
        else:
            ready.append(lead)
    return RetrySelection(ready, left_out)


def _overdue_since() -> datetime.datetime:
    """A run that began before may be given up for another; submitted ones only once they are called overdue."""
    if is_resubmission():
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return timezone.now() - span(settings.POLL_AFTER_SECONDS)


def _why_not(lead: Lead, running: set[int], waiting: set[int], blocked: set[int], overdue: datetime.datetime) -> str:
    if lead.pk in blocked:
        return SUPPRESSED
    if lead.restriction:
        return ONLY_KEPT
    if lead.pk in waiting or lead.dispatch_after is not None:
        return QUEUED
    late = lead.in_progress_since is not None and lead.in_progress_since < overdue
    late |= lead.is_overdue
    if lead.pk in running and not (lead.enrichment_status == EnrichmentStatus.IN_PROGRESS and late):
        return RUNNING
    return ""


def retry_leads(
    leads: Sequence[Lead],
    *,
    by: Any,
    skip_providers: Collection[str] = (),
    priority: int = STAFF_PRIORITY,
) -> RetrySelection:
    """Put leads at dispatch again, without the providers in `skip_providers`; returns who was and who was not.

    All or nothing: one transaction with the audit events. At most MOST leads.

    Raises:
        ActionNotAllowed: there is none that can be retried, there are too many, or no provider can be left out.
    """
    check_can_skip(skip_providers)
    if len(leads) > MOST:
        raise ActionNotAllowed(f"You can retry up to {MOST:,} leads at once.")
    now = timezone.now()
    with transaction.atomic():
        locked = Lead.objects.filter(pk__in=[lead.pk for lead in leads]).order_by("pk").select_for_update()
        selection = sort_for_retry(list(locked))
        if not selection.ready:
            raise ActionNotAllowed(" ".join(selection.left_out) or "No leads to retry.")
        ids = [lead.pk for lead in selection.ready]
        # What Clay has not answered for too long is given up, else the new attempt would be its second.
        advance(
            Attempt.objects.filter(lead__in=ids, status__in=OPEN_ATTEMPT),
            AttemptStatus.ABANDONED,
            finished_at=now,
        )
        chosen = Lead.objects.filter(pk__in=ids)
        advance(chosen, EnrichmentStatus.PENDING, field="enrichment_status")
        chosen.update(
            dispatch_after=now,
            dispatch_priority=priority,
            dispatch_tries=0,
            skip_providers=sorted(set(skip_providers)),
            only_providers=[],
            dispatch_by=by,
            trial=None,
            in_progress_since=None,
            error_kind="",
            error_message="",
            error_provider="",
            error_at=None,
            needs_person=False,
            updated_at=now,
        )
        _record_each(Verb.RETRY, selection.ready, by=by, reason=_skipped(skip_providers))
    return selection


def _skipped(providers: Collection[str]) -> str:
    return f"without {', '.join(sorted(providers))}" if providers else ""


def _record_each(verb: Verb, leads: Sequence[Lead], *, by: Any, reason: str = "") -> None:
    """One event a lead, for its timeline; and one of the whole where there were several."""
    for lead in leads:
        audit.record(verb, by=by, on=lead, reason=reason)
    if len(leads) > 1:
        audit.record(verb, by=by, object_type="lead", counts={"leads": len(leads)}, reason=reason)
