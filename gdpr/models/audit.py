"""The audit ledger: append-only, without personal values and without foreign keys (D17)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


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

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="audit_by_object"),
            models.Index(fields=["verb", "id"], name="audit_by_verb"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"
