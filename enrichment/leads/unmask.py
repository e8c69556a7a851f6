"""Who sees one lead unmasked: by right, or for an hour after giving a reason; every such view is audited."""

from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from enrichment.models import Lead
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.masking import may_see

SECONDS = 3600
KEY = "revealed_leads"


def unmask(request: HttpRequest, lead: Lead, *, reason: str) -> None:
    """Show the lead to this person unmasked for an hour. The reason is kept in the ledger for good.

    Raises:
        ValueError: no reason.
    """
    reason = " ".join(reason.split())[:500]
    if len(reason) < 5:
        raise ValueError("Enter a reason for viewing this data.")
    with transaction.atomic():
        audit.record(Verb.REVEAL_LEAD, by=request.user, on=lead, reason=reason)
    now = timezone.now().timestamp()
    unmasked_until: dict[str, float] = request.session.get(KEY, {})
    live = {pk: until for pk, until in unmasked_until.items() if until > now}
    request.session[KEY] = {**live, str(lead.pk): now + SECONDS}


def is_unmasked(request: HttpRequest, lead: Lead) -> bool:
    """Whether this person sees this lead unmasked now."""
    until = request.session.get(KEY, {}).get(str(lead.pk), 0)
    return may_see(request.user) or until > timezone.now().timestamp()


def audit_view(user: Any, lead: Lead) -> None:
    """Record an unmasked view, once a person, lead and hour, so that a day's work does not flood the ledger."""
    if cache.add(f"viewed-lead:{user.pk}:{lead.pk}", 1, SECONDS):
        audit.record(Verb.VIEW_LEAD, by=user, on=lead)
