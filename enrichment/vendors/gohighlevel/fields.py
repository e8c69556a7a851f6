"""A lead in GoHighLevel's words: what a contact is sent, what it then holds, and what a correction means there."""

from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.lead_values import as_text, corrected_lead, custom_values, is_same_value
from swarm_admin.core.identifiers.emails import key as email_key

# GoHighLevel has no native job title, industry, size or score: they go as custom fields (vendor contract).
CUSTOM = (
    "linkedin_url", "title", "company_industry", "company_size", "company_revenue", "company_location",
    "tech_stack", "funding_stage", "funding_amount", "email_personal", "icp_score", "icp_tier", "source_type",
    "source_name", "source_url", "engagement_action", "engagement_content", "clay_record_id",
)  # fmt: skip
OUR_TAG = "swarm"  # on every contact that a lead was delivered to
NAMES = {"first_name": "firstName", "last_name": "lastName", "company_name": "companyName"}
CORRECTED = {"first_name": "first_name", "last_name": "last_name", "company_name": "company_name", "phone": "phone",
             "company_domain": "website", "source_name": "source"}  # fmt: skip


def is_deliverable(lead: Lead) -> bool:
    """A contact needs an e-mail or a phone."""
    return bool(lead.email or lead.phone)


def contact_of(lead: Lead) -> dict[str, Any]:
    """The contact as `ContactIn` takes it."""
    contact = {
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "email": lead.email,
        "phone": lead.phone,
        "company_name": lead.company_name,
        "website": lead.company_domain or lead.company_page,
        "source": lead.source_name,
    }
    fields = [{"key": name, "field_value": value} for name, value in custom_values(lead, CUSTOM).items()]
    return {**{name: value for name, value in contact.items() if value}, "custom_fields": fields}


def tags_of(lead: Lead) -> list[str]:
    """Lower case, as GoHighLevel keeps them."""
    tier = [f"icp tier {lead.icp_tier}"] if lead.icp_tier else []
    return [OUR_TAG, *tier, lead.source_type.replace("_", " ")]


def outdated_tags(lead: Lead) -> list[str]:
    """The tags of the tiers the lead is not in."""
    return [f"icp tier {tier}" for tier in (1, 2, 3) if tier != lead.icp_tier]


def payload(lead: Lead) -> dict[str, Any]:
    """All that a delivery sends."""
    return {**contact_of(lead), "tags": tags_of(lead)}


def sent_values(lead: Lead) -> dict[str, Any]:
    """{field: value} of the same; custom fields and tags by their names."""
    contact = contact_of(lead)
    custom = {entry["key"]: entry["field_value"] for entry in contact.pop("custom_fields")}
    return {**contact, **custom, "tags": tags_of(lead)}


def stored_values(contact: Contact, names: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} of a contact for the fields of `names` (those sent, with their values).

    GoHighLevel may name a custom field by its id alone; then its value is taken as found where any field
    without a name holds it. An answer without any custom fields says nothing about them: they are left out.
    """
    named, nameless = _custom_fields(contact)
    stored: dict[str, Any] = {}
    for name, value in names.items():
        key = NAMES.get(name, name)
        if name == "tags":
            stored[name] = list(contact.tags)
        elif name in ("first_name", "last_name", "email", "phone", "company_name", "website", "source"):
            stored[name] = contact.raw.get(key)
        elif name in named:
            stored[name] = named[name]
        elif has_custom_fields(contact):
            stored[name] = next((held for held in nameless if is_same_value(name, value, held)), None)
    return stored


def has_custom_fields(contact: Contact) -> bool:
    return isinstance(contact.raw.get("customFields"), list)


def unreadable_fields(contact: Contact, names: Mapping[str, Any]) -> set[str]:
    """The custom fields of `names` whose value cannot be told: the contact names some by their ids alone, or none."""
    named, nameless = _custom_fields(contact)
    if not nameless and has_custom_fields(contact):
        return set()
    return {name for name in names if name in CUSTOM and name not in named}


def _custom_fields(contact: Contact) -> tuple[dict[str, Any], list[Any]]:
    named: dict[str, Any] = {}
    nameless = []
    for entry in contact.custom_fields:
        if not isinstance(entry, dict):
            continue
        value = entry.get("value", entry.get("field_value", entry.get("fieldValue")))
        key = entry.get("key") or entry.get("fieldKey")
        if isinstance(key, str) and key:
            named[key.removeprefix("contact.")] = value
        else:
            nameless.append(value)
    return named, nameless


def correction(
    contact: Contact, written: Mapping[str, Any], lead: Lead | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What corrected fields of ours (`written`) mean there.

    Returns (body of an update with `company_name` beside it, {our field: what the contact held}).
    """
    native = {ours: theirs for ours, theirs in CORRECTED.items() if ours in written}
    changes: dict[str, Any] = {theirs: as_text(written[ours]) for ours, theirs in native.items()}
    custom = [name for name in CUSTOM if name in written]
    if custom:
        changes["custom_fields"] = [{"key": name, "field_value": as_text(written[name])} for name in custom]
    held = stored_values(contact, {**dict.fromkeys(native.values(), ""), **dict.fromkeys(custom, "")})
    before = {ours: held.get(theirs) for ours, theirs in native.items()} | {name: held.get(name) for name in custom}
    addresses, replaced = _addresses(contact, written, lead)
    return {**changes, **addresses}, {**before, **replaced}


def _addresses(
    contact: Contact, written: Mapping[str, Any], lead: Lead | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one address that a contact has of us is the best of the lead's two."""
    fields = [name for name in ("email_work", "email_personal") if name in written]
    if not fields:
        return {}, {}
    if lead is None:
        return {"email": written[fields[0]]}, {fields[0]: contact.email}
    best, stale = corrected_lead(lead, written).email, {email_key(getattr(lead, name)) for name in fields} - {""}
    changes: dict[str, Any] = {}
    if email_key(contact.email) != email_key(best):
        changes["email"] = best
    addresses = [
        e for e in contact.additional_emails if isinstance(e, dict) and email_key(str(e.get("email", ""))) not in stale
    ]
    if len(addresses) != len(contact.additional_emails):
        changes["additional_emails"] = [{"email": str(entry["email"])} for entry in addresses]
    return changes, {name: contact.email for name in fields if "email" in changes}
