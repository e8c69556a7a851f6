"""One delivery to GoHighLevel: upsert without tags, then the tags, each added without loss."""

from dataclasses import dataclass, field

from enrichment.models import Lead
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.payload import ghl_contact, ghl_tags, outdated_tags
from enrichment.vendors import limiter
from enrichment.vendors.connections import ghl
from enrichment.vendors.errors import VendorError
from enrichment.vendors.ghl import LIMIT, Contact


@dataclass(frozen=True)
class Sent:
    """The record at the other side, and the fields that are stored otherwise than sent."""

    external_id: str
    differences: set[str] = field(default_factory=set)


def scope() -> str:
    return ghl().scope()


def send(lead: Lead, unsure: bool) -> Sent:
    """Upsert and tag; after an unknown outcome the contact is looked up first (D12). Raises VendorError."""
    client = ghl()
    if unsure:
        found = client.find_duplicate(email=lead.email or None, number=lead.phone or None)
        if found is not None and _same(found, lead):
            return Sent(found.id, _finish(found, lead))
    result = client.upsert_contact(ghl_contact(lead))
    differences = {*result.differs, *_finish(result.contact, lead)}
    if lead.ghl_contact_id and result.contact.id != lead.ghl_contact_id:
        differences.add("contact")
    return Sent(result.contact.id, differences)


def _same(found: Contact, lead: Lead) -> bool:
    """True when the lost call took effect: the contact holds the name and company that were sent."""
    told = (found.first_name, found.last_name, found.company_name)
    return found.email.casefold() == lead.email.casefold() and told == (
        lead.first_name,
        lead.last_name,
        lead.company_name,
    )


def _finish(contact: Contact, lead: Lead) -> set[str]:
    """Tags the contact; the fields it then holds otherwise than sent."""
    tags = _tag(contact.id, contact.tags, lead)
    wanted = compare.sent(lead, System.GHL)
    stored = {**compare.in_contact(_whole(contact), wanted), "tags": tags}
    return compare.differing(lead, wanted, stored)


def _whole(contact: Contact) -> Contact:
    """The contact with its custom fields: read where the answer left them out and there is a slot to spare."""
    if compare.tells_custom_fields(contact) or limiter.take(LIMIT, scope()):
        return contact
    try:
        return ghl().get_contact(contact.id) or contact
    except VendorError:
        return contact  # the delivery itself is done


def _tag(contact_id: str, present: list[str], lead: Lead) -> list[str]:
    """Brings the contact's tags up to date; all it then has, lower case."""
    client = ghl()
    held = [str(tag).casefold() for tag in present]
    if missing := [tag for tag in ghl_tags(lead) if tag not in held]:
        told = client.add_tags(contact_id, missing)
        held = [*held, *missing] if told is None else [tag.casefold() for tag in told]
    if outdated := [tag for tag in outdated_tags(lead) if tag in held]:
        told = client.remove_tags(contact_id, outdated)
        left = [tag for tag in held if tag not in outdated]
        held = left if told is None else [tag.casefold() for tag in told]
    return held
