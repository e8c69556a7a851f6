"""The output payload of the specification, as the API serves it."""

from typing import Any

from enrichment.leads.provenance import flat_provenance, nested_provenance, timestamp
from enrichment.models import Lead
from enrichment.vendors.lead_values import plain_number

NAMES = (
    "linkedin_url", "first_name", "last_name", "email", "email_personal", "phone", "title", "company_name",
    "company_domain", "company_industry", "company_size", "company_revenue", "company_location", "tech_stack",
    "funding_stage", "funding_amount", "icp_score", "icp_tier", "source_type", "source_name", "source_url",
    "engagement_action", "engagement_content",
)  # fmt: skip


def payload(lead: Lead, *, full: bool = False) -> dict[str, Any]:
    """The 26 output fields, in the specification's order and all of them always; a missing value is null.

    `email` is the work address where there is one, else the personal one. `full` gives the nested
    provenance document in place of the flat one.
    """
    special = {
        "company_size": plain_number(lead.company_size),
        "icp_score": plain_number(lead.icp_score),
        "icp_tier": f"Tier {lead.icp_tier}" if lead.icp_tier else None,
        "tech_stack": list(lead.tech_stack),
    }
    values = {name: special[name] if name in special else getattr(lead, name) or None for name in NAMES}
    return {
        **values,
        "provenance": nested_provenance(lead) if full else flat_provenance(lead),
        "enriched_at": timestamp(lead.enriched_at),
        "clay_record_id": lead.clay_row_id,
    }
