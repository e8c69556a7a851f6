"""What stays to be done after a request is over: looking once more, when nothing can bring the record back."""

from django.db import models
from django.utils import timezone

from gdpr.states import DutyStatus
from swarm_admin.core.work import Leased


class AfterCheck(Leased):
    """A record is erased, but its system can bring it back until `due_at`: then it is looked for once more."""

    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="after_checks")
    store = models.CharField(max_length=32)
    key = models.CharField(max_length=200, blank=True, help_text="the store's own; blanked when done")
    key_hash = models.CharField(max_length=64)
    status = models.CharField(max_length=12, choices=DutyStatus.choices, default=DutyStatus.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(help_text="from then on the other side cannot bring it back")
    not_before = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    error_message = models.CharField(max_length=300, blank=True, default="")
    instructions = models.TextField(blank=True, default="")
    evidence = models.TextField(blank=True, default="")
    hold_lifted_at = models.DateTimeField(
        null=True, blank=True, help_text="a legal hold had kept it beyond the end of its request until then"
    )
    erased_at = models.DateTimeField(null=True, blank=True, help_text="what the hold had kept: read back as gone")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due_at", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["request", "store", "key_hash"], name="after_check_once")]

    def __str__(self) -> str:
        return f"check {self.pk} of request {self.request_id} in {self.store}"
