"""What a check of a connection found, and when: nothing is claimed that was not checked with the present key."""

from django.db import models
from django.utils import timezone


class Finding(models.TextChoices):
    """`UNKNOWN`: the check came to no result. `NO_ACCESS`: the key is good, but not for this location."""

    OK = "ok", "OK"
    MISSING = "missing", "Scope missing"
    REJECTED = "rejected", "Key rejected"
    NO_ACCESS = "no_access", "No access"
    WRONG = "wrong", "Needs attention"
    UNKNOWN = "unknown", "Not tested"


class ConnectionCheck(models.Model):
    """The last result of one check. `key_hash` tells with which key, address and location; with others it is void."""

    system = models.CharField(max_length=16, help_text="clay, ghl or instantly")
    name = models.CharField(max_length=80, help_text="scope:contacts.write, location, fields, campaign …")
    finding = models.CharField(max_length=12, choices=Finding.choices)
    detail = models.CharField(max_length=300, blank=True, default="")
    seen = models.JSONField(default=dict, blank=True, help_text="names, types and counts that the vendor told")
    key_hash = models.CharField(max_length=16)
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "name"], name="connection_check_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.system}"
