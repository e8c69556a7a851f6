"""The contacts there are before anything is sent: the lead's own, and those with its e-mail or its number."""

from collections.abc import Iterator
from dataclasses import dataclass

from enrichment.models import Lead
from enrichment.vendors import limiter
from enrichment.vendors.connections import ghl
from enrichment.vendors.errors import VendorError
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.lead_values import is_same_value
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key


@dataclass(frozen=True)
class ContactLookup:
    """Each with its custom fields. `own`: the contact the lead is linked to; None also where it is gone.

    The other two are asked for only where a contact found before does not hold the e-mail or the number already.
    """

    own: Contact | None = None
    by_email: Contact | None = None
    by_number: Contact | None = None

    def contacts(self) -> Iterator[Contact]:
        yield from (each for each in (self.own, self.by_email, self.by_number) if each is not None)


def calls(lead: Lead, there: str = "") -> int:
    """How many calls a look makes at most, where the answers tell custom fields."""
    return bool(there or lead.ghl_contact_id) + len(_spellings(lead)) + bool(lead.phone)


def find_contacts(lead: Lead, slots: limiter.Slots, there: str = "") -> ContactLookup:
    """`there`: the contact that this very delivery has written to already. Touches no database: it runs beside others.

    Raises VendorError.
    """
    own = by_email = by_number = None
    if known := there or lead.ghl_contact_id:
        slots.use()
        own = ghl().get_contact(known)
    if lead.email and not (own and has_email(own, lead.email)):
        contacts = (_find(slots, email=spelling) for spelling in _spellings(lead))
        by_email = next((contact for contact in contacts if contact is not None), None)
    if lead.phone and not any(contact and has_number(contact, lead.phone) for contact in (own, by_email)):
        by_number = _find(slots, number=lead.phone)
    return ContactLookup(own, by_email, by_number)


def _spellings(lead: Lead) -> list[str]:
    """Of the lead's e-mail, ours first: a contact made by hand may have its host in its own script."""
    return as_kept_elsewhere([lead.email]) if lead.email else []


def has_email(contact: Contact, email: str) -> bool:
    """As its first address, which is the one an upsert goes by."""
    return bool(email) and email_key(contact.email) == email_key(email)


def has_number(contact: Contact, number: str) -> bool:
    return bool(number) and is_same_value("phone", number, contact.phone)


def _find(slots: limiter.Slots, **by: str) -> Contact | None:
    """A 422 of the look-up says nothing about the lead: the upsert takes the value or says why not."""
    slots.use()
    try:
        contact = ghl().find_duplicate(**by)
    except VendorError as error:
        if error.status != 422:
            raise
        return None
    if contact is None or contact_fields.has_custom_fields(contact):
        return contact
    slots.use()
    return ghl().get_contact(contact.id)
