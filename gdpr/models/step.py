"""The steps of a request: one per store, record and action, each resumable by itself."""

import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from gdpr.kinds import Action
from gdpr.states import OVER, WORKED_ON, RequestStatus, StepStatus
from swarm_admin.core.work import Leased

BEGUN = (StepStatus.PLANNED, StepStatus.UNKNOWN)


class StepQuerySet(models.QuerySet["RequestStep"]):
    def due(self, now: datetime.datetime) -> "StepQuerySet":
        """Steps a worker may take now: their request is worked on, and what they wait for is over.

        While a changed plan waits to be approved again, nothing of it but looking goes on.
        """
        lower = RequestStep.objects.filter(request=models.OuterRef("request"))
        ahead = lower.filter(stage__lt=models.OuterRef("stage")).exclude(status__in=[*OVER, StepStatus.MANUAL])
        open_below = lower.filter(stage__lt=models.OuterRef("waits_for_stage")).exclude(status__in=OVER)
        return self.filter(
            models.Q(after=None) | models.Q(after__status__in=OVER),
            models.Q(request__plan_changed=False) | models.Q(action__in=[Action.LOCATE, Action.RECHECK]),
            ~models.Exists(ahead),
            ~models.Exists(open_below),
            status__in=BEGUN,
            not_before__lte=now,
            request__status__in=WORKED_ON,
        )

    def waiting(self) -> "StepQuerySet":
        return self.filter(status__in=[*BEGUN, StepStatus.IN_FLIGHT])

    def needing_person(self) -> "StepQuerySet":
        return self.filter(status__in=[StepStatus.MANUAL, StepStatus.FAILED])

    def unfinished(self) -> "StepQuerySet":
        return self.exclude(status__in=OVER)


class RequestStep(Leased):
    """`store` and `record` are empty for what is done in our own tables.

    A step waits for `after` to be over; for every step of a lower `stage` to be over or handed to a person; and
    for all steps below `waits_for_stage` to be over. Systems outside share a stage: none waits for another.
    """

    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="steps")
    action = models.CharField(max_length=12, choices=Action.choices)
    store = models.CharField(max_length=32, blank=True, default="", help_text="slug; a notice's recipient")
    record = models.ForeignKey(
        "gdpr.FoundRecord", null=True, blank=True, on_delete=models.CASCADE, related_name="steps"
    )
    stage = models.IntegerField(default=0)
    waits_for_stage = models.IntegerField(default=0)
    after = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    status = models.CharField(max_length=12, choices=StepStatus.choices, default=StepStatus.PLANNED)
    created_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    faults = models.PositiveIntegerField(default=0, help_text="times it was read back and had not worked")
    error_kind = models.CharField(max_length=32, blank=True, default="")
    error_message = models.CharField(max_length=300, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    instructions = models.TextField(blank=True, default="", help_text="what to do by hand")
    due_on = models.DateField(null=True, blank=True, help_text="of what is done by hand")
    evidence = models.TextField(blank=True, default="", help_text="what proves that it was done by hand")
    result = models.JSONField(null=True, blank=True, help_text="copy, or what stood before; while open")
    proof = models.CharField(max_length=300, blank=True, default="", help_text="how we know that it is done")

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["stage", "id"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["not_before"], name="step_due", condition=models.Q(status__in=["planned", "unknown"])),
            models.Index(fields=["in_flight_since"], name="step_leased", condition=models.Q(status="in_flight")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "action", "store", "record"],
                name="step_once_a_request",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"step {self.pk}: {self.action} {self.store}".rstrip()

    @property
    def is_late(self) -> bool:
        """A step by hand whose day has passed."""
        return (
            self.status == StepStatus.MANUAL
            and self.due_on is not None
            and self.due_on < timezone.localdate()
            and self.request.status not in (RequestStatus.REFUSED, RequestStatus.WITHDRAWN)
        )


class StepAttempt(models.Model):
    """One try of one step, for the page that shows how it went."""

    step = models.ForeignKey(RequestStep, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, blank=True, default="", help_text="empty: it never told")
    message = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["number"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["step", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of step {self.step_id}"
