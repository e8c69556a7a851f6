"""What stands above every page: work that stands still, paused services, used-up budgets, a rescore under way."""

from dataclasses import dataclass, field

from django.db import connection

from enrichment.connections.health import pauses_in_force
from enrichment.models import Rescore, ServiceHold, SpendCap
from enrichment.monitoring import standstill
from enrichment.monitoring.standstill import Report
from enrichment.scoring.rescore_progress import Progress, progress
from enrichment.waterfall.spend_limits import reached_limits

_LOOK = (
    f"SELECT EXISTS (SELECT FROM {ServiceHold._meta.db_table} WHERE lifted_at IS NULL), "  # noqa: S608 - our own names
    f"EXISTS (SELECT FROM {SpendCap._meta.db_table} WHERE reached_at IS NOT NULL), "
    f"EXISTS (SELECT FROM {Rescore._meta.db_table} WHERE finished_at IS NULL)"
)


@dataclass(frozen=True)
class Banners:
    standstill: Report = field(default_factory=Report)
    holds: list[ServiceHold] = field(default_factory=list)
    caps: list[SpendCap] = field(default_factory=list)
    rescore: Progress | None = None


def current_banners() -> Banners:
    """Those there are. Mostly there is none, and one look tells that."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        holds, caps, rescore = cursor.fetchone()
    return Banners(
        standstill.cached_report(),
        pauses_in_force() if holds else [],
        reached_limits() if caps else [],
        progress() if rescore else None,
    )
