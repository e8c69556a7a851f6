"""What we write to the person: versioned templates, and each message as it was sent."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from gdpr.states import MessageStatus
from swarm_admin.core.work import Leased


class MessageTemplate(models.Model):
    """One version of one text. The newest is used; none is ever changed."""

    slug = models.CharField(max_length=32)
    number = models.PositiveIntegerField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    note = models.CharField(max_length=300, blank=True, default="", help_text="what was changed, and why")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["slug", "-number"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["slug", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.slug} {self.number}"


class RequestMessage(Leased):
    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="messages")
    template = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=MessageStatus.choices, default=MessageStatus.DRAFT)
    to = models.CharField(max_length=254, blank=True, default="")
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    unknowns = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="times nobody knew whether it had left"
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    error_message = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["not_before"], name="message_to_send", condition=models.Q(status="queued")),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} of request {self.request_id}"
