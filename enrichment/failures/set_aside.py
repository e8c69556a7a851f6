"""Work that was set aside because it lost its worker again and again, of the kinds that no group of failures holds.

Webhooks, deliveries and the leads of batches stand among the failures by cause. What is the law's is shown to those who
may see it, as a number with the way to its own screen, where it is tried again.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import CharField, Count, Exists, Min, OuterRef, QuerySet, Value
from django.utils import timezone

from enrichment.jobs.rows import FIGURES
from enrichment.models import AlertNotice, BulkJob, Drift, ReconcileRun, Rescore
from enrichment.models.job import JobKind
from enrichment.scoring import rescore
from gdpr import audit
from gdpr.models import AfterCheck, AuditCheck, Notice, Purge, RequestMessage, RequestStep
from gdpr.states import CLOSED, DutyStatus, MessageStatus, PurgeStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.cache import cached
from swarm_admin.core.jobs import JobStatus
from swarm_admin.core.states import advance

*_, KEPT = FIGURES
LEAD, REQUEST, RETENTION, AUDIT = (
    "enrichment.view_lead",
    "gdpr.view_request",
    "gdpr.view_retention",
    "gdpr.view_auditevent",
)


@dataclass(frozen=True)
class Kind:
    """`rows()`: what was set aside and is not tried again; `page`: the name of the address where it is looked after.

    `right`: the permission to know of it. `again(by)` has all of it tried again and answers how many; None where that
    is done on its page, or by itself.
    """

    name: str
    label: str
    icon: str
    page: str
    rows: Callable[[], QuerySet[Any]]
    right: str = LEAD
    retry: Callable[[Any], int] | None = None


@dataclass(frozen=True)
class SetAsideGroup:
    kind: Kind
    count: int
    since: datetime.datetime

    @property
    def goes_again_here(self) -> bool:
        """Whether Failures offers to try it again."""
        return self.kind.retry is not None


def visible_groups(user: Any) -> list[SetAsideGroup]:
    """The kinds of which anything is set aside, as far as this person may know of them; a few seconds old at most."""
    counts = cached(KEPT, _counts)
    return [
        SetAsideGroup(kind, *counts[kind.name]) for kind in KINDS if kind.name in counts and user.has_perm(kind.right)
    ]


def kind_named(name: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.name == name), None)


def _counts() -> dict[str, tuple[int, datetime.datetime]]:
    """{kind: (how many, since when)}, in one statement."""
    looks = [
        kind.rows()
        .order_by()
        .annotate(what=Value(kind.name, CharField()))
        .values("what")
        .annotate(count=Count("pk"), since=Min("set_aside_at"))
        for kind in KINDS
    ]
    counted = looks[0].union(*looks[1:], all=True)
    return {row["what"]: (row["count"], row["since"]) for row in counted if row["count"]}


# ---------------------------------------------------------------- the kinds


def _jobs() -> QuerySet[BulkJob]:
    return BulkJob.objects.filter(status=JobStatus.FAILED, set_aside_at__isnull=False).exclude(
        kind__in=[JobKind.IMPORT, JobKind.RESCORE]
    )


def _retry_jobs(by: Any) -> int:
    with transaction.atomic():
        for job in list(_jobs().select_for_update()):
            audit.record(Verb.RESUME_RETRY, by=by, on=job)
        return advance(_jobs(), JobStatus.QUEUED, error="", finished_at=None)


def _imports() -> QuerySet[BulkJob]:
    """Until the file is imported again, which nobody can tell: a week."""
    lately = timezone.now() - datetime.timedelta(days=7)
    failed = BulkJob.objects.filter(kind=JobKind.IMPORT, status=JobStatus.FAILED)
    return failed.filter(set_aside_at__gte=lately)


def _rescores() -> QuerySet[BulkJob]:
    later = Rescore.objects.filter(job__gt=OuterRef("pk"))
    stopped = BulkJob.objects.filter(kind=JobKind.RESCORE, status=JobStatus.FAILED, set_aside_at__isnull=False)
    return stopped.filter(~Exists(later))


def _retry_rescores(by: Any) -> int:
    rescores = list(Rescore.objects.filter(job__in=_rescores()).select_related("job"))
    for each in rescores:
        rescore.resume(each, by=by)
    return len(rescores)


def _comparisons() -> QuerySet[ReconcileRun]:
    later = ReconcileRun.objects.filter(full=OuterRef("full"), pk__gt=OuterRef("pk"), is_open=False)
    return ReconcileRun.objects.filter(~Exists(later), set_aside_at__isnull=False, is_open=False)


def _mendings() -> QuerySet[Drift]:
    return Drift.objects.filter(set_aside_at__isnull=False, mend_after=None, resolved_at=None)


def _retry_repairs(by: Any) -> int:
    with transaction.atomic():
        asked = _mendings().update(mend_after=timezone.now(), mend_tries=0, mend_error="", mend_by=by)
        audit.record(Verb.FIX_DRIFT, by=by, object_type="drift", counts={"drifts": asked})
    return int(asked)


def _of_alerts() -> QuerySet[AlertNotice]:
    return AlertNotice.objects.filter(set_aside_at__isnull=False, alert__closed_at=None)


def _audit_checks() -> QuerySet[AuditCheck]:
    later = AuditCheck.objects.filter(pk__gt=OuterRef("pk"), finished_at__isnull=False)
    return AuditCheck.objects.filter(~Exists(later), set_aside_at__isnull=False)


def _compliance_work(model: Any, status: str) -> Callable[[], QuerySet[Any]]:
    return lambda: model.objects.filter(status=status, set_aside_at__isnull=False)


def _messages() -> QuerySet[RequestMessage]:
    unknown = RequestMessage.objects.filter(status=MessageStatus.UNKNOWN, set_aside_at__isnull=False)
    return unknown.exclude(request__status__in=CLOSED)


KINDS: tuple[Kind, ...] = (
    Kind("jobs", "Jobs", "progress", "jobs", _jobs, retry=_retry_jobs),
    Kind("imports", "Imports: import the file again", "file-import", "jobs", _imports),
    Kind("rescores", "Rescores", "target", "jobs", _rescores, retry=_retry_rescores),
    Kind("comparisons", "Comparison with Clay: restarts on schedule", "git-compare", "drift", _comparisons),
    Kind("mendings", "Fixing of mismatches", "git-compare", "drift", _mendings, retry=_retry_repairs),
    Kind("notices_of_alerts", "Alert notifications", "bell", "alerts", _of_alerts),
    Kind(
        "steps",
        "Request steps",
        "user-shield",
        "requests",
        _compliance_work(RequestStep, StepStatus.FAILED),
        REQUEST,
    ),
    Kind("messages", "Request messages", "user-shield", "requests", _messages, REQUEST),
    Kind(
        "last_looks", "Last looks for erased records", "user-shield", "requests",
        _compliance_work(AfterCheck, DutyStatus.MANUAL), REQUEST,
    ),
    Kind("notices", "Notices", "mail", "notices", _compliance_work(Notice, MessageStatus.UNKNOWN), RETENTION),
    Kind(
        "purges", "Removal of records", "calendar-x", "retention",
        _compliance_work(Purge, PurgeStatus.MANUAL), RETENTION,
    ),
    Kind("audit_checks", "Audit log checks", "shield-check", "audit", _audit_checks, AUDIT),
)  # fmt: skip
