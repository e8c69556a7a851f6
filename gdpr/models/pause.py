"""Times in which an answer of the person is outstanding."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class PauseReason(models.TextChoices):
    IDENTITY = "identity", "Identity"
    CLARIFICATION = "clarification", "Clarification"


class RequestPause(models.Model):
    """From the question to its answer. Nothing else ever stops the clock."""

    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="pauses")
    reason = models.CharField(max_length=16, choices=PauseReason.choices)
    justification = models.CharField(max_length=500, help_text="why we may ask; without the person's data")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["asked_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["request", "reason"],
                condition=models.Q(answered_at=None),
                name="one_open_question_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(answered_at=None) | models.Q(answered_at__gte=models.F("asked_at")),
                name="answered_after_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"pause {self.pk} of request {self.request_id}"
