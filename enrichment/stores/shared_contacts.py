"""Contacts in GoHighLevel that are not ours to delete: there before us, or of another lead as well.

At the end of a lead's retention what we wrote of it is taken out, and the contact stays. Ours are the fields that the
lead's match names, those that only we fill, and our tags; of a contact without a match of the lead, the fields that
hold the lead's own values. What another lead of the contact holds or brings up to date stays in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from enrichment.labels import field_labels
from enrichment.models import ContactMatch, ContactOwner, Lead
from enrichment.models.contact_match import LINKED
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.contacts.rule import OURS
from enrichment.stores.vendor_store import VendorStore
from enrichment.vendors.errors import VendorError
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.gohighlevel.known_fields import ghl
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from enrichment.vendors.lead_values import is_empty, is_same_value
from gdpr.stores import Capability, Record, Unsupported

EXISTING = "it was in GoHighLevel before our lead."
SHARED = "another lead has the same contact."
MATCHED = "another lead was matched with it."
NOT_KNOWN = "our lead no longer exists, so it is unclear whose contact it is."
COMPANY = "company_name"  # the update of a contact does not take it
_BY_HAND = (
    "In GoHighLevel, open contact {key}. Don't delete it: {why} Clear the fields we wrote for lead {lead} "
    "({fields}) and remove its tags ({tags}). Attach a screenshot."
)
_BY_HAND_UNKNOWN = (
    "In GoHighLevel, check whose contact {key} is: {why} Delete it if it is only this person's. Otherwise clear "
    "the fields we wrote. Attach a screenshot."
)


class SharedContacts(VendorStore[Contact]):
    """The half of GoHighLevel's store that is `gdpr.stores.SharesRecords`."""

    vendor = GOHIGHLEVEL
    reference = "ghl_contact_id"

    def why_it_stays(self, record: Record, of: Record) -> str:
        """Why the contact is not deleted with the lead; "" where it is the lead's alone."""
        lead = _lead(of)
        if lead is None:
            return NOT_KNOWN
        return _reason_shared(record.key, lead)

    def remove_our_data(self, record: Record, of: Record) -> None:
        """Raises Unsupported where the vendor refuses a part of it for good; the other parts are done then."""
        lead = _lead(of)
        if lead is None:
            raise Unsupported(Capability.ERASE)
        self._wait_for([lead.pk])
        contact = self._read(record, Capability.ERASE)
        if contact is not None:
            try:
                self._take_out(contact, Ours.of(lead, contact))
            except VendorError:
                raise Unsupported(Capability.ERASE) from None
        Lead.objects.filter(pk=lead.pk, ghl_contact_id=record.key).update(ghl_contact_id="")

    def _take_out(self, contact: Contact, ours: "Ours") -> None:
        names = ours.held() | ours.untold()
        if changes := _emptied(names - {COMPANY}):
            self._ask(Capability.ERASE, lambda key: ghl().update_contact(key, changes), contact.id)
        if tags := sorted(ours.tags()):
            self._ask(Capability.ERASE, lambda key: ghl().remove_tags(key, tags), contact.id)
        if COMPANY in names:
            self._empty_company(contact, still="" if "email" in names else contact.email)

    def _empty_company(self, contact: Contact, *, still: str) -> None:
        """By an upsert to the e-mail that stays in it; where there is none, it is a person's to do."""
        if not still:
            raise Unsupported(Capability.ERASE)
        body = {"email": still, COMPANY: ""}
        answered = self._ask(Capability.ERASE, lambda sent: ghl().upsert_contact(sent).contact, body)
        if answered.id != contact.id:
            raise Unsupported(Capability.ERASE)

    def is_our_data_gone(self, record: Record, of: Record) -> bool | None:
        """Read back: nothing of ours is in it. None: there is no such contact any more."""
        contact, lead = self._read(record, Capability.VERIFY), _lead(of)
        if contact is None:
            return None
        if lead is None:
            raise Unsupported(Capability.VERIFY)
        ours = Ours.of(lead, contact)
        return not (ours.held() or ours.tags())

    def removal_instructions(self, record: Record, of: Record) -> str:
        """What a person does instead; names of fields, never a value."""
        lead = _lead(of)
        if lead is None:
            return _BY_HAND_UNKNOWN.format(key=record.key, why=NOT_KNOWN)
        match = _match(lead, record.key)
        names = sorted({*match.written, *OURS} if match else compare.sent_values(lead, System.GHL).keys() - {"tags"})
        why = _reason_shared(record.key, lead) or SHARED
        fields, tags = field_labels(names), ", ".join(contact_fields.tags_of(lead))
        return _BY_HAND.format(key=record.key, why=why, lead=lead.pk, fields=fields, tags=tags)

    def _read(self, record: Record, capability: Capability) -> Contact | None:
        return self._get(record.key, capability)

    def _get(self, contact_id: str, capability: Capability) -> Contact | None:
        return self._ask(capability, lambda key: ghl().get_contact(key), contact_id)


