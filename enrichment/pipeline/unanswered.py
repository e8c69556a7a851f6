"""Attempts that end without an answer: what was known of their leads before stays, and a person decides."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from enrichment.models import Attempt, Lead
from enrichment.pipeline.deliver.planning import deliver_found
from enrichment.states import AttemptStatus, EnrichmentStatus
from swarm_admin.core.states import advance


def fail_attempt(attempt: Attempt, lead: Lead, kind: str, message: str) -> bool:
    """The attempt failed, its lead is locked; False: it ended otherwise while the row was asked for."""
    # The lead first, as whoever applies a row does: two who lock both wait for each other, not for ever.
    Lead.objects.filter(pk=lead.pk).lock()
    return bool(
        advance(
            Attempt.objects.filter(pk=attempt.pk),
            AttemptStatus.FAILED,
            finished_at=timezone.now(),
            overdue_at=None,
            error_kind=kind,
            error_message=message[:300],
        )
    )


def fail_unanswered(attempt: Attempt, lead: Lead, kind: str, message: str) -> None:
    """The attempt failed without an answer, and a person decides: it may still cost money at Clay."""
    with transaction.atomic():
        if fail_attempt(attempt, lead, kind, message):
            end_without_result([lead.pk], kind, message, needs_person=True)


def end_without_result(lead_ids: Sequence[int], kind: str, message: str, *, needs_person: bool) -> None:
    """What was known of the leads before stays, and is delivered. Inside a transaction that holds them."""
    now = timezone.now()
    leads = Lead.objects.filter(pk__in=lead_ids)
    leads.update(
        error_kind=kind,
        error_message=message[:300],
        error_at=now,
        needs_person=needs_person,
        in_progress_since=None,
        updated_at=now,
    )
    empty = leads.filter(email_work="", email_personal="", phone="")
    advance(empty, EnrichmentStatus.FAILED, field="enrichment_status")
    waiting = leads.filter(enrichment_status=EnrichmentStatus.IN_PROGRESS)
    advance(waiting, EnrichmentStatus.PARTIAL, field="enrichment_status")
    deliver_found(lead_ids)
