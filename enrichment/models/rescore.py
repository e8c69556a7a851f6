"""Scoring every lead anew after a scorecard was published, what it moved, and the log the preview reads."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from enrichment.states import MoveStatus

EVERY_LEAD = 2**63 - 1  # a cursor past every key


class AfterRescore(models.TextChoices):
    """What happens to leads that a published scorecard lifts into a campaign tier. The publisher chooses."""

    NOTHING = "nothing", "Nothing"
    REVIEW = "review", "Queue them for review"
    DELIVER = "deliver", "Deliver them"


class Rescore(models.Model):
    """One published version on its way over the leads, in the order of their keys.

    Only leads whose score or tier changes are written. A lead at or before `cursor` has the score this version
    gives, whichever version wrote it; see `pipeline.score.explained`.
    """

    job = models.OneToOneField("BulkJob", on_delete=models.CASCADE, related_name="rescore")
    version = models.OneToOneField("ScorecardVersion", on_delete=models.PROTECT, related_name="rescore")
    cursor = models.BigIntegerField(default=0)
    began_at = models.DateTimeField(default=timezone.now, help_text="when the version was published")
    finished_at = models.DateTimeField(null=True, blank=True)
    after = models.CharField(max_length=16, choices=AfterRescore.choices, default=AfterRescore.NOTHING)
    changed = models.PositiveIntegerField(default=0, help_text="leads whose score or tier was written")
    up = models.PositiveIntegerField(default=0, help_text="leads that went to a better tier")
    down = models.PositiveIntegerField(default=0)
    lifted = models.PositiveIntegerField(default=0, help_text="leads new in a campaign tier that can be e-mailed")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"rescore to version {self.version_id}"


class TierMove(models.Model):
    """A lead that a rescore lifted into a campaign tier, and what staff decided about delivering it."""

    rescore = models.ForeignKey(Rescore, on_delete=models.CASCADE, related_name="moves")
    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="tier_moves")
    before = models.PositiveSmallIntegerField(null=True, blank=True)
    after = models.PositiveSmallIntegerField()
    score = models.FloatField(help_text="the lead's points after the move")
    status = models.CharField(max_length=16, choices=MoveStatus.choices, default=MoveStatus.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead"], condition=Q(status="waiting"), name="one_waiting_move")]
        indexes = [
            models.Index(
                models.F("score").desc(),
                models.F("id").desc(),
                name="move_waiting",
                condition=Q(status="waiting"),
            )
        ]

    def __str__(self) -> str:
        return f"move {self.pk} of lead {self.lead_id}"


class LeadChange(models.Model):
    """Written by triggers: a scored lead came, went, or changed in a value that a scorecard may look at.

    What the preview's snapshot has to read again; a day old, it is of no use to anybody.
    """

    lead_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"change of lead {self.lead_id}"
