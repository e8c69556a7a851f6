"""What is asked of the mirror: a method for each question, and the conditions that indexes are made for."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from enrichment.models import lead_search
from enrichment.states import FINAL_STATUSES, EnrichmentStatus

if TYPE_CHECKING:
    from enrichment.models.lead import Lead  # noqa: F401 - the model in the name below

# Errors that settle themselves: nothing is left for a person to do.
GAVE_UP = "gave_up"  # somebody did, on a result that did not come
SETTLED_KINDS = ("", "unenrichable", "suppressed", GAVE_UP)
# Why no result of a run came: Clay did not call back, the run's own answer was lost, its results are kept no longer.
OVERDUE_KINDS = ("no_callback", "unknown_run", "run_lost")
NAMED_SUPPRESSED = "named_suppressed"  # its answer named somebody on the suppression list
# A lead that a person should look at: marked, or final with an error, whatever was found of it (D3).
FAILING = Q(needs_person=True) | (
    Q(enrichment_status__in=[str(status) for status in FINAL_STATUSES]) & ~Q(error_kind__in=SETTLED_KINDS)
)

# The result stands, and a provider whose hourly budget was used up is still to be asked (D11).
FILL_IN = Q(restriction="", enrichment_status__in=[str(status) for status in FINAL_STATUSES]) & ~Q(only_providers=[])
# Such a fill-in failed in passing and is tried again by itself.
_TRIED_AGAIN = Q(needs_person=False, dispatch_tries__gt=0) & ~Q(only_providers=[])


class LeadQuerySet(models.QuerySet["Lead"]):
    def in_tier(self, *tiers: int) -> LeadQuerySet:
        return self.filter(icp_tier__in=tiers)

    def matching(self, text: str, *, personal: bool = True) -> LeadQuerySet:
        """Leads whose words begin with every word of `text`, or that it identifies; all leads when it is blank.

        `personal=False`: only company, title and ids are searched, for whoever may not find a person.
        """
        if not text.strip():
            return self
        known = Q(
            pk__in=lead_search.matching_ids(
                self.model._default_manager.all(), lead_search.identified(text, personal=personal)
            )
        )
        query = None if lead_search.is_address(text) else lead_search.prefix_query(text)
        if query is None:
            return self.filter(known)
        if personal:
            return self.filter(Q(search=query) | known)
        # What matches in two columns matches in all, so the index still finds them first.
        return self.alias(open_words=lead_search.LeadSearchVector("company_name", "title")).filter(
            Q(search=query, open_words=query) | known
        )

    def lock(self) -> None:
        """Take their row locks, in the order of their keys: two who lock several wait for each other, not for ever."""
        list(self.order_by("pk").select_for_update().values_list("pk"))

    def usable(self) -> LeadQuerySet:
        """Leads that may be used, and not only kept."""
        return self.filter(restriction="")

    def due_for_dispatch(self, now: datetime.datetime) -> LeadQuerySet:
        """What is past its retention is used no more, though it may stand there until tomorrow."""
        return self.usable().filter(dispatch_after__lte=now, retention_until__gt=now)

    def due_for_write_back(self, now: datetime.datetime) -> LeadQuerySet:
        return self.usable().filter(write_back_after__lte=now, clay_row_id__isnull=False)

    def to_score_again(self) -> LeadQuerySet:
        """Whose score counts what they have no longer: it lacks the time it was given."""
        return self.usable().filter(icp_score__isnull=False, scored_at__isnull=True)

    def failing(self) -> LeadQuerySet:
        """Those a person should look at; what is tried again by itself is not among them."""
        return self.filter(FAILING).exclude(_TRIED_AGAIN)

    def without_result(self) -> LeadQuerySet:
        """Leads of which somebody has to say what happens, because no result of their run came."""
        return self.filter(needs_person=True, error_kind__in=OVERDUE_KINDS)

    def overdue_in_clay(self, before: datetime.datetime) -> LeadQuerySet:
        """Triggered before `before` and still without an answer."""
        return self.filter(enrichment_status=EnrichmentStatus.IN_PROGRESS, in_progress_since__lt=before)
