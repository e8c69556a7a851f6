"""A lead in Instantly's words: what a campaign is sent, what it then holds, and what a correction means there."""

from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.vendors.instantly.client import Lead as CampaignLead
from enrichment.vendors.lead_values import as_text, corrected_lead, custom_values
from swarm_admin.core.identifiers.emails import key as email_key

# Instantly's custom variables are text, number, boolean or null only.
CUSTOM = (
    "linkedin_url", "company_industry", "company_size", "funding_stage", "icp_score", "icp_tier", "source_type",
    "source_name", "tech_stack",
)  # fmt: skip
CAMPAIGN_TIERS = (1, 2)
CORRECTED = {"first_name": "first_name", "last_name": "last_name", "company_name": "company_name", "phone": "phone",
             "title": "job_title", "company_domain": "website"}  # fmt: skip


def is_deliverable(lead: Lead) -> bool:
    """A campaign needs an e-mail, and takes the leads of its tiers (specification, webhook handler)."""
    return bool(lead.email) and lead.icp_tier in CAMPAIGN_TIERS


def lead_of(lead: Lead) -> dict[str, Any]:
    """The lead as `LeadIn` takes it."""
    values = {
        "email": lead.email,
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "company_name": lead.company_name,
        "job_title": lead.title,
        "phone": lead.phone,
        "website": lead.company_domain or lead.company_page,
    }
    filled = {name: value for name, value in values.items() if value}
    return {**filled, "custom_variables": custom_values(lead, CUSTOM)}


def sent_values(lead: Lead) -> dict[str, Any]:
    """{field: value} of the same; custom variables by their names."""
    values = lead_of(lead)
    custom = values.pop("custom_variables")
    return {**values, **custom}


def stored_values(record: CampaignLead, names: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} of a campaign's lead for the fields of `names`; custom variables are in its `payload`."""
    return {name: record.raw[name] if record.raw.get(name) is not None else record.payload.get(name) for name in names}


def correction(
    record: CampaignLead, written: Mapping[str, Any], lead: Lead | None
) -> tuple[dict[str, Any], str | None, dict[str, Any]]:
    """What corrected fields of ours (`written`) mean there.

    Returns (body of an update, the new e-mail or None where it stays, {our field: what the record held}).
    """
    native = {ours: theirs for ours, theirs in CORRECTED.items() if ours in written}
    changes: dict[str, Any] = {theirs: as_text(written[ours]) for ours, theirs in native.items()}
    before = {ours: record.raw.get(theirs) for ours, theirs in native.items()}
    custom = {name: as_text(written[name]) for name in CUSTOM if name in written}
    if custom:
        changes["custom_variables"] = custom
        before |= {name: record.payload.get(name) for name in custom}
    fields = [name for name in ("email_work", "email_personal") if name in written]
    if not fields:
        return changes, None, before
    best = corrected_lead(lead, written).email if lead is not None else str(written[fields[0]])
    if email_key(best) == email_key(record.email):
        return changes, None, before
    return changes, best, before | {fields[0]: record.email}
