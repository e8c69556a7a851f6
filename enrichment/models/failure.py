"""Failures that a person has looked at and decided to leave."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class FailureIgnore(models.Model):
    """A cause that stays off the Failures screen until it strikes again after `ignored_at`."""

    what = models.CharField(max_length=16)
    error_kind = models.CharField(max_length=40, blank=True)
    provider = models.CharField(max_length=40, blank=True)
    shape = models.CharField(max_length=400, blank=True)
    reason = models.CharField(max_length=300)
    ignored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ignored_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["what", "error_kind", "provider", "shape"], name="one_ignore_a_cause")
        ]

    def __str__(self) -> str:
        return f"ignored failures {self.pk}"
