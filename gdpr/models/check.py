"""How we made sure of who asks; the evidence is gone once that is decided."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from gdpr.kinds import CheckLevel


class CheckMethod(models.TextChoices):
    KNOWN_ADDRESS = "known_address", "Wrote from an address we hold"
    REPLY = "reply", "Answered a message to an address we hold"
    CALL_BACK = "call_back", "Called back on a number we hold"
    DETAILS = "details", "Named details only this person knows"
    DOCUMENT = "document", "Showed a document"


class CheckResult(models.TextChoices):
    OPEN = "open", "Undecided"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"


class IdentityCheck(models.Model):
    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="checks")
    level = models.IntegerField(choices=CheckLevel.choices, help_text="what the kind asks for")
    method = models.CharField(max_length=16, choices=CheckMethod.choices, blank=True, default="")
    result = models.CharField(max_length=8, choices=CheckResult.choices, default=CheckResult.OPEN)
    evidence = models.TextField(blank=True, default="", help_text="deleted with the decision")
    evidence_deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"identity check {self.pk} of request {self.request_id}"
