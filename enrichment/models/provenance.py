"""The ledger of who supplied which value, when and at what cost (D4), and the values that were not applied."""

from django.db import models


class FieldFact(models.Model):
    """One value of one field, as one provider supplied it. Holds the field's name, never its value."""

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="facts")
    field = models.CharField(max_length=64)
    provider = models.CharField(max_length=40)
    observed_at = models.DateTimeField()
    cost = models.DecimalField(max_digits=10, decimal_places=4, default=0, help_text="USD, this field's share")
    attempt = models.ForeignKey("Attempt", null=True, blank=True, on_delete=models.SET_NULL, related_name="facts")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead", "field", "provider", "observed_at"], name="fact_once"),
        ]

    def __str__(self) -> str:
        return f"{self.field} from {self.provider}"


class ConflictReason(models.TextChoices):
    UNREADABLE = "unreadable", "Could not be read as this field's type"
    PINNED = "pinned", "The field is pinned by a rectification"
    CELL_ERROR = "cell_error", "The column failed in Clay"
    NOT_RUN = "not_run", "The column did not run in Clay"
    SUPPRESSED = "suppressed", "On the do-not-contact list for another person: left out"


class FieldConflict(models.Model):
    """A value that came in and was not applied: it could not be normalised (D24) or the field is pinned (D19)."""

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="conflicts")
    field = models.CharField(max_length=64)
    reason = models.CharField(max_length=16, choices=ConflictReason.choices)
    value = models.CharField(max_length=500, blank=True, default="")
    observed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead", "field", "reason"], name="conflict_once")]

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"
