"""Invented rows for tests."""

import datetime
from typing import Any

import factory
from django.conf import settings
from django.utils import timezone

from enrichment.models import BulkJob, Disclosure, FieldFact, Lead
from enrichment.models.job import JobKind

RETENTION = datetime.timedelta(days=settings.RETENTION_DAYS)


class LeadFactory(factory.django.DjangoModelFactory):
    """A lead as intake leaves it: pending, due for dispatch."""

    class Meta:
        model = Lead

    linkedin_url = factory.Sequence(lambda n: f"https://www.linkedin.com/in/person-{n}")
    first_name = "Ada"
    last_name = factory.Sequence(lambda n: f"Example{n}")
    company_name = "Acme Inc"
    source_type = "competitor_follower"
    source_name = "Gong.io"
    scraped_at = factory.LazyFunction(lambda: timezone.now() - datetime.timedelta(days=1))
    retention_until = factory.LazyAttribute(lambda lead: lead.scraped_at + RETENTION)
    dispatch_after = factory.LazyFunction(timezone.now)
    dispatch_priority = 10


class EnrichedLeadFactory(LeadFactory):
    """A lead that is completed, scored and known to Clay."""

    email_work = factory.LazyAttribute(lambda lead: f"{lead.first_name}.{lead.last_name}@acme.example".lower())
    phone = "+14155551234"
    title = "VP of Revenue Operations"
    company_domain = "acme.example"
    company_industry = "SaaS"
    company_size = 250.0
    tech_stack = factory.LazyFunction(lambda: ["Salesforce", "Gong"])
    funding_stage = "Series B"
    icp_score = 85.0
    icp_tier = 1
    enrichment_status = "completed"
    enriched_at = factory.LazyFunction(timezone.now)
    clay_row_id = factory.Sequence(lambda n: f"row_{n}")
    clay_table_id = "tbl_test"
    dispatch_after = None


class FailedLeadFactory(LeadFactory):
    """A lead whose enrichment was given up: failed, known to Clay, for a person to see."""

    enrichment_status = "failed"
    error_kind = "delay"
    error_message = "502 apollo failed"
    error_provider = "apollo"
    error_at = factory.LazyFunction(timezone.now)
    needs_person = True
    enrichment_cost = "0.0300"
    clay_row_id = factory.Sequence(lambda n: f"failed_row_{n}")
    clay_table_id = "tbl_test"
    dispatch_after = None


class FieldFactFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = FieldFact

    lead = factory.SubFactory(LeadFactory)
    field = "email_work"
    provider = "apollo"
    observed_at = factory.LazyFunction(timezone.now)


class DisclosureFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Disclosure

    lead = factory.SubFactory(LeadFactory)
    system = "ghl"
    action = "create_contact"
    fields = factory.LazyFunction(lambda: ["email"])


class ImportJobFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BulkJob

    kind = JobKind.IMPORT


def lead_row(**changes: Any) -> dict[str, Any]:
    """A valid row of intake: the specification's example, scraped yesterday. `None` removes a field."""
    row = {
        "linkedin_url": "https://www.linkedin.com/in/johndoe",
        "first_name": "John",
        "last_name": "Doe",
        "company_name": "Acme Inc",
        "source_type": "competitor_follower",
        "source_name": "Gong.io",
        "source_url": "https://www.linkedin.com/company/gong-io/followers/",
        "scraped_at": (timezone.now() - datetime.timedelta(days=1)).isoformat(),
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def lead_rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """`count` valid rows of different people."""
    return [lead_row(linkedin_url=f"https://www.linkedin.com/in/person-{n}", **changes) for n in range(count)]
