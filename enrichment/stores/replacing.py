"""What a corrected field means in the words of GoHighLevel and Instantly."""

import copy
from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.pipeline.compare import in_contact
from enrichment.pipeline.payload import GHL_CUSTOM, INSTANTLY_CUSTOM
from enrichment.stores.values import shown
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.instantly.client import Lead as CampaignLead
from swarm_admin.core.identifiers.emails import key as email_key

_GHL = {"first_name": "first_name", "last_name": "last_name", "company_name": "company_name", "phone": "phone",
        "company_domain": "website", "source_name": "source"}  # fmt: skip
_INSTANTLY = {"first_name": "first_name", "last_name": "last_name", "company_name": "company_name", "phone": "phone",
              "title": "job_title", "company_domain": "website"}  # fmt: skip


def corrected(lead: Lead, written: Mapping[str, Any]) -> Lead:
    """The lead as it will be; nothing is saved."""
    after = copy.copy(lead)
    for name, value in written.items():
        setattr(after, name, value)
    return after


def contact_changes(
    contact: Contact, written: Mapping[str, Any], lead: Lead | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(body of an update with `company_name` beside it, {our field: what the contact held})."""
    native = {ours: theirs for ours, theirs in _GHL.items() if ours in written}
    changes: dict[str, Any] = {theirs: shown(written[ours]) for ours, theirs in native.items()}
    custom = [name for name in GHL_CUSTOM if name in written]
    if custom:
        changes["custom_fields"] = [{"key": name, "field_value": shown(written[name])} for name in custom]
    held = in_contact(contact, {**dict.fromkeys(native.values(), ""), **dict.fromkeys(custom, "")})
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
    best, stale = corrected(lead, written).email, {email_key(getattr(lead, name)) for name in fields} - {""}
    changes: dict[str, Any] = {}
    if email_key(contact.email) != email_key(best):
        changes["email"] = best
    kept = [
        e for e in contact.additional_emails if isinstance(e, dict) and email_key(str(e.get("email", ""))) not in stale
    ]
    if len(kept) != len(contact.additional_emails):
        changes["additional_emails"] = [{"email": str(entry["email"])} for entry in kept]
    return changes, {name: contact.email for name in fields if "email" in changes}


def campaign_changes(
    record: CampaignLead, written: Mapping[str, Any], lead: Lead | None
) -> tuple[dict[str, Any], str | None, dict[str, Any]]:
    """(body of an update, the new e-mail or None where it stays, {our field: what the record held})."""
    native = {ours: theirs for ours, theirs in _INSTANTLY.items() if ours in written}
    changes: dict[str, Any] = {theirs: shown(written[ours]) for ours, theirs in native.items()}
    before = {ours: record.raw.get(theirs) for ours, theirs in native.items()}
    custom = {name: shown(written[name]) for name in INSTANTLY_CUSTOM if name in written}
    if custom:
        changes["custom_variables"] = custom
        before |= {name: record.payload.get(name) for name in custom}
    fields = [name for name in ("email_work", "email_personal") if name in written]
    if not fields:
        return changes, None, before
    best = corrected(lead, written).email if lead is not None else str(written[fields[0]])
    if email_key(best) == email_key(record.email):
        return changes, None, before
    return changes, best, before | {fields[0]: record.email}
