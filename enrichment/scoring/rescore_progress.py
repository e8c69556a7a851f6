"""How far the rescore to the published version is, as banners and the history of versions show it."""

from __future__ import annotations

from dataclasses import dataclass

from enrichment.jobs.job_progress import time_left
from enrichment.models import Lead, Rescore
from enrichment.states import VersionStatus
from swarm_admin.core.jobs import JobStatus


@dataclass(frozen=True)
class Progress:
    """A rescore to the published version that has not ended. `over`: the version before it; `left`: leads."""

    rescore: Rescore
    over: int
    done: int
    total: int
    stopped: bool
    time_left: str

    @property
    def version(self) -> int:
        return int(self.rescore.version.number)

    @property
    def left(self) -> int:
        return max(self.total - self.done, 0)

    @property
    def percent(self) -> int:
        return min(100 * self.done // self.total, 99) if self.total else 99

    def is_old(self, lead: Lead) -> bool:
        """Whether the tier shown of this lead is still that of an older version."""
        waits = lead.pk > self.rescore.cursor and lead.scorecard_id != self.rescore.version_id
        return waits and lead.icp_score is not None and not lead.restriction


def progress() -> Progress | None:
    """The rescore under way, or stopped; None where every tier is of the published version. One query."""
    rescore = (
        Rescore.objects.filter(finished_at=None, version__status=VersionStatus.PUBLISHED)
        .select_related("job", "version")
        .first()
    )
    if rescore is None:
        return None
    job = rescore.job
    stopped = job.status == JobStatus.FAILED
    return Progress(rescore, int(job.plan["over"]), job.position, job.total, stopped, time_left(job).words)