def note(contact_id: str) -> str:
    """What an officer has to know before the whole contact is erased; "" where it is ours and one lead's."""
    sentences = []
    linked = ContactMatch.objects.filter(contact_id=contact_id, action__in=LINKED)
    if linked.exclude(whose=ContactOwner.OTHER_LEAD).exists():
        sentences.append("It was in GoHighLevel before our lead.")
    if (count := Lead.objects.filter(ghl_contact_id=contact_id).count()) > 1:
        sentences.append(f"{count} leads have this contact.")
    return " ".join(sentences)


def _reason_shared(contact_id: str, lead: Lead) -> str:
    """Another lead's match counts too: the contact is not simply this one's."""
    if _match(lead, contact_id):
        return EXISTING
    if _others(contact_id, lead).exists():
        return SHARED
    return MATCHED if ContactMatch.objects.filter(contact_id=contact_id, action__in=LINKED).exists() else ""


def _lead(of: Record) -> Lead | None:
    return Lead.objects.filter(pk=int(of.key.partition(":")[2])).first()


def _others(contact_id: str, lead: Lead) -> Any:
    return Lead.objects.filter(ghl_contact_id=contact_id).exclude(pk=lead.pk)


def _match(lead: Lead, contact_id: str) -> ContactMatch | None:
    return ContactMatch.objects.filter(lead=lead, contact_id=contact_id, action__in=LINKED).first()


def _emptied(names: Iterable[str]) -> dict[str, Any]:
    """The update that empties these fields."""
    changes: dict[str, Any] = {name: "" for name in sorted(names) if name not in contact_fields.CUSTOM}
    custom = [{"key": name, "field_value": ""} for name in sorted(names) if name in contact_fields.CUSTOM]
    return {**changes, **({"custom_fields": custom} if custom else {})}


@dataclass(frozen=True)
class Other:
    """Another lead of the contact: what it holds, and which fields a delivery of it writes (None: all)."""

    values: dict[str, Any]
    writes: frozenset[str] | None
    tags: frozenset[str]

    def brings(self, name: str) -> bool:
        return self.writes is None or name in self.writes


@dataclass(frozen=True)
class Ours:
    """What of a contact we wrote for one lead. `written` is None where no match says it."""

    contact: Contact
    values: dict[str, Any]
    written: frozenset[str] | None
    all_tags: frozenset[str]
    others: tuple[Other, ...]

    @classmethod
    def of(cls, lead: Lead, contact: Contact) -> "Ours":
        match = _match(lead, contact.id)
        written = frozenset({*match.written, *OURS}) if match else None
        tags = frozenset({*contact_fields.tags_of(lead), *contact_fields.outdated_tags(lead)})
        others = tuple(_other(other, contact.id) for other in _others(contact.id, lead))
        return cls(contact, _sent(lead), written, tags, others)

    def held(self) -> set[str]:
        """The fields that hold something of ours and are no other lead's."""
        names = {*self.values, *OURS, *(self.written or ())}
        stored = contact_fields.stored_values(self.contact, {**dict.fromkeys(names, ""), **self.values})
        return {name for name, value in stored.items() if not is_empty(value) and self._is_ours(name, value)}

    def untold(self) -> set[str]:
        """Our fields whose value the contact does not tell by name: emptied as well where nobody else writes them."""
        names = contact_fields.unreadable_fields(self.contact, dict.fromkeys(self.written or (), ""))
        return {name for name in names if not any(other.brings(name) for other in self.others)}

    def tags(self) -> set[str]:
        theirs = frozenset[str]().union(*(other.tags for other in self.others))
        stored = {str(tag).casefold() for tag in self.contact.tags}
        return stored & (self.all_tags - theirs)

    def _is_ours(self, name: str, value: Any) -> bool:
        if any(name in other.values and is_same_value(name, other.values[name], value) for other in self.others):
            return False
        if name in self.values and is_same_value(name, self.values[name], value):
            return self.written is None or name in self.written
        if any(other.brings(name) for other in self.others):
            return False
        return name in OURS if self.written is None else name in self.written


def _other(lead: Lead, contact_id: str) -> Other:
    match = _match(lead, contact_id)
    writes = frozenset({*match.written, *OURS}) if match else None
    return Other(_sent(lead), writes, frozenset(contact_fields.tags_of(lead)))


def _sent(lead: Lead) -> dict[str, Any]:
    values = compare.sent_values(lead, System.GHL)
    del values["tags"]
    return values
