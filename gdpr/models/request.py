"""One request of one person, from receipt to the forgetting of who it was."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.kinds import RULES, Action, RequestKind, Rules
from gdpr.regimes.rules import RULES_OF, Regime, RegimeRules, kind_label
from gdpr.states import CLOSED, OPEN, RequestStatus, StepStatus


class Channel(models.TextChoices):
    FORM = "form", "Form"
    EMAIL = "email", "E-mail"
    CSV = "csv", "List"
    API = "api", "API"
    PHONE = "phone", "Telephone"
    LETTER = "letter", "Letter"
    OWN = "own", "Our own decision"


class RefusalGround(models.TextChoices):
    NOT_IDENTIFIED = "not_identified", "The person could not be identified (Art. 12(2), (6))"
    UNFOUNDED = "unfounded", "Manifestly unfounded or excessive (Art. 12(5))"
    NOT_APPLICABLE = "not_applicable", "The right does not apply here"
    EXEMPT = "exempt", "The law lets or makes us keep the data"


class RequestQuerySet(models.QuerySet["SubjectRequest"]):
    def open(self) -> RequestQuerySet:
        return self.filter(status__in=OPEN)

    def closed(self) -> RequestQuerySet:
        return self.filter(status__in=CLOSED)

    def by_due(self) -> RequestQuerySet:
        """What is due first comes first."""
        return self.order_by("due_on", "id")

    def overdue(self, today: datetime.date) -> RequestQuerySet:
        return self.open().filter(due_on__lt=today)

    def of_identity(self, hashes: list[str]) -> RequestQuerySet:
        """Requests that share an identifier, by keyed hashes."""
        return self.filter(identity_hashes__overlap=hashes)


class SubjectRequest(models.Model):
    """What is personal here is blanked when `forget_after` has come; the hashes stay (D17)."""

    kind = models.CharField(max_length=16, choices=RequestKind.choices)
    status = models.CharField(max_length=20, choices=RequestStatus.choices, default=RequestStatus.RECEIVED)
    channel = models.CharField(max_length=8, choices=Channel.choices, default=Channel.FORM)
    regime = models.CharField(max_length=2, choices=Regime.choices, default=Regime.EU)
    calendar = models.CharField(max_length=8, help_text="public holidays: country, or country-subdivision")
    received_at = models.DateTimeField(help_text="when it reached us by any channel: the clock's origin")
    opened_at = models.DateTimeField(default=timezone.now)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    handler = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    name = models.CharField(max_length=200, blank=True, default="")
    contact_email = models.CharField(max_length=254, blank=True, default="", help_text="where answers go")
    text = models.TextField(blank=True, default="", help_text="what the person wrote")
    linkedin_url = models.CharField(max_length=300, blank=True, default="")
    emails = ArrayField(models.CharField(max_length=254), default=list, blank=True)
    phone = models.CharField(max_length=32, blank=True, default="")
    identity_hashes = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    values = models.JSONField(default=dict, blank=True, help_text="rectification: field → new value")

    duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates"
    )
    concerns = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="later_requests"
    )

    due_on = models.DateField(help_text="last day on which the answer is in time")
    clock_waits = models.BooleanField(default=False, help_text="an answer of the person is outstanding")
    extended_at = models.DateTimeField(null=True, blank=True)
    extension_reason = models.CharField(max_length=500, blank=True, default="")

    plan_hash = models.CharField(max_length=64, blank=True, default="")
    planned_at = models.DateTimeField(null=True, blank=True)
    plan_changed = models.BooleanField(default=False, help_text="since it was approved: approve again")
    approved_hash = models.CharField(max_length=64, blank=True, default="")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    prepared_by = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="staff ids")

    refusal_ground = models.CharField(max_length=16, choices=RefusalGround.choices, blank=True, default="")
    refusal_reason = models.TextField(blank=True, default="", help_text="as told to the person")
    withdrawal_reason = models.CharField(max_length=500, blank=True, default="")
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="objection: everything stopped")
    closed_at = models.DateTimeField(null=True, blank=True)
    forget_after = models.DateTimeField(null=True, blank=True)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "id"]
        default_permissions = ()
        permissions = [
            ("view_request", "See subject requests"),
            ("handle_request", "Handle subject requests"),
            ("approve_request", "Approve the plan of a subject request"),
            ("place_hold", "Place and lift legal holds"),
            ("edit_template", "Edit message templates"),
        ]
        indexes = [
            models.Index(fields=["status", "due_on"], name="request_by_due"),
            models.Index(fields=["forget_after"], name="request_to_forget"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the person and staff call it by; tells nothing of the person."""
        return f"SR-{self.pk:05d}"

    @property
    def identity(self) -> Identity:
        return Identity(self.linkedin_url, tuple(self.emails), self.phone)

    @property
    def rules(self) -> Rules:
        return RULES[self.kind]

    @property
    def regime_rules(self) -> RegimeRules:
        return RULES_OF[self.regime]

    @property
    def kind_label(self) -> str:
        """What its own law calls it."""
        return kind_label(self.regime, self.kind)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def seconds_to_stop(self) -> float | None:
        """From the opening to everything stopped; None for other kinds, or while something has not stopped."""
        return (self.stopped_at - self.opened_at).total_seconds() if self.stopped_at else None

    @property
    def has_stopped_somebody(self) -> bool:
        """Whether a record was found that is used no more; an objection of nobody known stops nothing."""
        return self.steps.filter(action=Action.RESTRICT, status=StepStatus.DONE).exists()

    def days_left(self, today: datetime.date) -> int:
        """Negative when it is overdue."""
        return (self.due_on - today).days

    def preparers_with(self, by: Any) -> list[int]:
        """`prepared_by` with `by` among them: who prepares a plan may not approve it."""
        return sorted({*self.prepared_by, *([by.pk] if by is not None else [])})
