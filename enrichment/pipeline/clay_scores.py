"""Clay's formula columns beside values of ours that were written into its row.

Clay computes its score anew when a value in the row changes, and tells nobody: a webhook comes with the end of a run
alone. So a score that was read before we wrote is older than what the row holds, and no difference of Clay's.
`Lead.clay_rewritten_at` says that this is so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from enrichment.models import Lead
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.score import apply as scoring
from enrichment.states import DELIVERED
from enrichment.vendors.clay.fields import normalise
from swarm_admin.core.bulk_sql import update_each
from swarm_admin.core.timing import span

# Clay's formula columns are kept under our own names (D1).
RENAMED = {"icp_score": "clay_score", "icp_tier": "clay_tier"}
COMPUTED = frozenset(RENAMED.values())
# No formula looks at these: only ours tells them, and they say nothing of the person.
UNSCORED = frozenset({"ghl_contact_id", "instantly_lead_id", "enrichment_status", "enriched_at"})
COMPUTE_SECONDS = 600  # assumed: by then Clay has computed its columns from a changed value
_SCORED = ("icp_score", "icp_tier", "scorecard_id", "scored_at")


def note_rewritten(answered: Mapping[int, Mapping[str, Any] | None]) -> None:
    """These leads' rows took values of ours just now: {lead: what its row then held, None where Clay did not say}.

    In the caller's transaction.
    """
    now = timezone.now()
    Lead.objects.filter(pk__in=answered).lock()
    Lead.objects.filter(pk__in=answered).update(clay_rewritten_at=now)
    store_scores({pk: values for pk, values in answered.items() if values is not None}, read_at=now)


def store_scores(rows: Mapping[int, Mapping[str, Any]], *, read_at: datetime) -> None:
    """Clay's computed columns onto their leads: {lead: its row's columns}, asked for at `read_at` (aware).

    In the caller's transaction. A lead that is only kept is left as it is. Where the tier is Clay's (TIER_SOURCE),
    the lead's follows, and what is due by it is planned.
    """
    leads = Lead.objects.usable().filter(pk__in=rows).defer("raw", "search").order_by("pk")
    locked = list(leads.select_for_update(of=("self",)))
    values_by_lead: dict[int, dict[str, Any]] = {}
    for lead in locked:
        read, _ = normalise({name: rows[lead.pk].get(name) for name in RENAMED}, "")
        values_by_lead[lead.pk] = read
        for name, value in read.items():
            setattr(lead, RENAMED[name], value)
        if lead.clay_rewritten_at and read_at - lead.clay_rewritten_at > span(COMPUTE_SECONDS):
            lead.clay_rewritten_at = None
    moved = _rescored(locked) if settings.TIER_SOURCE == "clay" else []
    columns = (*sorted(COMPUTED), "clay_rewritten_at", *_SCORED, "updated_at")
    values = {lead.pk: {"raw": values_by_lead[lead.pk], **lead.values(*columns)} for lead in locked}
    update_each(Lead, values, merged=["raw"])
    planning.plan_all([lead for lead in moved if lead.enrichment_status in DELIVERED])


def _rescored(leads: list[Lead]) -> list[Lead]:
    """Those of them whose score or tier is another now; on the objects."""
    scored = [lead for lead in leads if lead.icp_score is not None]
    moved = [lead for lead, changed in zip(scored, scoring.apply_all(scored), strict=True) if changed]
    for lead in moved:
        lead.updated_at = timezone.now()
    return moved


def outdated_scores(row_ids: Iterable[str], before: datetime) -> dict[str, int]:
    """{row: lead} of those whose score was read before we wrote into the row, at `before` (aware) at the latest."""
    leads = Lead.objects.usable().filter(clay_row_id__in=list(row_ids), clay_rewritten_at__lt=before)
    return {str(row_id): pk for row_id, pk in leads.values_list("clay_row_id", "pk")}
