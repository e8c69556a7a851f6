"""Chosen deliveries planned again: the kind of job it is."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from enrichment.estimates.estimating import Work, estimate
from enrichment.jobs.kinds import Verbs
from enrichment.jobs.retry_handlers import RetryHandler
from enrichment.jobs.rows import RetryJob
from enrichment.models import BulkJob, Handover
from enrichment.models.handover import System
from enrichment.models.job import JobKind
from enrichment.pipeline.deliver import redeliver
from enrichment.pipeline.deliver.planning import OPEN
from enrichment.states import HandoverStatus
from swarm_admin.core.audit_verbs import Verb

DELIVER = "enrichment.deliver_lead"
NO_DELIVERY = "You don't have permission to manage deliveries. Ask an admin."
DELIVERIES = "deliveries"


def retry_again(ids: Any, by: Any) -> dict[int, str]:
    return redeliver.redeliver(ids, by=by)


def deliveries_under_way() -> Q:
    """Deliveries that have not ended."""
    return Q(status__in=OPEN)


def failed_deliveries() -> QuerySet[Handover]:
    return Handover.objects.filter(status__in=redeliver.RETRIED)


def delivered_deliveries() -> Q:
    """Deliveries that the other side took."""
    return Q(status=HandoverStatus.DONE)


def time_left(keys: QuerySet[Any]) -> str:
    rows = Handover.objects.filter(pk__in=keys).order_by().values_list("system").annotate(n=Count("pk"))
    return estimate(Work(deliveries=dict(rows) or {System.GHL: 0})).left


class RetryOfDeliveries(RetryJob):
    name = JobKind.RETRY_DELIVERIES
    icon = "send"
    work = "Deliveries rescheduled"
    verbs = Verbs(Verb.START_RETRY, Verb.END_RETRY, Verb.CANCEL_RETRY)
    stop_right = DELIVER
    no_stop = NO_DELIVERY
    screen = ("deliveries", "Deliveries")
    retry_handlers = {
        DELIVERIES: RetryHandler(
            Handover,
            retry_again,
            deliveries_under_way,
            deliveries_under_way,
            failed_deliveries,
            delivered_deliveries,
            "",
            time_left,
        )
    }

    def about(self, job: BulkJob) -> str:
        return f"{job.total:,} {'delivery' if job.total == 1 else 'deliveries'} selected in the list"
