"""Deliveries to GoHighLevel: upsert without tags, then the tags, each added without loss."""

import time
from collections.abc import Iterable, Sequence

from enrichment import fanout, stopping
from enrichment.models import Lead
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.payload import ghl_contact, ghl_tags, outdated_tags
from enrichment.pipeline.sent import Asked, HalfSent, NotSent, Outcome, Sent
from enrichment.vendors import limiter
from enrichment.vendors.connections import ghl
from enrichment.vendors.errors import VendorError
from enrichment.vendors.ghl import LIMIT, Contact


def scope() -> str:
    return ghl().scope()


def send_all(asked: Sequence[Asked], until: float) -> list[Outcome]:
    """Upsert and tag each lead; none is begun after `until`, in the process's monotonic seconds."""
    if not asked:
        return []

    def call(one: Asked) -> Sent | NotSent | HalfSent:
        return NotSent() if stopping.asked() or time.monotonic() > until else _send(one)

    return fanout.each(asked, call, vendor="ghl", changes=True)


def _send(one: Asked) -> Sent | NotSent | HalfSent:
    """Raises VendorError. All slots it may need are taken at once, and the others given back."""
    slots = limiter.reserve(LIMIT, scope(), _calls(one.lead, one.unsure))
    if slots.wait:
        return NotSent(slots.wait)
    sent = _deliver(one, slots)
    slots.give_back()
    return sent


def _calls(lead: Lead, unsure: bool) -> int:
    """Upsert and tags; tags to be taken away of a contact there was; the look-up."""
    return 2 + bool(lead.ghl_contact_id or unsure) + unsure


def _deliver(one: Asked, slots: limiter.Slots) -> Sent | HalfSent:
    client, lead = ghl(), one.lead
    if one.there:
        slots.use()
        if contact := client.get_contact(one.there):
            return _finished(contact, lead, slots)
    if one.unsure:
        slots.use()
        found = _look_up(lead)
        if found is not None and _holds(whole := _whole(found), lead):
            return _finished(whole, lead, slots)
    slots.use()
    result = client.upsert_contact(ghl_contact(lead))
    differs = {*result.differs}
    if lead.ghl_contact_id and result.contact.id != lead.ghl_contact_id:
        differs.add("contact")
    return _finished(result.contact, lead, slots, differs)


def _finished(
    contact: Contact, lead: Lead, slots: limiter.Slots, differs: Iterable[str] = ()
) -> Sent | HalfSent:
    """The contact is there: what is wrong from here on is wrong with its tags alone."""
    try:
        return Sent(contact.id, {*differs, *_finish(contact, lead, slots)})
    except VendorError as error:
        return HalfSent(contact.id, error)


def _look_up(lead: Lead) -> Contact | None:
    """The contact there is. A 422 of the look-up says nothing about the lead: the upsert takes it or says why not."""
    try:
        return ghl().find_duplicate(email=lead.email or None, number=lead.phone or None)
    except VendorError as error:
        if error.status != 422:
            raise
        return None


def _holds(contact: Contact, lead: Lead) -> bool:
    """True when the lost call took effect: the contact holds every field that is sent; its tags are brought up to date.

    It may have been there before, so a field that differs or that its answers do not tell is sent again: that
    changes one contact, and makes none.
    """
    wanted = compare.sent(lead, System.GHL)
    del wanted["tags"]
    stored = compare.in_contact(contact, wanted)
    return stored.keys() == wanted.keys() and not compare.differing(lead, wanted, stored)


def _finish(contact: Contact, lead: Lead, slots: limiter.Slots) -> set[str]:
    """Tags the contact; the fields it then holds otherwise than sent."""
    tags = _tag(contact.id, contact.tags, lead, slots)
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


def _tag(contact_id: str, present: list[str], lead: Lead, slots: limiter.Slots) -> list[str]:
    """Brings the contact's tags up to date; all it then has, lower case."""
    client = ghl()
    held = [str(tag).casefold() for tag in present]
    if missing := [tag for tag in ghl_tags(lead) if tag not in held]:
        slots.use()
        told = client.add_tags(contact_id, missing)
        held = [*held, *missing] if told is None else [tag.casefold() for tag in told]
    if outdated := [tag for tag in outdated_tags(lead) if tag in held]:
        slots.use()
        told = client.remove_tags(contact_id, outdated)
        left = [tag for tag in held if tag not in outdated]
        held = left if told is None else [tag.casefold() for tag in told]
    return held
