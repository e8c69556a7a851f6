"""Scores that count what a lead has no longer, given again: Clay and the CRM are told as after any other change.

A migration that takes data away cannot score; it takes away the time of the score, and that is what is looked for.
"""

from django.db import transaction
from django.utils import timezone

from enrichment.models import Lead
from enrichment.pipeline.deliver.planning import plan_all
from enrichment.pipeline.score import apply
from enrichment.states import FINAL_STATUSES
from swarm_admin.core.bulk_sql import update_each

AT_ONCE = 500


def run_due() -> int:
    """Score those leads under the active version until none is left; returns how many."""
    done = 0
    while scored := _rescore_some():
        done += scored
    return done


def _rescore_some() -> int:
    with transaction.atomic():
        due = Lead.objects.to_score_again().order_by("pk").select_for_update(skip_locked=True)
        leads = list(due[:AT_ONCE])
        apply.apply_all(leads)
        now = timezone.now()
        update_each(
            Lead,
            {
                lead.pk: {
                    "icp_score": lead.icp_score,
                    "icp_tier": lead.icp_tier,
                    "scorecard_id": lead.scorecard_id,
                    "scored_at": lead.scored_at,
                    "write_back_after": lead.write_back_after or now,
                    "updated_at": now,
                }
                for lead in leads
            },
        )
        plan_all([lead for lead in leads if lead.enrichment_status in FINAL_STATUSES])
    return len(leads)
