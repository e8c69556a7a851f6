"""Where a lead comes from, and why it may only be kept."""

from django.db import models


class SourceType(models.TextChoices):
    COMPETITOR_FOLLOWER = "competitor_follower", "Competitor follower"
    EVENT_ATTENDEE = "event_attendee", "Event attendee"
    GROUP_MEMBER = "group_member", "Group member"
    POST_COMMENTER = "post_commenter", "Post commenter"
    POST_LIKER = "post_liker", "Post liker"


class Restriction(models.TextChoices):
    """Why a lead is only kept: nothing is enriched, scored, delivered or exported of it (Art. 18, Art. 21)."""

    RESTRICTION = "restriction", "Restricted"
    OBJECTION = "objection", "Objected"
    BOTH = "both", "Restricted and objected"
