"""The outside systems: what was set up there, when they last answered, and what is held."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

CLAY_ROWS = "clay.rows"  # a hold of its own: Clay's table is full, and everything but new rows goes on

# Holds of one kind of call that goes unanswered while Clay answers others.
CLAY_CREATES = "clay.creates"
CLAY_TRIGGERS = "clay.triggers"
ALONE = (CLAY_CREATES, CLAY_TRIGGERS)


class Connection(models.Model):
    system = models.CharField(max_length=16, unique=True, help_text="clay, ghl or instantly")
    table_id = models.CharField(max_length=100, blank=True, default="")
    full_tables = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],  # processes of the release before go on inserting while it is migrated
        blank=True,
        help_text="tables that took no more rows: never used for new ones again",
    )
    connector = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="chosen by an admin; empty: CLAY_CONNECTOR's"
    )
    overdue_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="without a result by then a lead is overdue; empty: CLAY_OVERDUE_SECONDS"
    )
    overdue_policy = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="what then; empty: CLAY_OVERDUE_POLICY"
    )
    routine_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    routine_inputs = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="input of the routine → our field"
    )
    routine_outputs = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="name in a result → our column"
    )
    webhook_id = models.CharField(max_length=100, blank=True, default="")
    webhook_url = models.CharField(max_length=500, blank=True, default="")
    campaign_id = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="chosen by an admin; empty: INSTANTLY_CAMPAIGN_ID's",
    )
    campaign_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    earlier_campaigns = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="campaigns that leads were added to before: a lead there is not added again",
    )
    field_ids = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="our custom field → its id in the location"
    )
    fields_location = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="the location that these ids are of"
    )
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        permissions = [("manage_connections", "Can set up and test connections, and lift holds")]

    def __str__(self) -> str:
        return self.system

    @classmethod
    def note_error(cls, system: str, error: Exception) -> None:
        """Keep the error of a set-up or a test; its words are masked by the vendor's client."""
        cls._default_manager.update_or_create(
            system=system, defaults={"last_error_at": timezone.now(), "last_error": str(error)[:300]}
        )


class ServiceHold(models.Model):
    """A paused service: nothing new is begun until `until` has passed or a person resumes it.

    `until` of a vendor that does not answer: when it is asked again.
    """

    system = models.CharField(
        max_length=16,
        help_text="clay, ghl, instantly, clay.rows for new rows alone, or one kind of call to Clay alone",
    )
    reason = models.CharField(max_length=40)
    message = models.CharField(max_length=300, blank=True, default="")
    table = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="the table that takes no more rows"
    )
    reads = models.BooleanField(
        default=False, db_default=False, help_text="reading was refused as well, so it is paused too"
    )
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system"], condition=models.Q(lifted_at__isnull=True), name="one_hold_a_system"
            )
        ]

    def __str__(self) -> str:
        return f"hold of {self.system}"
