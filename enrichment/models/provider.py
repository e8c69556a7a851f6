"""The catalogue of data providers: what each offers to each waterfall, at what price."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WaterfallKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    PHONE = "phone", "Phone"
    COMPANY = "company", "Company"
    TECHSTACK = "techstack", "Tech stack"


class Charge(models.TextChoices):
    """What a provider takes its price for."""

    HIT = "hit", "Match"
    ATTEMPT = "attempt", "Every call"


class Provider(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    hourly_limit = models.PositiveIntegerField(null=True, blank=True, help_text="calls an hour; empty is no limit")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class ProviderService(models.Model):
    """What one provider offers to one waterfall."""

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="services")
    waterfall = models.CharField(max_length=16, choices=WaterfallKind.choices)
    position = models.PositiveSmallIntegerField()
    cost = models.DecimalField(
        max_digits=8, decimal_places=4, null=True, blank=True, help_text="USD, charged as `charge` says"
    )
    charge = models.CharField(max_length=8, choices=Charge.choices, default=Charge.HIT)
    accuracy = models.DecimalField(
        max_digits=4, decimal_places=3, null=True, blank=True, help_text="as tabled; not a hit rate (D9)"
    )
    coverage = models.CharField(max_length=120, blank=True, default="")
    fields = ArrayField(models.CharField(max_length=64), default=list)

    class Meta:
        ordering = ["waterfall", "position"]
        constraints = [models.UniqueConstraint(fields=["provider", "waterfall"], name="service_once")]

    def __str__(self) -> str:
        return f"{self.provider_id} for {self.waterfall}"
