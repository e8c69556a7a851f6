"""Chosen leads put at dispatch again: their retry handler, and the kind of job it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet

from enrichment.estimates.estimating import Work, estimate
from enrichment.jobs.kinds import Verbs
from enrichment.jobs.retry_handlers import RetryHandler
from enrichment.jobs.rows import RetryJob
from enrichment.leads import actions
from enrichment.models import BulkJob, Lead
from enrichment.models.job import JobKind
from enrichment.states import DELIVERED, EnrichmentStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import why_not_allowed

RETRY = "enrichment.retry_lead"
NO_RETRY = "You don't have permission to manage retries. Ask an admin."
VERBS = Verbs(Verb.START_RETRY, Verb.END_RETRY, Verb.CANCEL_RETRY)
FEW = 100  # so many leads a person may well wait for
GONE = "The lead no longer exists."


def retry_again(
    ids: Sequence[int],
    *,
    by: Any,
    priority: int,
    among: Callable[[], QuerySet[Lead]] = Lead.objects.all,
    gone: str = GONE,
) -> dict[int, str]:
    """Put these leads at dispatch inside the caller's transaction; returns {lead: why not} of the others.

    `among`: the leads that are meant, as they are once they are locked; of the others `gone` is said.
    """
    leads = list(Lead.objects.filter(pk__in=ids).defer("raw", "search").order_by("pk").select_for_update())
    still = set(among().filter(pk__in=ids).values_list("pk", flat=True))
    meant = [lead for lead in leads if lead.pk in still]
    ready = {lead.pk for lead in actions.sort_for_retry(meant).ready}
    why = dict.fromkeys(set(ids) - {lead.pk for lead in meant}, gone)
    for lead in meant:
        if lead.pk not in ready:
            why[lead.pk] = why_not_allowed(actions.check_can_retry, lead)
    if ready:
        actions.retry_leads([lead for lead in meant if lead.pk in ready], by=by, priority=priority)
    return why


def in_enrichment() -> Q:
    """Leads that are at Clay, or wait for it."""
    running = (EnrichmentStatus.PENDING, EnrichmentStatus.IN_PROGRESS)
    return Q(enrichment_status__in=running, needs_person=False)


def at_dispatch() -> Q:
    """Leads that have not been sent to Clay yet."""
    return Q(enrichment_status=EnrichmentStatus.PENDING, needs_person=False)


def enriched() -> Q:
    """Leads that ended with something found."""
    return Q(enrichment_status__in=DELIVERED)


def retry_handler(priority: int, again: Callable[[Sequence[int], Any], dict[int, str]] | None = None) -> RetryHandler:
    """Enrichment once more, at this priority."""

    def all_of_them(ids: Sequence[int], by: Any) -> dict[int, str]:
        return retry_again(ids, by=by, priority=priority)

    def left(keys: QuerySet[Any]) -> str:
        leads = Lead.objects.filter(pk__in=keys)
        counts = leads.aggregate(all=Count("pk"), rowless=Count("pk", filter=Q(clay_row_id__isnull=True)))
        return estimate(Work(counts["all"], counts["rowless"], priority)).left

    failing = Lead.objects.failing
    return RetryHandler(Lead, again or all_of_them, in_enrichment, at_dispatch, failing, enriched, "clay", left)


LEADS, FEW_LEADS = "leads", "few_leads"


class RetryOfLeads(RetryJob):
    name = JobKind.RETRY_LEADS
    icon = "refresh"
    work = "Leads retried"
    verbs = VERBS
    stop_right = RETRY
    no_stop = NO_RETRY
    screen = ("failures", "Failures")
    retry_handlers = {LEADS: retry_handler(actions.BULK_PRIORITY), FEW_LEADS: retry_handler(actions.STAFF_PRIORITY)}

    def about(self, job: BulkJob) -> str:
        return f"{job.total:,} lead{'' if job.total == 1 else 's'} selected in the list"
