"""What Clay told us: every delivery with the right secret, as it came."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.models.work import Leased
from enrichment.states import DeliveryStatus


class Verdict(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    UNCHANGED = "unchanged", "No change"
    DUPLICATE = "duplicate", "Duplicate"
    STALE = "stale", "Stale"
    UNKNOWN_ROW = "unknown_row", "Unknown row"
    UNKNOWN_EVENT = "unknown_event", "Unknown event"
    MALFORMED = "malformed", "Malformed"
    SUPPRESSED = "suppressed", "Suppressed"
    RESTRICTED = "restricted", "Restricted, not applied"
    ERASED = "erased", "Erased unread"
    TEST = "test", "Test"


# What failed of the deliveries, on every screen: those of which reading failed, and those that are no event at all.
FAILED = Q(status=DeliveryStatus.FAILED) | Q(verdict=Verdict.MALFORMED)


class Channel(models.TextChoices):
    """Which door a delivery came in by, and so how it is read."""

    EVENT = "event", "Row event"
    ROW = "row", "Whole row"
    RUN = "run", "Finished run"


class WebhookDelivery(Leased):
    channel = models.CharField(max_length=8, choices=Channel.choices, default=Channel.EVENT, db_default=Channel.EVENT)
    received_at = models.DateTimeField(default=timezone.now)
    headers = models.JSONField(default=dict, help_text="without the secret")
    body = models.BinaryField(help_text="raw, as received; emptied for a suppressed or erased person")
    body_hash = models.CharField(max_length=64, help_text="SHA-256 of the raw body, for duplicates")
    status = models.CharField(max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.RECEIVED)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True, default="")
    event = models.CharField(max_length=64, blank=True, default="")
    event_at = models.DateTimeField(null=True, blank=True)
    row_id = models.CharField(max_length=100, blank=True, default="")
    lead = models.ForeignKey("Lead", null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries")
    changed_fields = models.JSONField(default=list, help_text="names of the columns it changed")
    processed_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="what it said of its person was erased then; its verdict is from before",
    )

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["body_hash"], name="webhook_by_hash"),
            models.Index(fields=["-received_at"], name="webhook_by_received"),
            # What is rare would else be looked for through all deliveries; what is common is soon found.
            models.Index(
                fields=["verdict", "-received_at"],
                name="webhook_by_verdict",
                condition=~Q(verdict__in=["", "accepted"]),
            ),
            models.Index(
                fields=["-received_at"],
                name="webhook_of_failure",
                condition=Q(event="row.enrichment_failed"),
            ),
            models.Index(fields=["row_id"], name="webhook_by_row", condition=~Q(row_id="")),
            models.Index(
                fields=["not_before", "id"],
                name="webhook_open",
                condition=Q(status__in=["received", "processing"]),
            ),
            models.Index(fields=["error_kind", "-processed_at"], name="webhook_failed", condition=Q(status="failed")),
        ]

    def __str__(self) -> str:
        return f"webhook delivery {self.pk}"
