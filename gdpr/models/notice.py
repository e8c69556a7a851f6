"""Art. 14: who has been told that we hold their data, by which text, when."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from gdpr.states import MessageStatus
from swarm_admin.core.work import Leased


class NoticeChannel(models.TextChoices):
    EMAIL = "email", "E-mail"
    EXPORT = "export", "Another tool"


class Notice(Leased):
    """One person told, or about to be. It holds no address: whom it went to is a keyed hash."""

    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, blank=True, help_text="the store's own; blanked when told")
    key_hash = models.CharField(max_length=64)
    template = models.ForeignKey("gdpr.MessageTemplate", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=8, choices=NoticeChannel.choices)
    status = models.CharField(max_length=8, choices=MessageStatus.choices, default=MessageStatus.QUEUED)
    run = models.ForeignKey("gdpr.NoticeRun", null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")
    due_on = models.DateField()
    address_hash = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=300, blank=True, default="")
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        permissions = [("send_notices", "Can send and export notices to people whose data we hold")]
        indexes = [
            models.Index(fields=["not_before", "id"], name="notice_due", condition=models.Q(status="queued")),
            models.Index(fields=["-sent_at"], name="notice_by_sent"),
            models.Index(fields=["store", "key"], name="notice_by_key", condition=~models.Q(key="")),
        ]
        constraints = [models.UniqueConstraint(fields=["store", "key_hash"], name="told_once")]

    def __str__(self) -> str:
        return f"notice {self.pk}"


class NoticeRun(models.Model):
    """ "Send" or "Export", pressed once: so many people, taken a page at a time.

    Whom an export names is told only once staff have confirmed that the other tool has sent it.
    """

    channel = models.CharField(
        max_length=8, choices=NoticeChannel.choices, default=NoticeChannel.EMAIL, db_default=NoticeChannel.EMAIL
    )
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="an export: when its messages went out")
    returned_at = models.DateTimeField(null=True, blank=True, help_text="an export: not sent, its people are queued")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    wanted = models.PositiveIntegerField(help_text="people, at most")
    queued = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0, help_text="blocked by the suppression list")
    store = models.CharField(max_length=32, blank=True, default="", help_text="how far it is: the source")
    after = models.CharField(max_length=64, blank=True, default="", help_text="and the source's own mark in it")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, default="", help_text="why it ended early")

    class Meta:
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["finished_at"],
                condition=models.Q(finished_at=None, channel="email"),
                nulls_distinct=False,
                name="one_open_notice_run",
            )
        ]

    def __str__(self) -> str:
        return f"notice run {self.pk}"
