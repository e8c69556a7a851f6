"""Contacts in GoHighLevel that were there before the lead came, and what was done about each."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone


class MatchedBy(models.TextChoices):
    EMAIL = "email", "e-mail"
    NUMBER = "number", "phone number"


class ContactOwner(models.TextChoices):
    EXISTING = "existing", "It was there before this lead was delivered."
    OTHER_EMAIL = "other_email", "It has another e-mail address."
    OTHER_LEAD = "other_lead", "It belongs to another lead."


class MatchAction(models.TextChoices):
    """What is done with the contact; only the last ends the delivery for good."""

    WAITS = "waits", "Needs a decision"
    KEEP = "keep", "Keep its fields"
    FILL = "fill", "Fill its empty fields"
    WITHOUT_PHONE = "without_phone", "Deliver without the phone"
    LEAVE_OUT = "leave_out", "Don't deliver"


LINKED = (MatchAction.KEEP, MatchAction.FILL)  # the contact becomes the lead's


class ContactMatch(models.Model):
    """One contact that a look-up for a lead led to. Holds names of fields, never a value.

    `contact_id` is empty where another lead holds the same address or number and has no contact yet.
    `written`: fields of the contact that were empty and that we filled; only these are brought up to date later.
    `kept`: fields that hold another value than the lead and were left as they are.
    """

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="contact_matches")
    contact_id = models.CharField(max_length=100, blank=True, default="")
    matched_by = models.CharField(max_length=8, choices=MatchedBy.choices)
    whose = models.CharField(max_length=16, choices=ContactOwner.choices)
    action = models.CharField(max_length=16, choices=MatchAction.choices)
    written = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    kept = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    found_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True, help_text="by a person; empty: by the setting")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead", "contact_id"], name="contact_match_once")]

    def __str__(self) -> str:
        return f"contact found for lead {self.lead_id}"
