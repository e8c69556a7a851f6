"""What the API's answers hold, to the field: the description is made of it, and every answer is checked against it."""

import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import BaseModel, ConfigDict, Field

from enrichment.models import SourceType
from enrichment.states import EnrichmentStatus

# ISO 8601 in UTC, written as text already: 2026-01-15T10:05:00Z.
Stamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Tier = Literal["Tier 1", "Tier 2", "Tier 3"]


class Exact(BaseModel):
    """An object with these fields and no other."""

    model_config = ConfigDict(extra="forbid")


class FieldSource(Exact):
    provider: str
    field: str = Field(description="By payload field name")
    timestamp: Stamp


class FlatProvenance(Exact):
    """Provenance as in the output payload."""

    sources: list[FieldSource]
    consent_basis: str
    retention_until: Annotated[str, Field(json_schema_extra={"format": "date"})]


class Collection(Exact):
    source: str
    source_url: str | None
    collected_at: Stamp
    collector: str
    legal_basis: str


class ProviderGave(Exact):
    name: str
    fields: list[str] = Field(description="By lead field name")
    timestamp: Stamp


class Enrichment(Exact):
    providers: list[ProviderGave]
    completed_at: Stamp | None


class Processing(Exact):
    purpose: str
    legal_basis: str
    documented_interest: str
    retention_days: int
    retention_until: Stamp


class Access(Exact):
    system: str
    timestamp: Stamp
    action: str


class FullProvenance(Exact):
    """Full provenance: `provenance=full`."""

    collection: Collection
    enrichment: Enrichment
    processing: Processing
    access_log: list[Access]


class LeadOut(Exact):
    """The lead's status, then the output payload: every field is always present, missing values are null."""

    id: int
    enrichment_status: EnrichmentStatus
    updated_at: datetime.datetime = Field(description="When the lead last changed")
    fill_in_providers: list[str] = Field(description="Providers still due to fill in an enriched lead; empty if none")
    fill_in_due_at: datetime.datetime | None = Field(description="Earliest time; null if now or none")
    linkedin_url: str
    first_name: str | None
    last_name: str | None
    email: str | None = Field(description="The work address if available, else the personal one")
    email_personal: str | None
    phone: str | None
    title: str | None
    company_name: str | None
    company_domain: str | None
    company_industry: str | None
    company_size: int | float | None
    company_revenue: str | None
    company_location: str | None
    tech_stack: list[str]
    funding_stage: str | None
    funding_amount: str | None
    icp_score: int | float | None
    icp_tier: Tier | None
    source_type: SourceType
    source_name: str
    source_url: str | None
    engagement_action: str | None
    engagement_content: str | None
    provenance: FlatProvenance | FullProvenance
    enriched_at: Stamp | None
    clay_record_id: str | None


class LeadPage(Schema):
    model_config = ConfigDict(extra="forbid")

    leads: list[LeadOut]
    next_cursor: int | None = Field(description="`cursor` of the next page; null on the last page")
