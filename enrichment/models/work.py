"""Hand-overs to Clay: batches, their items, and the enrichment attempts of each lead."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.states import AttemptStatus, BatchStatus, ItemStatus
from swarm_admin.core import work

URGENT = 20  # of a lead's priority: a person waits for it: it leaves without waiting for company
AWAITS_BUDGET = "provider_budget"  # why a planned batch waits


class Leased(work.Leased):
    """Work that a tick claims: due at `not_before`, ours since `in_flight_since`, counted in `tries`."""

    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        abstract = True


class BatchKind(models.TextChoices):
    ROWS = "rows", "Row creation"
    TRIGGER = "trigger", "Enrichment trigger"
    UPDATE = "update", "Write-back"
    SUBMIT = "submit", "Submission"


class Batch(Leased):
    """A frozen plan of one call to Clay; progress is derived from its items."""

    kind = models.CharField(max_length=8, choices=BatchKind.choices)
    status = models.CharField(max_length=16, choices=BatchStatus.choices, default=BatchStatus.PLANNED)
    priority = models.SmallIntegerField(default=0)
    table_id = models.CharField(max_length=100)
    waterfall = models.ForeignKey("WaterfallVersion", null=True, blank=True, on_delete=models.PROTECT)
    skip_providers = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    only_providers = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    without = ArrayField(
        models.CharField(max_length=16),
        default=list,
        blank=True,
        help_text="waterfalls not asked: fresh already, or found in a run that broke off",
    )
    answered = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="waterfall → providers not asked again"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["-priority", "not_before", "id"],
                name="batch_open",
                condition=Q(status__in=["planned", "in_flight", "unknown"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} batch {self.pk}"


class BatchItem(models.Model):
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="batch_items")
    position = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=ItemStatus.choices, default=ItemStatus.PLANNED)
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=300, blank=True, default="")
    in_doubt = models.BooleanField(
        default=False, help_text="set aside while nobody knew whether the call had taken effect"
    )

    class Meta:
        ordering = ["batch", "position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "lead"], name="item_once"),
        ]

    def __str__(self) -> str:
        return f"item {self.position} of batch {self.batch_id}"


class Attempt(work.Leased):
    """One enrichment of one lead: which waterfall it ran under, what it cost, how it ended.

    The lease is of whoever asks Clay for its row, because no webhook came.

    It outlives its lead: once that is deleted, `lead` is empty and nothing here leads back to the person (see
    `enrichment.waterfall.anonymous`).
    """

    lead = models.ForeignKey("Lead", null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts")
    deleted_lead = models.UUIDField(
        null=True, blank=True, help_text="drawn at random, one for all attempts of a lead that is deleted"
    )
    tier = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="the lead's tier when it was deleted; empty while it is not"
    )
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts")
    waterfall = models.ForeignKey("WaterfallVersion", on_delete=models.PROTECT, related_name="+")
    skip_providers = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    only_providers = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    deferred_providers = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="left out for want of budget"
    )
    without = ArrayField(
        models.CharField(max_length=16),
        default=list,
        blank=True,
        help_text="waterfalls not asked: taken over, or found in a run that broke off",
    )
    answered = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="waterfall → providers not asked again"
    )
    provider_slots = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="provider → [calls kept back of its hourly limit, the mark they were taken under]",
    )
    source_type = models.CharField(max_length=32, blank=True, default="", help_text="the lead's, for the sums")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="who asked for it; empty is the system itself",
    )
    reserved = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="USD, kept back for it while it is open"
    )
    providers = models.JSONField(default=list, blank=True, help_text="name, fields, timestamp, cost; misses too")
    reference = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="ours of this one run, which Clay sends back; not to be guessed. Empty: the row's id tells",
    )
    source = models.ForeignKey(
        "ClaySource",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="attempts",
        help_text="the webhook of Clay it was submitted to",
    )
    run = models.ForeignKey(
        "ClayRun", null=True, blank=True, on_delete=models.SET_NULL, related_name="attempts", help_text="of a routine"
    )
    overdue_at = models.DateTimeField(
        null=True, blank=True, help_text="no result had come by then, and none can be asked for"
    )
    poll_after = models.DateTimeField(null=True, blank=True, help_text="no result by then: ask Clay, or overdue")
    polls = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=16, choices=AttemptStatus.choices, default=AttemptStatus.INTENDED)
    started_at = models.DateTimeField(default=timezone.now)
    triggered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cost = models.DecimalField(max_digits=10, decimal_places=4, default=0, help_text="USD")
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=300, blank=True, default="")
    provider = models.CharField(max_length=40, blank=True, default="", help_text="the provider that failed")

    class Meta:
        indexes = [
            models.Index(fields=["lead", "-started_at"], name="attempt_by_lead"),
            models.Index(fields=["-finished_at"], include=["cost", "source_type"], name="attempt_by_finish"),
            models.Index(
                fields=["source_type"],
                include=["reserved", "cost"],
                name="attempt_open",
                condition=Q(status__in=["intended", "running"]),
            ),
            models.Index(fields=["poll_after"], name="attempt_to_poll", condition=Q(status="running")),
            models.Index(fields=["overdue_at"], name="attempt_overdue", condition=Q(overdue_at__isnull=False)),
        ]
        constraints = [
            # A lead is asked for once at a time: a second trigger while one runs would be paid twice.
            models.UniqueConstraint(
                fields=["lead"], condition=Q(status__in=["intended", "running"]), name="one_open_attempt"
            ),
            models.UniqueConstraint(fields=["reference"], condition=~Q(reference=""), name="attempt_by_reference"),
            models.CheckConstraint(
                name="attempt_is_a_leads_or_anonymous",
                condition=Q(lead__isnull=False, deleted_lead__isnull=True, tier__isnull=True)
                | Q(
                    lead__isnull=True,
                    deleted_lead__isnull=False,
                    batch__isnull=True,
                    triggered_at__isnull=True,
                    poll_after__isnull=True,
                    reference="",
                    run__isnull=True,
                    overdue_at__isnull=True,
                    finished_at__isnull=False,
                    error_message="",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk} of {f'lead {self.lead_id}' if self.lead_id else 'a deleted lead'}"
