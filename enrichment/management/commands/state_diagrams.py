"""Renders the state machines of `enrichment.states` and `gdpr.states` into docs/states.md."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import models

from enrichment import states
from gdpr import states as law
from swarm_admin.core.jobs import JobStatus, MemberStatus
from swarm_admin.core.states import diagram

TITLES: dict[type[models.TextChoices], str] = {
    states.EnrichmentStatus: "A lead's enrichment",
    states.BatchStatus: "A batch to Clay",
    states.ItemStatus: "A batch's item",
    states.AttemptStatus: "An enrichment attempt",
    states.DeliveryStatus: "A webhook delivery",
    states.HandoverStatus: "A delivery to GoHighLevel or Instantly",
    JobStatus: "A job",
    MemberStatus: "A row of a bulk retry",
    states.RunStatus: "A run of a Clay routine",
    states.VersionStatus: "A version of the waterfalls or of the scorecard",
    states.MoveStatus: "A lead that a rescore moved into a campaign tier",
}
LAW_TITLES: dict[type[models.TextChoices], str] = {
    law.RequestStatus: "A subject request",
    law.StepStatus: "A step of a subject request",
    law.MessageStatus: "A message to the person",
    law.DutyStatus: "The final check of an erased record",
}


def document() -> str:
    """The whole page, in Markdown with Mermaid."""
    parts = ["# States\n\nRendered from `enrichment/states.py` and `gdpr/states.py` by `manage.py state_diagrams`.\n"]
    drawn = [(title, diagram(machine)) for machine, title in TITLES.items()]
    drawn += [(title, diagram(machine)) for machine, title in LAW_TITLES.items()]
    parts += [f"## {title}\n\n```mermaid\n{diagram}\n```\n" for title, diagram in drawn]
    return "\n".join(parts)


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "states.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(document())
        self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}.")
