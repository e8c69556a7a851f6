"""What was handed to whom: deliveries to GoHighLevel and Instantly, and the disclosures they make."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.models.shape import Shape
from enrichment.models.work import Leased
from enrichment.states import HandoverStatus

UNDECIDED = "existing_contact"  # why a delivery waits for a person: see ContactMatch
ANSWERED = "answered_before"  # the same in a campaign: see CampaignMove
LEFT_OUT = "left_out"  # why one is withheld: a person decided it
NOTICE_OUTSTANDING = "notice_outstanding"  # why a hand-over waits: the person has not been told yet (Art. 14)


class System(models.TextChoices):
    GHL = "ghl", "GoHighLevel"
    INSTANTLY = "instantly", "Instantly"


class Handover(Leased):
    """One delivery of one lead to one system: the intent, then what came of it.

    `payload_hash` is of what was sent; a lead whose payload has not changed since the last one that is
    done is not sent again, which is also what keeps our own write-back from starting a loop (D13).
    """

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="handovers")
    system = models.CharField(max_length=16, choices=System.choices)
    status = models.CharField(max_length=16, choices=HandoverStatus.choices, default=HandoverStatus.PLANNED)
    payload_hash = models.CharField(max_length=64, blank=True, default="")
    external_id = models.CharField(max_length=100, blank=True, default="")
    differences = models.JSONField(default=list, help_text="fields stored otherwise than sent; names only")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["system", "not_before", "id"],
                name="handover_open",
                condition=Q(status__in=["planned", "in_flight", "unknown"]),
            ),
            models.Index(fields=["lead", "system", "-id"], name="handover_by_lead"),
            models.Index(fields=["-finished_at"], name="handover_by_finish"),
            models.Index(fields=["-id"], name="handover_withheld", condition=Q(status="withheld")),
            models.Index(fields=["-id"], name="handover_differing", condition=~Q(differences=[])),
            models.Index(fields=["external_id"], name="handover_by_reference", condition=~Q(external_id="")),
            models.Index(
                models.F("system"),
                models.F("error_kind"),
                Shape("error_message"),
                models.F("finished_at").desc(nulls_last=True),
                name="handover_failed",
                condition=Q(status="failed"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "system"],
                condition=Q(status__in=["planned", "in_flight", "unknown"]),
                name="one_open_handover",
            )
        ]

    def __str__(self) -> str:
        return f"handover {self.pk} to {self.system}"


class Disclosure(models.Model):
    """The access log of D4: which system received which fields of a lead, and when."""

    lead = models.ForeignKey("Lead", on_delete=models.CASCADE, related_name="disclosures")
    system = models.CharField(max_length=32)
    action = models.CharField(max_length=64)
    fields = ArrayField(models.CharField(max_length=64), default=list)
    occurred_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["lead", "occurred_at"], name="disclosure_by_lead")]

    def __str__(self) -> str:
        return f"{self.action} at {self.system}"
