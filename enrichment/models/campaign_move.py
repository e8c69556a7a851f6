"""Leads whose e-mail has changed since they were added to the campaign, and what they had received before."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class MoveStatus(models.TextChoices):
    WAITS = "waits", "Needs a decision"
    MOVING = "moving", "Moving"
    MOVED = "moved", "Moved to the new address"
    STAYS = "stays", "Stays with the earlier address"
    STOPPED = "stopped", "Suppressed before it was added under the new address"


class CampaignMove(models.Model):
    """One record at Instantly under an earlier address of a lead. Instantly cannot change an address: it is deleted
    and added anew, and what it told of the first address is gone there.

    `old_email` is kept only while the record is being moved: who is suppressed under it must not be added.
    """

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="campaign_moves")
    old_id = models.CharField(max_length=100)
    new_id = models.CharField(max_length=100, blank=True, default="")
    old_email = models.CharField(max_length=320, blank=True, default="")
    status = models.CharField(max_length=8, choices=MoveStatus.choices)
    contacted_at = models.DateTimeField(null=True, blank=True, help_text="last, as Instantly tells it")
    opens = models.PositiveIntegerField(default=0)
    replies = models.PositiveIntegerField(default=0)
    unsubscribed = models.BooleanField(default=False)
    found_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["lead", "old_id"], name="campaign_move_once")]

    def __str__(self) -> str:
        return f"move of lead {self.lead_id} in the campaign"
