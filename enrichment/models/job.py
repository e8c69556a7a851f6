"""Long work that a person started, with its progress."""

from django.conf import settings
from django.db import models

from swarm_admin.core.jobs import Job, JobStatus, MemberStatus


class JobKind(models.TextChoices):
    """What a job does. A further kind is a value here and a class in its room; see `enrichment.jobs.kinds`."""

    IMPORT = "import", "Import"
    RETRY = "retry", "Bulk retry"
    RETRY_LEADS = "retry_leads", "Lead retry"
    RETRY_DELIVERIES = "retry_deliveries", "Delivery retry"
    RESCORE = "rescore", "Rescore"
    DELIVER_MOVED = "deliver_moved", "Delivery after a rescore"
    PILOT = "pilot", "Waterfall pilot"


class BulkJob(Job):
    kind = models.CharField(max_length=16, choices=JobKind.choices)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    file = models.FileField(upload_to="imports/", blank=True, default="")
    file_name = models.CharField(max_length=200, blank=True, default="", help_text="as the person's computer named it")
    columns = models.JSONField(default=dict, help_text="column of the file → field of the lead")
    accepted = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField(default=0)
    plan = models.JSONField(
        default=dict, blank=True, help_text="what a retry is about, and what it would take, as it was shown"
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def waits_for_person(self) -> bool:
        """An upload whose columns nobody has named yet: queued, and not due."""
        return self.kind == JobKind.IMPORT and self.status == JobStatus.QUEUED and not self.columns


class RejectedRow(models.Model):
    """Why a row of an import was refused: its place and the reason, never its contents."""

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="rejected_rows")
    index = models.PositiveIntegerField(help_text="row of the file, counted from 0 without the header")
    field = models.CharField(max_length=64, blank=True, default="")
    sentence = models.CharField(max_length=300)

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["job", "index", "field"], name="rejection_once")]

    def __str__(self) -> str:
        return f"row {self.index} of job {self.job_id}"

    @property
    def rule(self) -> str:
        """The sentence without the name of the field it begins with."""
        rest = self.sentence.removeprefix(f"{self.field} ") if self.field else self.sentence
        return rest[:1].upper() + rest[1:]


class JobMember(models.Model):
    """One row of a job, frozen when it was confirmed.

    `subject` is the key of what is worked on: a lead, a handover or a webhook delivery, by the job's plan.
    """

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveIntegerField()
    subject = models.BigIntegerField()
    lead = models.ForeignKey("Lead", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=16, choices=MemberStatus.choices, default=MemberStatus.PLANNED)
    reason = models.CharField(max_length=300, blank=True, default="", help_text="why it was left out")

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["job", "position"], name="member_planned", condition=models.Q(status="planned")),
            models.Index(fields=["job", "status"], name="member_by_status"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="member_place"),
            models.UniqueConstraint(fields=["job", "subject"], name="member_once"),
        ]

    def __str__(self) -> str:
        return f"member {self.position} of job {self.job_id}"
