"""A lead whose answer named a suppressed person, and of whom somebody says that it is another one."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.leads import actions
from enrichment.models import Handover, Lead
from enrichment.models.handover import System
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline.deliver import planning
from enrichment.states import DELIVERED, HandoverStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

DECIDED = "Already decided, or the lead was retried since."


def is_another(lead: Lead, *, by: Any) -> list[Handover]:
    """Nothing more is asked about the lead, and what was withheld of it goes out; returns what is due.

    Raises:
        ActionNotAllowed: nobody is asked about it, or nothing may be delivered of it for another reason.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
        if not lead.awaits_word:
            raise ActionNotAllowed(DECIDED)
        lead.needs_person, lead.error_kind, lead.error_message, lead.error_at = False, "", "", None
        actions.check_may_be_handed_over(lead)
        told = {"needs_person": False, "error_kind": "", "error_message": "", "error_at": None}
        Lead.objects.filter(pk=lead.pk).update(**told, updated_at=timezone.now())
        audit.record(Verb.DECIDE_PERSON, by=by, on=lead)
        return _deliver(lead)


def _deliver(lead: Lead) -> list[Handover]:
    """Each delivery that waited for the decision is due once more; what was never planned is planned now."""
    last = {each.system: each for each in Handover.objects.filter(lead=lead).order_by("pk")}
    waited = [each for each in last.values() if _waited(each)]
    planning.plan_again(each.pk for each in waited)
    others = [system for system in System.values if system not in {each.system for each in waited}]
    planned = planning.plan(lead, systems=others) if lead.enrichment_status in DELIVERED else []
    return [*waited, *planned]


def _waited(handover: Handover) -> bool:
    return handover.status == HandoverStatus.WITHHELD and handover.error_kind == NAMED_SUPPRESSED
