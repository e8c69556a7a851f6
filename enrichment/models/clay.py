"""Clay as it is sold: the webhooks that rows go into, runs of routines, and rows sent to try a connection out."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from enrichment.models.work import Batch, Leased
from enrichment.states import RunStatus


class SourceClosed(models.TextChoices):
    """Why a source takes no more."""

    USED_UP = "used_up", "Used up"
    GONE = "gone", "Deleted in Clay"
    REFUSED = "refused", "Token rejected"
    BY_HAND = "by_hand", "Closed by a person"


class ClaySource(models.Model):
    """A webhook of a Clay table: every submission makes a row there, as many as its life has.

    Sources are used in the order of `position`; one whose life is over is closed, and the next one goes on.
    """

    name = models.CharField(max_length=100, help_text="the Clay table, as people call it")
    url = models.CharField(max_length=500, unique=True, help_text="where rows are posted")
    token = models.BinaryField(blank=True, default=b"", help_text="of x-clay-webhook-auth, encrypted; empty: none")
    position = models.PositiveSmallIntegerField(default=0)
    life = models.PositiveIntegerField(help_text="submissions it takes in all; what Clay takes beyond is lost")
    taken = models.PositiveIntegerField(default=0, help_text="submissions made, those with an unknown outcome too")
    columns = models.JSONField(default=dict, blank=True, help_text="column → when a callback last carried it, ISO")
    created_at = models.DateTimeField(auto_now_add=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    last_callback_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=16, choices=SourceClosed.choices, blank=True, default="")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def left(self) -> int:
        """Submissions it still takes."""
        return max(self.life - self.taken, 0)


class ClayRun(Leased):
    """A run of a routine over up to 100 leads, or more from a file; its attempts point here.

    `run_id` is empty while nobody knows it: the answer to the call was lost.
    """

    run_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    batch = models.ForeignKey(Batch, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    routine_id = models.CharField(max_length=100)
    is_file = models.BooleanField(default=False, help_text="a batch run over JSONL, whose result is a file")
    items = models.PositiveIntegerField(help_text="leads it was started for")
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.PLANNED)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                name="clay_run_open",
                condition=models.Q(status__in=["planned", "in_flight", "unknown"]),
            )
        ]

    def __str__(self) -> str:
        return f"run {self.run_id or 'unknown'}"


class TestRow(models.Model):
    """A row sent through a source to see whether all links of the chain hold; no lead's."""

    reference = models.CharField(max_length=32, unique=True)
    source = models.ForeignKey(ClaySource, on_delete=models.CASCADE, related_name="tests")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    sent_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="Clay acknowledged it")
    came_back_at = models.DateTimeField(null=True, blank=True)
    columns = models.JSONField(default=list, blank=True, help_text="names that came back with a value")
    missing = models.JSONField(default=list, blank=True, help_text="names of the template that did not come")
    cells = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="column → Clay's word, where it failed or did not run"
    )
    error = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return f"test row {self.pk}"


class ForgottenReference(models.Model):
    """The hash of a run's reference whose lead was deleted: what still comes back under it is not kept."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256")
    forgotten_on = models.DateField(help_text="the day only")

    def __str__(self) -> str:
        return f"forgotten reference {self.digest[:8]}"
