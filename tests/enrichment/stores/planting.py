"""One person in all four systems, and others around them."""

from typing import Any

from enrichment.models import Lead
from enrichment.vendors.connections import clay, ghl, instantly
from gdpr.identity import Identity
from tests.factories import DisclosureFactory, EnrichedLeadFactory, FieldFactFactory

TABLE = "tbl_test"
URL = "https://www.linkedin.com/in/erika-mustermann"
WORK, OWN, PHONE = "Erika.Mustermann@acme.example", "erika@home.example", "+14155550101"
IDENTITY = Identity(URL, (WORK.lower(), OWN), PHONE)


def in_the_mirror(**changes: Any) -> Lead:
    """A lead with everything that the ledger keeps beside it."""
    values: dict[str, Any] = {
        "linkedin_url": URL,
        "first_name": "Erika",
        "last_name": "Mustermann",
        "email_work": WORK,
        "email_personal": OWN,
        "phone": PHONE,
        "clay_row_id": None,
        "clay_table_id": "",
    }
    lead = EnrichedLeadFactory(**{**values, **changes})
    FieldFactFactory(lead=lead, field="email_work", provider="apollo")
    DisclosureFactory(lead=lead, fields=["email", "first_name"])
    return lead


def in_clay(lead: Lead, *, known: bool = True, **columns: Any) -> str:
    """A row of the lead's person; the mirror knows it unless told otherwise."""
    (row,) = clay().create_rows(TABLE, [{"linkedin_url": lead.linkedin_url, "first_name": lead.first_name}])
    values = {"email_work": lead.email_work, "email_personal": lead.email_personal, "phone": lead.phone}
    clay().update_row(TABLE, row.id, {**values, **columns})
    if known:
        Lead.objects.filter(pk=lead.pk).update(clay_row_id=row.id, clay_table_id=TABLE)
        lead.refresh_from_db()
    return row.id


def in_ghl(lead: Lead, *, known: bool = True, **fields: Any) -> str:
    contact = {
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "email": lead.email,
        "phone": lead.phone,
        "company_name": lead.company_name,
        "custom_fields": [{"key": "title", "field_value": lead.title}],
    }
    told = ghl().upsert_contact({**contact, **fields}).contact.id
    if known:
        Lead.objects.filter(pk=lead.pk).update(ghl_contact_id=told)
        lead.refresh_from_db()
    return told


def in_instantly(lead: Lead, *, known: bool = True, campaign: str = "campaign", email: str = "") -> str:
    values = {"email": email or lead.email, "first_name": lead.first_name, "last_name": lead.last_name}
    told = instantly().add_lead({**values, "phone": lead.phone, "job_title": lead.title}, campaign).id
    if known:
        Lead.objects.filter(pk=lead.pk).update(instantly_lead_id=told)
        lead.refresh_from_db()
    return told


def everywhere(**changes: Any) -> Lead:
    """The person in the mirror, Clay, GoHighLevel and Instantly."""
    lead = in_the_mirror(**changes)
    in_clay(lead)
    in_ghl(lead)
    in_instantly(lead)
    return lead
