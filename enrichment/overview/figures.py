"""Is everything flowing? The questions of the Overview, each answered in one or two queries."""

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncHour, TruncMinute, TruncSecond
from django.utils import timezone

from enrichment.models import Attempt, Handover, Lead
from enrichment.models.lead_queries import FILL_IN
from enrichment.states import (
    DELIVERED,
    FINAL_STATUSES,
    AttemptStatus,
    EnrichmentStatus,
    HandoverStatus,
)
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.instantly.fields import CAMPAIGN_TIERS
from swarm_admin.core.cache import cached
from swarm_admin.core.percent import percent_of
from swarm_admin.core.timing import today

# range → (length in seconds, width of a step in seconds, Trunc)
RANGES: dict[str, tuple[int, int, Any]] = {
    "10m": (600, 10, TruncSecond),
    "hour": (3600, 60, TruncMinute),
    "day": (86_400, 3600, TruncHour),
}


def stages(scope: str) -> dict[str, int]:
    """How many leads have come how far: of those received since midnight UTC (`today`) or of `all`.

    Keys: received, in_clay, asked, final, scored, ghl, instantly; each status; tier_1 … tier_3; fill_in;
    fallen (in Instantly, and no longer in a tier that is sent there; not counted by `instantly`).
    """
    return dict(cached(stages_name(scope), lambda: _stages(scope)))


def stages_name(scope: str) -> str:
    """Under which name `stages` are remembered."""
    return f"stages:{scope}:{today():%F}"


# Clay was asked for it: whoever has a result or is being enriched was; of those that ended without one, who never got
# so far is told by their attempts. That its row is still there does not matter.
_TRIGGERED = Attempt.objects.filter(
    Q(triggered_at__isnull=False) | Q(status=AttemptStatus.SUCCEEDED), lead=OuterRef("pk")
)
STARTED = Q(enrichment_status__in=(EnrichmentStatus.IN_PROGRESS, *DELIVERED)) | (
    Q(enrichment_status__in=(EnrichmentStatus.FAILED, EnrichmentStatus.UNENRICHABLE)) & Q(Exists(_TRIGGERED))
)


_FALLEN = Q(icp_tier__isnull=True) | ~Q(icp_tier__in=CAMPAIGN_TIERS)


def _stages(scope: str) -> dict[str, int]:
    leads = Lead.objects.filter(received_at__gte=today()) if scope == "today" else Lead.objects.all()
    return leads.aggregate(
        received=Count("pk"),
        in_clay=Count("pk", filter=Q(clay_row_id__isnull=False) | STARTED),
        asked=Count("pk", filter=STARTED),
        final=Count("pk", filter=STARTED & Q(enrichment_status__in=FINAL_STATUSES)),
        scored=Count("pk", filter=Q(icp_score__isnull=False)),
        ghl=Count("pk", filter=~Q(ghl_contact_id="")),
        instantly=Count("pk", filter=~Q(instantly_lead_id="") & Q(icp_tier__in=CAMPAIGN_TIERS)),
        fallen=Count("pk", filter=~Q(instantly_lead_id="") & _FALLEN),
        fill_in=Count("pk", filter=FILL_IN),
        **{str(status): Count("pk", filter=Q(enrichment_status=status)) for status in EnrichmentStatus.values},
        **{f"tier_{tier}": Count("pk", filter=Q(icp_tier=tier)) for tier in (1, 2, 3)},
    )


FUNNEL = (
    ("received", "Received", "inbox"),
    ("in_clay", "Row in Clay", "table"),
    ("asked", "Enrichment started", "loader-2"),
    ("final", "Enriched, final status", "circle-check"),
    ("scored", "Scored", "gauge"),
    ("ghl", "In GoHighLevel", "address-book"),
    ("instantly", "In Instantly (Tier 1 and 2)", "send"),
)
SUBMITTED = dict.fromkeys(("in_clay", "asked"), ("asked", "Submitted to Clay", "loader-2"))


def funnel(counts: dict[str, int]) -> list[dict[str, Any]]:
    """The steps of a lead's way with their count and its share of all received, in percent.

    Where creating a row starts its enrichment, or there is none, the two are one step.
    """
    received = counts["received"]
    steps = FUNNEL if chosen.can(Capability.TRIGGER) else tuple(SUBMITTED.get(step[0], step) for step in FUNNEL)
    return [
        {
            "key": key,
            "label": label,
            "icon": icon,
            "count": counts[key],
            "percent": percent_of(counts[key], received),
        }
        for key, label, icon in dict.fromkeys(steps)
    ]


def throughput(length: str) -> dict[str, Any]:
    """Leads received, enriched and delivered per step of the time just past.

    `length`: a key of RANGES. Answers `start` (aware), `step` (seconds) and one list of counts each, oldest
    first. Enrichments are found by their attempts, which have an index on their end, and deliveries by their
    hand-overs; a lead that had two of them in a step counts once.
    """
    return dict(cached(f"throughput:{length}", lambda: _throughput(length)))


def _throughput(length: str) -> dict[str, Any]:
    seconds, step, trunc = RANGES[length]
    last = int(timezone.now().timestamp()) // step * step
    steps = seconds // step
    start = datetime.datetime.fromtimestamp(last - (steps - 1) * step, datetime.UTC)
    attempts = Attempt.objects.filter(status=AttemptStatus.SUCCEEDED, lead__isnull=False)
    delivered = Handover.objects.filter(status=HandoverStatus.DONE)
    series: dict[str, tuple[QuerySet[Any], str, str]] = {
        "received": (Lead.objects.all(), "received_at", "pk"),
        "enriched": (attempts, "finished_at", "lead"),
        "delivered": (delivered, "finished_at", "lead"),
    }
    counted = {
        name: _binned(
            rows.filter(**{f"{moment}__gte": start})
            .annotate(at=trunc(moment))
            .order_by()
            .values_list("at")
            .annotate(n=Count(lead, distinct=lead != "pk")),
            start,
            step,
            steps,
        )
        for name, (rows, moment, lead) in series.items()
    }
    return {"start": start, "step": step, **counted}


def _binned(
    rows: Iterable[tuple[datetime.datetime, int]], start: datetime.datetime, step: int, steps: int
) -> list[int]:
    bins: Counter[int] = Counter()
    for at, count in rows:
        bins[int((at - start).total_seconds()) // step] += count
    return [bins[index] for index in range(steps)]
