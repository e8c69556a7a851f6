"""Whom we must not take in, keep or contact again: keyed hashes, never identities (D17, D18)."""

from django.db import models
from django.utils import timezone


class Suppression(models.Model):
    """One blocked identifier. Several rows (URL, e-mails, phone) usually stand for one person."""

    identifier_hash = models.CharField(max_length=64, help_text="HMAC-SHA256, hexadecimal")
    key_id = models.CharField(max_length=32)
    reason = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    blocked_count = models.PositiveIntegerField(default=0, help_text="times a gate refused it")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identifier_hash"],
                condition=models.Q(released_at__isnull=True),
                name="suppressed_once",
            )
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"
