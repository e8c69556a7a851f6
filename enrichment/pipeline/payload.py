"""What the other systems are sent of a lead, and the hash that tells whether it was sent already."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from enrichment.models import Lead
from enrichment.models.handover import System

# GoHighLevel has no native job title, industry, size or score: they go as custom fields (vendor contract).
GHL_CUSTOM = (
    "linkedin_url", "title", "company_industry", "company_size", "company_revenue", "company_location",
    "tech_stack", "funding_stage", "funding_amount", "email_personal", "icp_score", "icp_tier", "source_type",
    "source_name", "source_url", "engagement_action", "engagement_content", "clay_record_id",
)  # fmt: skip
# Instantly's custom variables are text, number, boolean or null only.
INSTANTLY_CUSTOM = (
    "linkedin_url", "company_industry", "company_size", "funding_stage", "icp_score", "icp_tier", "source_type",
    "source_name", "tech_stack",
)  # fmt: skip
CAMPAIGN_TIERS = (1, 2)
OUR_TAG = "swarm"  # on every contact that a lead was delivered to


def plain(number: float | None) -> int | float | None:
    """250.0 → 250: a whole number is sent as one."""
    return int(number) if number is not None and float(number).is_integer() else number


def _custom(lead: Lead, names: tuple[str, ...]) -> dict[str, Any]:
    special = {
        "icp_tier": f"Tier {lead.icp_tier}" if lead.icp_tier else "",
        "clay_record_id": lead.clay_row_id or "",
        "tech_stack": ", ".join(lead.tech_stack),
        "company_size": plain(lead.company_size),
        "icp_score": plain(lead.icp_score),
    }
    values = {name: special[name] if name in special else getattr(lead, name) for name in names}
    return {name: value for name, value in values.items() if value not in ("", None)}


def ghl_contact(lead: Lead) -> dict[str, Any]:
    """The contact as `vendors.ghl.ContactIn` takes it."""
    contact = {
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "email": lead.email,
        "phone": lead.phone,
        "company_name": lead.company_name,
        "website": lead.company_domain or lead.company_page,
        "source": lead.source_name,
    }
    fields = [{"key": name, "field_value": value} for name, value in _custom(lead, GHL_CUSTOM).items()]
    return {**{name: value for name, value in contact.items() if value}, "custom_fields": fields}


def ghl_tags(lead: Lead) -> list[str]:
    """Lower case, as GoHighLevel keeps them."""
    tier = [f"icp tier {lead.icp_tier}"] if lead.icp_tier else []
    return [OUR_TAG, *tier, lead.source_type.replace("_", " ")]


def outdated_tags(lead: Lead) -> list[str]:
    """The tags of the tiers the lead is not in."""
    return [f"icp tier {tier}" for tier in (1, 2, 3) if tier != lead.icp_tier]


def instantly_lead(lead: Lead) -> dict[str, Any]:
    """The lead as `vendors.instantly.LeadIn` takes it."""
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
    return {**filled, "custom_variables": _custom(lead, INSTANTLY_CUSTOM)}


def wanted(lead: Lead, system: str) -> bool:
    """Whether the lead belongs in the system: a contact needs an e-mail or a phone, a campaign an e-mail and its tier.

    One that has fallen out of the campaign's tiers stays there as it is: nothing more is sent of it (specification,
    webhook handler: Tier 1 and 2 go to the campaign). One that is only kept, or past its retention, belongs nowhere.
    """
    if lead.restriction or lead.retention_until <= timezone.now():
        return False
    if system == System.GHL:
        return bool(lead.email or lead.phone)
    return bool(lead.email) and lead.icp_tier in CAMPAIGN_TIERS


def payload(lead: Lead, system: str) -> dict[str, Any]:
    if system == System.GHL:
        return {**ghl_contact(lead), "tags": ghl_tags(lead)}
    return instantly_lead(lead)


def payload_hash(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
