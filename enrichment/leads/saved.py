"""Views of the list that staff keep: their own, and those that others share."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import QueryDict

from enrichment.leads.lead_list import LeadList
from enrichment.models import LeadView
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

MOST = 50  # of one person
LONGEST = 1000


def visible_views(user: Any) -> QuerySet[LeadView]:
    """Whatever this person may open, by name."""
    return LeadView.objects.filter(Q(owner=user) | Q(is_shared=True)).select_related("owner")


def save_view(*, name: str, query: str, is_shared: bool, by: Any) -> LeadView:
    """Keep a list's filters and order under a name; one of the same name and person is replaced.

    Search words are left out, for they may name somebody. Raises ActionNotAllowed.
    """
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise ActionNotAllowed("Enter a view name of up to 60 characters.")
    saved_query = LeadList(QueryDict(query), user=by).query_with(find=None)
    if len(saved_query) > LONGEST:
        raise ActionNotAllowed("Too many filters for one view.")
    mine = LeadView.objects.filter(owner=by)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise ActionNotAllowed(f"You already have {MOST} views. Delete one first.")
    with transaction.atomic():
        view, _ = LeadView.objects.update_or_create(
            owner=by, name=name, defaults={"query": saved_query, "is_shared": is_shared}
        )
        audit.record(Verb.SAVE_VIEW, by=by, on=view)
    return view


def delete_view(view: LeadView, *, by: Any) -> None:
    """Raises ActionNotAllowed for somebody else's."""
    if view.owner_id != by.pk:
        raise ActionNotAllowed("Only the owner can delete a view.")
    with transaction.atomic():
        audit.record(Verb.DELETE_VIEW, by=by, on=view)
        view.delete()
