"""What enrichment costs and may cost: caps, closed days summed up, and what was taken over instead of bought."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from enrichment.models.lead_choices import SourceType
from enrichment.models.provider import WaterfallKind


class CapPeriod(models.TextChoices):
    DAY = "day", "a day"
    MONTH = "month", "a month"
    LEAD = "lead", "a lead"


class SpendCap(models.Model):
    """What may be spent a day, a month or on one lead (UTC), by all leads or by those of one source."""

    period = models.CharField(max_length=8, choices=CapPeriod.choices)
    source_type = models.CharField(
        max_length=32, choices=SourceType.choices, blank=True, default="", help_text="empty is all leads"
    )
    amount = models.DecimalField(max_digits=12, decimal_places=2, help_text="USD")
    note = models.CharField(max_length=500, blank=True, default="")
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=timezone.now)
    reached_at = models.DateTimeField(
        null=True, blank=True, help_text="a trigger was held by it, and nothing has changed since"
    )

    class Meta:
        ordering = ["source_type", "period"]
        permissions = [("set_budget", "Can set and raise what enrichment may cost")]
        constraints = [models.UniqueConstraint(fields=["period", "source_type"], name="cap_once")]

    def __str__(self) -> str:
        return f"cap of {self.get_period_display()}"

    @property
    def label(self) -> str:
        """ "The budget of a day", "The budget of a month for post likers"."""
        whose = f" for {self.get_source_type_display().lower()}s" if self.source_type else ""
        return f"The budget of {self.get_period_display()}{whose}"


class SpendBook(models.Model):
    """A day (UTC) whose attempts are summed up in its entries. Opened again, by deletion, when one changes."""

    day = models.DateField(unique=True)
    closed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"spending of {self.day:%Y-%m-%d}"


class SpendEntry(models.Model):
    """A sum of one day. `provider` "": what all attempts cost; else one provider's calls, with their cost.

    Leads are not counted here: one that was tried on two days is one lead of both.
    """

    book = models.ForeignKey(SpendBook, on_delete=models.CASCADE, related_name="entries")
    source_type = models.CharField(max_length=32, blank=True, default="")
    provider = models.CharField(max_length=40, blank=True, default="")
    tier = models.PositiveSmallIntegerField(
        default=0, help_text="0; books closed earlier are split by the leads' tiers of that time"
    )
    started_by = models.IntegerField(default=0, help_text="staff id; 0 is the system itself")
    cost = models.DecimalField(max_digits=14, decimal_places=4, default=0, help_text="USD")
    asked = models.PositiveIntegerField(default=0, help_text="calls of the provider that were told")
    hits = models.PositiveIntegerField(default=0, help_text="of them, those that brought a field")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["book", "source_type", "provider", "tier", "started_by"], name="spend_entry_once"
            )
        ]

    def __str__(self) -> str:
        return f"spending on {self.provider or 'all providers'}"


class TakenOver(models.Model):
    """Company or tech data that a lead got from the mirror instead of a provider: same company, still fresh.

    It outlives its lead, as an attempt does.
    """

    lead = models.ForeignKey("Lead", null=True, blank=True, on_delete=models.SET_NULL, related_name="taken_over")
    waterfall = models.CharField(max_length=16, choices=WaterfallKind.choices)
    fields = ArrayField(models.CharField(max_length=64), default=list, blank=True, help_text="columns that were filled")
    saved = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="USD, what was paid for it the first time"
    )
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["-taken_at"], include=["saved"], name="taken_over_by_time")]

    def __str__(self) -> str:
        return f"{self.waterfall} data of {f'lead {self.lead_id}' if self.lead_id else 'a deleted lead'}"
