"""What applying a row would change, column by column."""

import copy
import datetime
from dataclasses import dataclass, field
from typing import Any

from enrichment.models import Lead
from enrichment.models.provenance import ConflictReason
from enrichment.pipeline.mirror import refresh_status
from enrichment.pipeline.mirror.apply_row import is_enriching, is_stale, read_changes
from enrichment.pipeline.mirror.run import Reader, RunError
from enrichment.pipeline.score import apply as scoring
from enrichment.vendors.clay.wire import ClayRow


@dataclass(frozen=True)
class Change:
    """One column before and after; of a conflict, `after` is the value that is not applied."""

    field: str
    before: Any
    after: Any
    reason: str = ""


@dataclass(frozen=True)
class Preview:
    """What `apply` would do. `conflicts`: values it would not take over, and why."""

    changes: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    stale: bool = False


def preview(lead: Lead, row: ClayRow, *, event_at: datetime.datetime | None = None, error: Any = None) -> Preview:
    """What `apply` with the same arguments would change, column by column. Writes nothing."""
    if is_stale(lead, event_at):
        return Preview(stale=True)
    row_changes = read_changes(lead, row)
    after = copy.copy(lead)
    for name, value in row_changes.values.items():
        setattr(after, name, value)
    run_error = refresh_status.run_error(row, error)
    again = not is_enriching(row) and _will_retry(after, run_error)
    if not is_enriching(row):
        after.enrichment_status = refresh_status.status_after(after, run_error, again=again)
    scoring.apply(after)
    names = [*row_changes.values, "enrichment_status", "icp_score", "icp_tier"]
    changes = [Change(name, getattr(lead, name), getattr(after, name)) for name in dict.fromkeys(names)]
    conflicts = [
        Change(name, getattr(lead, name, ""), given, ConflictReason(reason).label)
        for (name, reason), given in row_changes.conflicts.items()
    ]
    return Preview([change for change in changes if change.before != change.after], conflicts)


def _will_retry(lead: Lead, error: RunError | None) -> bool:
    """Whether the lead would go on after its last attempt, where that is not over."""
    attempts = list(lead.attempts.order_by("-started_at", "-id"))
    if not attempts or attempts[0].status not in refresh_status.OPEN_ATTEMPT:
        return False
    progress = Reader().of(attempts[0], broke_off_at=error.provider if error else None)
    return refresh_status.next_dispatch(lead, attempts, error, progress)
