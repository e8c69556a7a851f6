"""What of the law's side goes on only when a person does something: for whoever shows what needs attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Min, Q

from gdpr.kinds import Action
from gdpr.messages import outstanding
from gdpr.models import AfterCheck, Purge, RequestStep, SubjectRequest
from gdpr.states import OPEN, DutyStatus, PurgeStatus, StepStatus
from swarm_admin.core.cache import cached

REQUEST, RETENTION = "gdpr.view_request", "gdpr.view_retention"  # who may know of it


@dataclass(frozen=True)
class AttentionItem:
    """`what` needs a person, `count` times; of request `request_id`, or of none. Nothing of the person is in it."""

    what: str
    count: int
    right: str = REQUEST
    request_id: int | None = None
    is_failure: bool = False

    @property
    def reference(self) -> str:
        """ "SR-…"; "" where it is about no request."""
        return SubjectRequest(pk=self.request_id).reference if self.request_id else ""


def visible_items(user: Any) -> list[AttentionItem]:
    """What needs a person, as far as this one may know of it; some seconds old at most."""
    if not any(user.has_perm(right) for right in (REQUEST, RETENTION)):
        return []
    found: list[AttentionItem] = cached("law", all_items)
    return [each for each in found if user.has_perm(each.right)]


def all_items() -> list[AttentionItem]:
    """All of them, what failed first; within that, what is due first."""
    found = [*_steps(), *_messages(), *_after_checks(), *_removals()]
    return sorted(found, key=lambda matter: not matter.is_failure)


def _steps() -> Iterator[AttentionItem]:
    stuck = RequestStep.objects.needing_person().filter(request__status__in=OPEN)
    rows = stuck.values("request_id", "status", due=F("request__due_on"))
    for row in rows.annotate(n=Count("pk"), first=Min("action")).order_by("due", "request_id", "status"):
        failed, label = row["status"] == StepStatus.FAILED, Action(row["first"]).label
        if row["n"] > 1:
            what = "Steps failed" if failed else "Steps by hand"
        else:
            what = f"Failed: {label}" if failed else f"By hand: {label}"
        yield AttentionItem(what, row["n"], request_id=row["request_id"], is_failure=failed)


def _messages() -> Iterator[AttentionItem]:
    for row in outstanding.undelivered().values("request_id").annotate(n=Count("pk")).order_by("request_id"):
        yield AttentionItem("Message not sent, or delivery unconfirmed", row["n"], request_id=row["request_id"])


def _after_checks() -> Iterator[AttentionItem]:
    by_hand = AfterCheck.objects.filter(status=DutyStatus.MANUAL)
    for row in by_hand.values("request_id").annotate(n=Count("pk")).order_by("request_id"):
        yield AttentionItem("By hand: final check after the erasure", row["n"], request_id=row["request_id"])


def _removals() -> Iterator[AttentionItem]:
    if n := Purge.objects.aggregate(n=Count("pk", filter=Q(status=PurgeStatus.MANUAL)))["n"]:
        yield AttentionItem("By hand: removal of expired records", n, RETENTION)
