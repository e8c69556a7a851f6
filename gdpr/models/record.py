"""Records found for a request, and what the match desk decided about them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from gdpr.identity import Identity


class Decision(models.TextChoices):
    OPEN = "open", "Undecided"
    INCLUDED = "included", "Is this person"
    EXCLUDED = "excluded", "Is somebody else"


class FoundRecord(models.Model):
    """One record in one store. A sure one is included from the start; an officer decides about the others."""

    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="records")
    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, blank=True, help_text="the store's own; blanked with the request")
    key_hash = models.CharField(max_length=64, help_text="keyed hash of store and key; stays")
    matched = models.JSONField(default=list)
    sure = models.BooleanField(default=True)
    summary = models.JSONField(default=dict, blank=True)
    identifiers = models.JSONField(default=dict, blank=True, help_text="those the record itself holds")
    fingerprint = models.CharField(max_length=128, blank=True, default="")
    found_at = models.DateTimeField(default=timezone.now)
    by_hand = models.BooleanField(default=False, help_text="named by an officer, not by the store")
    gone = models.BooleanField(default=False, help_text="no longer found when looked for again")
    decision = models.CharField(max_length=8, choices=Decision.choices, default=Decision.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["store", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["request", "store", "key_hash"], name="record_once_a_request")]

    def __str__(self) -> str:
        return f"record {self.pk} in {self.store}"

    @property
    def identity(self) -> Identity:
        """The identifiers it holds itself."""
        held = self.identifiers
        return Identity(held.get("linkedin_url", ""), tuple(held.get("emails", ())), held.get("phone", ""))

    @property
    def references(self) -> tuple[str, ...]:
        """Random texts of ours that lead to this record alone."""
        return tuple(self.identifiers.get("references", ()))
