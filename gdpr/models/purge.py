"""What may be kept no longer, and how far its removal is."""

from django.db import models
from django.utils import timezone

from gdpr.states import PurgeStatus, RemovalStatus
from swarm_admin.core.work import Leased


class PurgeReason(models.TextChoices):
    RETENTION = "retention", "End of its retention"
    RETURNED = "returned", "Suppressed person who came back"


class Purge(Leased):
    """One record of ours and its records elsewhere, removed together."""

    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, blank=True, help_text="the store's own; blanked when done")
    key_hash = models.CharField(max_length=64)
    kept_until = models.DateTimeField(help_text="the end of its retention, or when it came back")
    reason = models.CharField(
        max_length=12,
        choices=PurgeReason.choices,
        default=PurgeReason.RETENTION,
        db_default=PurgeReason.RETENTION,
    )
    status = models.CharField(max_length=12, choices=PurgeStatus.choices, default=PurgeStatus.PLANNED)
    created_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=300, blank=True, default="")
    hold_lifted_at = models.DateTimeField(null=True, blank=True, help_text="a legal hold kept it until then")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        permissions = [("view_retention", "Can see what is purged and when")]
        indexes = [
            models.Index(fields=["not_before", "id"], name="purge_due", condition=models.Q(status="planned")),
            models.Index(fields=["status", "-id"], name="purge_by_status"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["store", "key"], condition=~models.Q(status="done"), name="purged_once")
        ]

    def __str__(self) -> str:
        return f"purge {self.pk} in {self.store}"

    @property
    def leaves_records(self) -> bool:
        """Whether a record elsewhere stays, freed of what we wrote."""
        return any(record.stays for record in self.records.all())


class PurgeRecord(models.Model):
    """One record to be removed, in the order of the stores; ours goes last."""

    purge = models.ForeignKey(Purge, on_delete=models.CASCADE, related_name="records")
    position = models.PositiveSmallIntegerField()
    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, blank=True, help_text="the store's own; blanked when done")
    status = models.CharField(max_length=12, choices=RemovalStatus.choices, default=RemovalStatus.WAITING)
    erased_at = models.DateTimeField(null=True, blank=True, help_text="asked for; done is what a read-back says")
    faults = models.PositiveSmallIntegerField(default=0, help_text="times it was read back and still there")
    stays = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="why the record itself stays and only what we wrote is taken out; empty: it is erased",
    )
    instructions = models.TextField(blank=True, default="", help_text="what to do by hand")
    evidence = models.TextField(blank=True, default="", help_text="what proves that it was done by hand")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["purge", "position"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["purge", "position"], name="purge_record_once")]

    def __str__(self) -> str:
        return f"record {self.position} of purge {self.purge_id}"
