"""The scorecard as a versioned document."""

from collections.abc import Sequence
from typing import Any

from enrichment.documents import scorecard_problems
from enrichment.models import ScorecardVersion
from enrichment.scoring import changes
from enrichment.versions import Choice, DocumentKind
from enrichment.versions.kinds import Document
from enrichment.versions.merging import Conflict


class Scorecards(DocumentKind):
    name = "scorecard"
    model = ScorecardVersion
    editor = "icp"
    tabs = "enrichment/scoring/_icp_tabs.html"
    changes_template = "enrichment/scoring/_icp_changes.html"
    stylesheet = "icp.css"

    def problems(self, document: Any) -> dict[str, str]:
        return scorecard_problems.problems(document)

    def changes(self, before: Document, after: Document) -> list[changes.Section]:
        return changes.changes(before, after)

    def choices(self, conflicts: Sequence[Conflict], base: Document) -> list[Choice]:
        return [changes.describe_conflict(conflict, base) for conflict in conflicts]


SCORECARDS = Scorecards()
