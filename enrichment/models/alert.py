"""What somebody should know about: one row per cause while it lasts, and each word that is sent about it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.models.work import Leased
from enrichment.states import BatchStatus


class AlertKind(models.TextChoices):
    KEY_REFUSED = "key_refused", "API key rejected"
    QUOTA = "quota", "Quota exhausted"
    CREDITS = "credits", "Credits exhausted"
    NO_ANSWER = "no_answer", "No response"
    TABLE_FULL = "table_full", "Table full"
    HOLD = "hold", "Service paused"
    RATE_LIMITED = "rate_limited", "Rate limit reached"
    STANDSTILL = "standstill", "Work is stuck"
    WEBHOOK_BACKLOG = "webhook_backlog", "Webhook backlog"
    OVERDUE = "overdue", "Leads overdue in Clay"
    NEEDS_PERSON = "needs_person", "Many failures"
    DRIFT = "drift", "Clay is out of sync"
    SOURCE = "source", "Clay source nearly used up"
    RUNWAY = "runway", "Table nearly full"
    ROWS_NOT_KEPT = "rows_not_kept", "Rows not stored"
    BUDGET = "budget", "Budget exhausted"
    COMPLIANCE = "compliance", "Compliance"


class Severity(models.IntegerChoices):
    INFO = 1, "Notice"
    WARNING = 2, "Warning"
    CRITICAL = 3, "Critical"


class LastNotification(models.TextChoices):
    """What the last notification said."""

    NOTHING = "", "Nothing yet"
    OPEN = "open", "Open"
    OVER = "over", "Resolved"


class Alert(models.Model):
    """A cause (kind, system, subject) that lasts or lasted; holds ids, counts and our own words only."""

    kind = models.CharField(max_length=24, choices=AlertKind.choices)
    system = models.CharField(max_length=16, blank=True, default="", help_text="clay, ghl, instantly or none")
    subject = models.CharField(max_length=100, blank=True, default="", help_text="what it is about: a table, a call")
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.WARNING)
    sentence = models.CharField(max_length=500)
    opened_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    count = models.PositiveIntegerField(default=1, help_text="how often it was raised")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    by_itself = models.BooleanField(default=False, help_text="closed because the cause is gone")
    told = models.CharField(
        max_length=8, choices=LastNotification.choices, blank=True, default=LastNotification.NOTHING
    )
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("handle_alert", "Can acknowledge and close alerts")]
        indexes = [
            models.Index(fields=["-severity", "-last_at"], name="alert_open", condition=Q(closed_at__isnull=True)),
            models.Index(fields=["-closed_at"], name="alert_by_close"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "system", "subject"],
                condition=Q(closed_at__isnull=True),
                name="one_open_alert_a_cause",
            )
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}: {self.kind}"


class Channel(models.TextChoices):
    EMAIL = "email", "E-mail"
    SLACK = "slack", "Slack"


class Occasion(models.TextChoices):
    OPENED = "opened", "Opened"
    REMINDER = "reminder", "Still open"
    OVER = "over", "Resolved"


class AlertNotice(Leased):
    """One notification to one channel; where it goes is read from the settings when it is sent."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    occasion = models.CharField(max_length=8, choices=Occasion.choices)
    status = models.CharField(max_length=16, choices=BatchStatus.choices, default=BatchStatus.PLANNED)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                name="notice_open",
                condition=Q(status__in=["planned", "in_flight", "unknown"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.occasion} of alert {self.alert_id} by {self.channel}"
