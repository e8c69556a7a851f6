"""The audit ledger: append-only, without personal values and without foreign keys (D17)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from swarm_admin.core.work import Leased


class AuditEvent(models.Model):
    """Who did what to what, and when. A database trigger refuses UPDATE and DELETE."""

    occurred_at = models.DateTimeField(default=timezone.now)
    actor_id = models.BigIntegerField(null=True, blank=True, help_text="staff id; empty is the system itself")
    verb = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64, blank=True, default="")
    object_id = models.CharField(max_length=128, blank=True, default="", help_text="id or keyed hash")
    fields = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=500, blank=True, default="")
    commitment = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the salted context, if there is one"
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="audit_by_object"),
            models.Index(fields=["verb", "id"], name="audit_by_verb"),
            models.Index(fields=["actor_id", "id"], name="audit_by_actor"),
            models.Index(fields=["occurred_at", "id"], name="audit_by_time"),
        ]
        permissions = [("verify_audit", "Can verify the audit log and receives its anchors")]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"


class AuditContext(models.Model):
    """Personal context of an event, apart from it: erasing this row leaves the chain verifiable."""

    event_id = models.BigIntegerField(unique=True)
    salt = models.CharField(max_length=32)
    document = models.JSONField()

    def __str__(self) -> str:
        return f"context of event {self.event_id}"


class UnsealedEvent(models.Model):
    """An event the chain does not hold yet. A database trigger writes it with the event itself.

    So none is missed, in whatever order transactions commit.
    """

    event_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"event {self.event_id}, unsealed"


class AuditSeal(models.Model):
    """One link of the chain: an event's place in it, and the digest over it and everything before. Append-only."""

    position = models.BigIntegerField(primary_key=True, help_text="from 1, without gaps")
    event_id = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64, help_text="SHA-256, hexadecimal")
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"seal {self.position}"


class Occasion(models.TextChoices):
    DAY = "day", "Once a day"
    PACK = "pack", "With a regulator pack"


class AuditAnchor(models.Model):
    """The chain's head as it was given out of the house: what a truncated or rewritten chain is known by."""

    occasion = models.CharField(max_length=4, choices=Occasion.choices, default=Occasion.DAY, db_default=Occasion.DAY)
    day = models.DateField()
    position = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    filed_at = models.DateTimeField(null=True, blank=True, help_text="written to the file of anchors")
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="sent to the officers")
    unknowns = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="times nobody knew whether the mail left"
    )
    not_before = models.DateTimeField(default=timezone.now)
    error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["-position", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["day"], condition=models.Q(occasion=Occasion.DAY), name="one_anchor_a_day"),
            models.UniqueConstraint(
                fields=["position"], condition=models.Q(occasion=Occasion.PACK), name="one_anchor_a_pack"
            ),
        ]

    def __str__(self) -> str:
        return f"anchor of {self.day}"


class AuditCheck(Leased):
    """One verification of the whole ledger."""

    requested_by = models.BigIntegerField(null=True, blank=True, help_text="staff id; empty: by the clock")
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    links = models.BigIntegerField(default=0, help_text="links read")
    unsealed = models.IntegerField(default=0)
    anchored = models.BigIntegerField(
        default=0, db_default=0, help_text="the last link that an anchor outside names; 0: none"
    )
    verdict = models.CharField(
        max_length=400, blank=True, default="", db_default="", help_text="what can be said, and what not"
    )
    findings = models.JSONField(default=list, help_text="[{kind, position, event_id, sentence}], the first few")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["finished_at"],
                condition=models.Q(finished_at=None),
                nulls_distinct=False,
                name="one_open_audit_check",
            )
        ]

    def __str__(self) -> str:
        return f"check {self.pk}"

    @property
    def is_sound(self) -> bool:
        return self.finished_at is not None and not self.findings
