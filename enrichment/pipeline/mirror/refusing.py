"""A row that may not be mirrored, its person being suppressed: its run is over and paid for; nothing else is kept."""

from django.db.models import F
from django.utils import timezone

from enrichment.models import Attempt, Lead
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline import provenance
from enrichment.pipeline.deliver.planning import deliver_found
from enrichment.pipeline.mirror import refresh_status
from enrichment.pipeline.mirror.run import Reader, RunError
from enrichment.states import AttemptStatus, EnrichmentStatus
from enrichment.vendors.clay.wire import ClayRow
from enrichment.waterfall import provider_budget
from swarm_admin.core.states import advance

SUPPRESSED = "suppressed"


def reject_row(lead: Lead, row: ClayRow, *, is_return: bool = False) -> None:
    """End the lead's run with what it cost; its values stay as they were. Inside a transaction that holds the lead.

    `is_return`: the row names a suppressed person, and the lead itself is not on the list. What was known of it is
    then not delivered before somebody has said whether the two are one.
    """
    asks = is_return and bool(lead.email or lead.phone)
    attempts = list(lead.attempts.order_by("-started_at", "-id"))
    entry = provenance.LeadProvenance(lead, provenance.provider_answers(row.raw, provenance.prices()), attempts)
    provenance.record_provenance([entry], facts=False)
    if attempts:
        _close(attempts[0], refresh_status.run_error(row, None))
    leads = Lead.objects.filter(pk=lead.pk)
    leads.update(
        enrichment_cost=F("enrichment_cost") + entry.cost,
        error_kind=NAMED_SUPPRESSED if asks else SUPPRESSED,
        error_message="",
        error_at=timezone.now(),
        needs_person=asks,
        dispatch_after=None,
        in_progress_since=None,
        updated_at=timezone.now(),
    )
    empty = leads.filter(email_work="", email_personal="", phone="")
    advance(empty, EnrichmentStatus.FAILED, field="enrichment_status")
    waiting = leads.filter(enrichment_status=EnrichmentStatus.IN_PROGRESS)
    advance(waiting, EnrichmentStatus.PARTIAL, field="enrichment_status")
    if not is_return:
        deliver_found([lead.pk])


def _close(attempt: Attempt, error: RunError | None) -> None:
    """With what was told of it; one that had ended already is only told the further cost."""
    columns = {"providers": attempt.providers, "cost": attempt.cost}
    mine = Attempt.objects.filter(pk=attempt.pk)
    if attempt.status not in refresh_status.OPEN_ATTEMPT:
        mine.update(**columns)
        return
    advance(mine, AttemptStatus.FAILED, finished_at=timezone.now(), error_kind=SUPPRESSED, **columns)
    progress = Reader().of(attempt, broke_off_at=error.provider if error else None)
    provider_budget.settle_reservations([(attempt, progress.calls)])
