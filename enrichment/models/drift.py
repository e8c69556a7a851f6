"""Where Clay and the mirror disagree, and the runs that found it."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from swarm_admin.core.work import Leased


class DriftKind(models.TextChoices):
    VALUES = "values", "Values differ"
    UNKNOWN_ROW = "unknown_row", "Row without a lead"
    DUPLICATE = "duplicate", "Duplicate row"
    OTHER_TABLE = "other_table", "Row in another table"
    ROW_GONE = "row_gone", "Missing row"
    NOT_KEPT = "not_kept", "Row never stored"
    NO_ROW = "no_row", "Lead without a row"
    SUPPRESSED = "suppressed", "Row of a suppressed person"
    SHARED_RECORD = "shared_record", "Leads share a record"


class Drift(Leased):
    """One disagreement. Holds ids and names of fields, never a value; mending asks Clay for the row anew.

    `subject` is "row <id>" or "lead <id>": what there may be one open disagreement of a kind about.
    """

    kind = models.CharField(max_length=16, choices=DriftKind.choices)
    subject = models.CharField(max_length=120)
    lead = models.ForeignKey("Lead", null=True, blank=True, on_delete=models.CASCADE, related_name="drifts")
    table_id = models.CharField(max_length=100, blank=True, default="")
    row_id = models.CharField(max_length=100, blank=True, default="")
    fields = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Mending is asked for by a person and done by a tick: due at `mend_after`, NULL is "not asked for".
    mend_after = models.DateTimeField(null=True, blank=True)
    mend_tries = models.PositiveSmallIntegerField(default=0)
    mend_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    mend_error = models.CharField(max_length=300, blank=True, default="", help_text="why it was not mended")

    class Meta:
        permissions = [("mend_drift", "Can mend drift between Clay and the mirror")]
        indexes = [
            models.Index(fields=["kind", "id"], name="drift_open", condition=Q(resolved_at__isnull=True)),
            models.Index(fields=["mend_after", "id"], name="drift_to_mend", condition=Q(mend_after__isnull=False)),
            models.Index(fields=["row_id"], name="drift_by_row", condition=Q(resolved_at__isnull=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(resolved_at__isnull=True), name="one_open_drift"
            )
        ]

    def __str__(self) -> str:
        return f"drift {self.pk}: {self.kind}"


class ReconcilePhase(models.TextChoices):
    EXPORT = "export", "Reading Clay"
    CONFIRM = "confirm", "Checking missing rows"
    DONE = "done", "Done"


class ReconcileRun(Leased):
    """One comparison of Clay's tables with the mirror; goes on from its cursor in the next tick."""

    full = models.BooleanField(help_text="every row, not only those changed since the last run")
    since = models.DateTimeField(null=True, blank=True, help_text="rows changed since; NULL in a full run")
    tables = ArrayField(models.CharField(max_length=100), default=list)
    at_table = models.PositiveSmallIntegerField(default=0)
    cursor = models.CharField(max_length=500, blank=True, default="")
    phase = models.CharField(max_length=8, choices=ReconcilePhase.choices, default=ReconcilePhase.EXPORT)
    confirmed_to = models.BigIntegerField(default=0, help_text="id of the last lead looked for")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0, help_text="failed calls since the last good one")
    exports = models.PositiveIntegerField(default=0, help_text="calls made")
    rows = models.JSONField(default=dict, help_text="table → rows read")
    ours = models.JSONField(default=dict, help_text="table → leads with a row there, at the end")
    is_open = models.BooleanField(default=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="reconcile_by_start")]
        constraints = [
            models.UniqueConstraint(fields=["full"], condition=Q(is_open=True), name="one_open_of_each_reconcile")
        ]

    def __str__(self) -> str:
        return f"reconciliation {self.pk}"


class SeenRow(models.Model):
    """A row id that a run has read; gone when the run is done."""

    run = models.ForeignKey(ReconcileRun, on_delete=models.CASCADE, related_name="seen")
    row_id = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "row_id"], name="seen_once")]

    def __str__(self) -> str:
        return f"row of run {self.run_id}"
