"""The published waterfalls where Clay takes no document by call: the plan that a person sets up in Clay by hand.

What is published is what Clay should run by. That it does is known by the word of the person who set it up, which is
kept; `plan_results` compares it with what comes back.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import AppliedWaterfall, ClaySource, WaterfallVersion
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.waterfall.changes import Difference, differences
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

AHEAD = datetime.timedelta(minutes=5)
MINUTE = datetime.timedelta(minutes=1)
BAD_TIME = "Enter when you set it up: after this version was published, and not in the future."
OVERTAKEN = "Another version was published. Set that one up in Clay."


def is_set_up_by_hand() -> bool:
    """Whether a person sets up the waterfalls in Clay: no call starts an enrichment, so none carries them."""
    return not chosen.can(Capability.TRIGGER)


@dataclass(frozen=True)
class PlanStatus:
    """`published`: what Clay should run by. `applied`: what somebody last set up there; None where nobody said so.

    `later_tables`: names of Clay tables connected since, so that nobody has said it of them.
    """

    published: WaterfallVersion
    applied: AppliedWaterfall | None
    later_tables: list[str]

    @property
    def is_applied(self) -> bool:
        """Somebody set up what is published, or another version that says the same to Clay."""
        return self.applied is not None and _sent(self.applied.version) == _sent(self.published)

    @property
    def is_complete(self) -> bool:
        return self.is_applied and not self.later_tables

    @property
    def changes(self) -> list[Difference]:
        """What has to be changed in Clay since it was last set up; our own policies are none of it."""
        if self.applied is None or self.is_applied:
            return []
        changed = differences(self.applied.version.document, self.published.document)
        return [each for each in changed if each.field != "policy"]

    @property
    def compared(self) -> tuple[WaterfallVersion, datetime.datetime]:
        """What Clay runs by as far as anybody knows, and since when: the last set up, else what is published."""
        if self.applied is not None:
            return self.applied.version, self.applied.applied_at
        return self.published, self.published.published_at or self.published.created_at


def _sent(version: WaterfallVersion) -> dict[str, Any]:
    return WaterfallDocument.model_validate(version.document).sent()


def plan_status() -> PlanStatus:
    published = versions.published(WaterfallVersion)
    applied = AppliedWaterfall.objects.select_related("version", "applied_by").first()
    later: list[str] = []
    if applied is not None:
        opened = ClaySource.objects.filter(closed_at__isnull=True, created_at__gt=applied.applied_at)
        later = list(opened.values_list("name", flat=True))
    return PlanStatus(published, applied, later)


def open_tables() -> list[str]:
    """Names of the Clay tables that rows go into, in the order they are used; none where it is no table."""
    return list(ClaySource.objects.filter(closed_at__isnull=True).values_list("name", flat=True))


def mark_applied(version: WaterfallVersion, *, at: datetime.datetime, by: Any) -> AppliedWaterfall:
    """Record that this person set up the published version in Clay, at `at` (aware, as a form tells it: to the minute).

    Raises:
        ActionNotAllowed: another version is published by now, or a time that cannot be.
    """
    now = timezone.now()
    with transaction.atomic():
        live = versions.published(WaterfallVersion)
        if live.pk != version.pk:
            raise ActionNotAllowed(OVERTAKEN)
        began = live.published_at or live.created_at
        if at > now + AHEAD or at < began - MINUTE:
            raise ActionNotAllowed(BAD_TIME)
        exact = max(at, began) if at < now - MINUTE else now
        applied = AppliedWaterfall.objects.create(version=live, applied_at=exact, applied_by=by)
        audit.record(Verb.APPLY_WATERFALL, by=by, on=applied, counts={"version": live.number})
    return applied


def undo_applied(applied: AppliedWaterfall, *, by: Any) -> None:
    """Take the mark back; the audit log keeps that it was there."""
    with transaction.atomic():
        audit.record(Verb.UNDO_APPLY_WATERFALL, by=by, on=applied, counts={"version": applied.version.number})
        applied.delete()
