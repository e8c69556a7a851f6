"""The waterfalls as a person set them up in Clay, where no call can."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class AppliedWaterfall(models.Model):
    """Somebody set up a published version in Clay by hand, at `applied_at`: known by their word alone.

    The newest is what Clay runs by, as far as anybody says.
    """

    version = models.ForeignKey("WaterfallVersion", on_delete=models.PROTECT, related_name="applied")
    applied_at = models.DateTimeField(default=timezone.now)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-applied_at", "-id"]

    def __str__(self) -> str:
        return f"waterfalls {self.version_id} in Clay"
