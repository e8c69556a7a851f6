"""The stock admin with a changelist of leads: the columns, filters and pages of the product's list."""

from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import F
from django.urls import path

from enrichment.leads.listing import PAGE_SIZES
from enrichment.models import Lead

site = AdminSite()


@admin.register(Lead, site=site)
class LeadAdmin(ModelAdmin):
    list_display = (
        "full_name", "company_name", "title", "icp_tier", "score", "enrichment_status", "source_type", "received_at",
    )  # fmt: skip
    list_filter = ("enrichment_status", "icp_tier", "source_type")
    search_fields = (
        "first_name", "last_name", "company_name", "title", "email_work", "email_personal", "linkedin_url",
    )  # fmt: skip
    list_per_page = PAGE_SIZES[0]
    ordering = ("-received_at", "-id")  # an index of the product gives it

    @admin.display(ordering=F("icp_score").asc(nulls_first=True))  # and this, descending
    def score(self, lead: Lead) -> float | None:
        return lead.icp_score


urlpatterns = [path("admin/", site.urls)]
