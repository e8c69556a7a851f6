"""The mirror: one row per person, keyed by the canonical LinkedIn URL."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Reverse
from django.utils import timezone

from enrichment.models.lead_choices import Restriction, SourceType
from enrichment.models.lead_queries import FAILING, NAMED_SUPPRESSED, OVERDUE_KINDS, LeadQuerySet
from enrichment.models.notice_due import NoticeDue
from enrichment.models.shape import Shape
from enrichment.states import FINAL_STATUSES, EnrichmentStatus
from gdpr.identity import Identity


class Lead(models.Model):
    # -- what the Hunter agent sent
    linkedin_url = models.CharField(max_length=300, unique=True)
    first_name = models.CharField(max_length=100, blank=True, default="")
    last_name = models.CharField(max_length=100, blank=True, default="")
    company_name = models.CharField(max_length=200, blank=True, default="")
    source_type = models.CharField(max_length=32, choices=SourceType.choices)
    source_name = models.CharField(max_length=200)
    source_url = models.CharField(max_length=2000, blank=True, default="")
    engagement_action = models.CharField(max_length=500, blank=True, default="")
    engagement_content = models.TextField(blank=True, default="")
    scraped_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    retention_until = models.DateTimeField()
    notified_at = models.DateTimeField(null=True, blank=True, help_text="told that we hold their data (Art. 14)")
    first_disclosed_at = models.DateTimeField(null=True, blank=True, help_text="first delivered to another system")

    # -- what enrichment found; missing is "" for text and NULL for everything else
    email_personal = models.CharField(max_length=320, blank=True, default="")
    email_work = models.CharField(max_length=320, blank=True, default="")
    phone = models.CharField(max_length=32, blank=True, default="", help_text="E.164")
    title = models.CharField(max_length=500, blank=True, default="")
    company_domain = models.CharField(max_length=255, blank=True, default="")  # what it registered (D30)
    company_page = models.CharField(max_length=2000, blank=True, default="", db_default="")
    company_industry = models.CharField(max_length=200, blank=True, default="")
    company_size = models.FloatField(null=True, blank=True, help_text="employees")
    company_revenue = models.CharField(max_length=100, blank=True, default="")
    company_location = models.CharField(max_length=300, blank=True, default="")
    tech_stack = ArrayField(models.TextField(), default=list, blank=True)
    funding_stage = models.CharField(max_length=100, blank=True, default="")
    funding_amount = models.CharField(max_length=100, blank=True, default="")
    linkedin_headline = models.TextField(blank=True, default="")
    linkedin_summary = models.TextField(blank=True, default="")
    linkedin_connections = models.IntegerField(null=True, blank=True)
    recent_posts = models.JSONField(default=list, blank=True)
    mutual_connections = models.IntegerField(null=True, blank=True)
    raw = models.JSONField(default=dict, blank=True, help_text="Clay's last row, as it came")
    pinned_fields = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    restriction = models.CharField(
        max_length=16, choices=Restriction.choices, blank=True, default="", help_text="empty: none"
    )

    # -- scores: ours decides, Clay's is kept beside it (D1)
    icp_score = models.FloatField(null=True, blank=True)
    icp_tier = models.PositiveSmallIntegerField(null=True, blank=True)
    scorecard = models.ForeignKey("ScorecardVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    scored_at = models.DateTimeField(null=True, blank=True)
    clay_score = models.FloatField(null=True, blank=True)
    clay_tier = models.CharField(max_length=32, blank=True, default="")
    clay_rewritten_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Clay's row took values of ours then, and its score was not read since; NULL: it was",
    )

    # -- where it stands
    enrichment_status = models.CharField(
        max_length=16, choices=EnrichmentStatus.choices, default=EnrichmentStatus.PENDING
    )
    in_progress_since = models.DateTimeField(null=True, blank=True)
    enriched_at = models.DateTimeField(null=True, blank=True)
    clay_seen_at = models.DateTimeField(null=True, blank=True, help_text="time of the newest event applied")
    enrichment_cost = models.DecimalField(max_digits=10, decimal_places=4, default=0, help_text="USD, all attempts")
    # The last error stands apart from the status: a partial lead can carry one (D3).
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error_message = models.CharField(max_length=300, blank=True, default="")
    error_provider = models.CharField(max_length=40, blank=True, default="")
    error_at = models.DateTimeField(null=True, blank=True)
    needs_person = models.BooleanField(default=False)

    # -- references in the other systems
    clay_row_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    clay_table_id = models.CharField(max_length=100, blank=True, default="")
    ghl_contact_id = models.CharField(max_length=100, blank=True, default="")
    instantly_lead_id = models.CharField(max_length=100, blank=True, default="")

    # -- due work, read by the beat ticks through partial indexes; NULL is "nothing due"
    dispatch_after = models.DateTimeField(null=True, blank=True)
    dispatch_priority = models.SmallIntegerField(default=0, help_text="higher goes first")
    dispatch_tries = models.PositiveSmallIntegerField(default=0)
    skip_providers = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    only_providers = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        help_text="fill-in: ask these alone; empty is all",
    )
    found_waterfalls = ArrayField(
        models.CharField(max_length=16),
        default=list,
        db_default=[],
        blank=True,
        help_text="waterfalls that ended with a find in a run that broke off: not asked again",
    )
    answered = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="waterfall → providers that answered in a run that broke off: not asked again",
    )
    dispatch_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="who asked for the run that is due or was last; empty is the system itself",
    )
    trial = models.ForeignKey(
        "WaterfallVersion",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="a pilot's version, under which it runs; empty is the published one",
    )
    write_back_after = models.DateTimeField(null=True, blank=True)
    write_back_tries = models.PositiveSmallIntegerField(default=0)
    written_back = models.JSONField(
        default=dict, blank=True, help_text="column → what Clay took of ours last, whatever it made of it"
    )
    updated_at = models.DateTimeField(auto_now=True)

    # Kept by a trigger of the database (see lead_search).
    search = SearchVectorField(db_column="search_words", null=True, editable=False)

    objects = LeadQuerySet.as_manager()

    class Meta:
        permissions = [
            ("view_personal_data", "Can see personal data unmasked"),
            ("retry_lead", "Can start an enrichment again"),
            ("deliver_lead", "Can deliver a lead again"),
            ("import_lead", "Can import leads from a file"),
        ]
        indexes = [
            GinIndex(fields=["search"], name="lead_search_words"),
            models.Index(models.F("icp_score").desc(nulls_last=True), models.F("id").desc(), name="lead_by_score"),
            models.Index(fields=["-received_at", "-id"], name="lead_by_received"),
            models.Index(fields=["enrichment_status", "-received_at", "-id"], name="lead_by_status"),
            models.Index(fields=["icp_tier", "source_type", "-received_at", "-id"], name="lead_by_tier_source"),
            models.Index(fields=["source_type", "-received_at", "-id"], name="lead_by_source"),
            models.Index(fields=["company_name", "id"], name="lead_by_company"),
            models.Index(fields=["last_name", "first_name", "id"], name="lead_by_name"),
            models.Index(fields=["company_domain"], name="lead_by_domain", condition=~Q(company_domain="")),
            # An address is stored as it was spelt and looked for in any spelling.
            models.Index(Lower("email_work"), name="lead_by_work_address", condition=~Q(email_work="")),
            models.Index(Lower("email_personal"), name="lead_by_own_address", condition=~Q(email_personal="")),
            models.Index(fields=["phone"], name="lead_by_phone", condition=~Q(phone="")),
            models.Index(
                OpClass(Reverse("phone"), name="text_pattern_ops"),
                name="lead_by_phone_end",
                condition=~Q(phone=""),
            ),
            models.Index(fields=["ghl_contact_id"], name="lead_by_contact", condition=~Q(ghl_contact_id="")),
            models.Index(
                fields=["instantly_lead_id"], name="lead_by_campaign_lead", condition=~Q(instantly_lead_id="")
            ),
            models.Index(
                fields=["-dispatch_priority", "dispatch_after", "id"],
                name="lead_due_dispatch",
                condition=Q(dispatch_after__isnull=False),
            ),
            models.Index(fields=["clay_table_id"], name="lead_by_table", condition=Q(clay_row_id__isnull=False)),
            models.Index(fields=["retention_until", "id"], name="lead_by_retention"),
            models.Index(fields=["scraped_at", "id"], name="lead_untold", condition=Q(notified_at__isnull=True)),
            models.Index(
                NoticeDue("scraped_at", "first_disclosed_at"),
                "id",
                name="lead_by_notice_due",
                condition=Q(notified_at__isnull=True),
            ),
            models.Index(
                fields=["first_disclosed_at"],
                name="lead_used_untold",
                condition=Q(notified_at__isnull=True, first_disclosed_at__isnull=False),
            ),
            models.Index(
                fields=["write_back_after", "id"],
                name="lead_due_write_back",
                condition=Q(write_back_after__isnull=False),
            ),
            models.Index(fields=["-received_at", "-id"], name="lead_for_person", condition=Q(needs_person=True)),
            models.Index(
                fields=["-received_at", "-id"],
                name="lead_drifting",
                condition=Q(clay_score__lt=models.F("icp_score")) | Q(clay_score__gt=models.F("icp_score")),
            ),
            models.Index(
                fields=["in_progress_since"],
                name="lead_in_clay",
                condition=Q(enrichment_status="in_progress"),
            ),
            models.Index(
                models.F("error_kind"),
                models.F("error_provider"),
                Shape("error_message"),
                models.F("error_at").desc(nulls_last=True),
                name="lead_failing",
                condition=FAILING,
            ),
            models.Index(
                fields=["id"],
                name="lead_write_back_stuck",
                condition=Q(write_back_tries__gt=0, write_back_after__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="lead_to_score_again",
                condition=Q(icp_score__isnull=False, scored_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Lead {self.pk}"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def email(self) -> str:
        """The best available e-mail: work preferred (specification, output fields)."""
        return self.email_work or self.email_personal

    @property
    def identity(self) -> Identity:
        """What the person can be found by (D16), for the gate."""
        return Identity(self.linkedin_url, tuple(e for e in (self.email_work, self.email_personal) if e), self.phone)

    @property
    def awaits_word(self) -> bool:
        """Its answer named a suppressed person: nothing leaves before somebody says whether the two are one."""
        return self.needs_person and self.error_kind == NAMED_SUPPRESSED

    @property
    def is_overdue(self) -> bool:
        """No result of its run came in time, and somebody has to say what happens."""
        return self.needs_person and self.error_kind in OVERDUE_KINDS

    @property
    def awaits_fill_in(self) -> bool:
        """Ended, and still to be asked about from the providers in `only_providers` (see FILL_IN)."""
        ended = self.enrichment_status in FINAL_STATUSES
        return ended and bool(self.only_providers) and not self.restriction

    @property
    def drift(self) -> float | None:
        """Clay's score minus ours, in points; None unless both are known and of the same values."""
        if self.icp_score is None or self.clay_score is None or self.clay_score_is_older:
            return None
        return self.clay_score - self.icp_score

    @property
    def clay_score_is_older(self) -> bool:
        """Clay's score is another than ours, and was read before Clay's row took values of ours."""
        return self.clay_rewritten_at is not None and self.clay_score != self.icp_score

    def values(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}
