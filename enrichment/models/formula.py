"""Which scorecard's formula each of Clay's tables computes with, as far as we know."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Placement(models.TextChoices):
    PASTED = "pasted", "Pasted by hand"
    CREATED = "created", "Created with the table"


class ClayFormula(models.Model):
    """A formula put into a table's columns; the newest of a table is the one it computes with.

    Clay's API neither changes nor tells a column's formula: what a person pasted is known by their word alone.
    """

    table_id = models.CharField(max_length=100)
    scorecard = models.ForeignKey("ScorecardVersion", on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the formula's text")
    how = models.CharField(max_length=8, choices=Placement.choices)
    placed_at = models.DateTimeField(default=timezone.now)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes = [models.Index(fields=["table_id", "-placed_at", "-id"], name="formula_of_table")]

    def __str__(self) -> str:
        return f"formula of scorecard {self.scorecard_id} in {self.table_id}"
