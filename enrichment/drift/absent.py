"""What Clay should have and has not: leads whose row a comparison did not read, and leads that never got one."""

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from enrichment.drift.differences import Finding, close_drift, record_findings, without_suppressed
from enrichment.models import BatchItem, Drift, DriftKind, Lead, ReconcileRun, SeenRow
from enrichment.models.work import BatchKind
from enrichment.states import EnrichmentStatus, ItemStatus
from swarm_admin.core.timing import span


def unread_leads(run: ReconcileRun) -> QuerySet[Lead]:
    """Leads with a row that this run should have read and did not; rows made since it began are not due yet."""
    made = BatchItem.objects.filter(lead=OuterRef("pk"), batch__kind=BatchKind.ROWS, status=ItemStatus.DONE)
    seen = SeenRow.objects.filter(run=run, row_id=OuterRef("clay_row_id"))
    leads = Lead.objects.usable().filter(clay_row_id__isnull=False, pk__gt=run.confirmed_to)
    leads = leads.exclude(Exists(seen))
    leads = leads.exclude(Exists(made.filter(batch__finished_at__gte=run.started_at)))
    if not run.full:  # what changed: the rows Clay gave ids to since the last run
        leads = leads.filter(Exists(made.filter(batch__finished_at__gte=run.since)))
    return leads.order_by("pk").only(
        "linkedin_url",
        "email_work",
        "email_personal",
        "phone",
        "clay_row_id",
        "clay_table_id",
        "clay_seen_at",
    )


def row_gone_finding(lead: Lead) -> Finding:
    kind = DriftKind.ROW_GONE if lead.clay_seen_at else DriftKind.NOT_KEPT
    return Finding(kind, lead.identity, lead.pk, lead.clay_table_id, str(lead.clay_row_id))


def find_rowless() -> None:
    """Leads that wait for a row that nobody is going to make."""
    settled = timezone.now() - span(settings.POLL_AFTER_SECONDS)
    waiting = BatchItem.objects.filter(lead=OuterRef("pk"), status=ItemStatus.PLANNED)
    lost = (
        Lead.objects.usable()
        .filter(
            enrichment_status=EnrichmentStatus.PENDING,
            clay_row_id__isnull=True,
            dispatch_after__isnull=True,
            updated_at__lt=settled,
        )
        .exclude(Exists(waiting))
        .order_by("pk")
    )
    findings = without_suppressed([Finding(DriftKind.NO_ROW, lead.identity, lead.pk) for lead in lost[:5000]])
    record_findings(findings)
    still = [finding.subject for finding in findings]
    close_drift(Drift.objects.filter(kind=DriftKind.NO_ROW).exclude(subject__in=still))
