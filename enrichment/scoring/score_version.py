"""Which version of the scorecard a lead's score is of, and how far a rescore is.

A rescore writes only leads whose score or tier changes; the others have the score of the new version already,
and keep the key of the one that wrote it. So a lead's score is of the newest version whose rescore has passed it,
or of the version that wrote it, whichever is newer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from enrichment.jobs.job_progress import time_left
from enrichment.models import Lead, Rescore, ScorecardVersion
from enrichment.states import JobStatus, VersionStatus


def versions_of(leads: Iterable[Lead]) -> dict[int, ScorecardVersion]:
    """{lead: the version its score is of}; a lead that was never scored is left out. Two queries."""
    asked = [lead for lead in leads if lead.scorecard_id is not None]
    if not asked:
        return {}
    rescores = list(Rescore.objects.select_related("version").order_by("-version__number"))
    wrote = ScorecardVersion.objects.in_bulk({lead.scorecard_id for lead in asked})
    return {lead.pk: _newest(lead, wrote[lead.scorecard_id], rescores) for lead in asked}


def version_of(lead: Lead) -> ScorecardVersion | None:
    """The version this lead's score is of; None where it was never scored."""
    return versions_of([lead]).get(lead.pk)


def _newest(lead: Lead, wrote: ScorecardVersion, rescores: list[Rescore]) -> ScorecardVersion:
    if lead.restriction:  # no rescore touches it
        return wrote
    for rescore in rescores:
        if rescore.version.number <= wrote.number:
            return wrote
        if lead.pk <= rescore.cursor:
            return rescore.version
    return wrote


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
