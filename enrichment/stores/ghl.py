"""GoHighLevel as a store: the contacts of our location."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from enrichment.models import Handover, Lead
from enrichment.models.handover import System
from enrichment.stores import asking, people
from enrichment.stores.shared_contacts import SharedContacts, note
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.gohighlevel.known_fields import ghl
from gdpr.stores import Capability, Copy, Datum, Ground, Record, RetryLater, Unsupported
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key

FURTHER = ("additionalEmails", "additionalPhones")  # where a merged contact keeps what was another's
TAGS = {Ground.RESTRICTION: "do not process", Ground.OBJECTION: "do not contact"}
_REASONS = set(TAGS.values())
OURS_BEFORE = "do not disturb before"  # it was switched on already, by somebody else: not ours to switch off
# What changes at every delivery or by the system's own doing, and is nothing about the person.
_VOLATILE = (
    "dateUpdated",
    "dateAdded",
    "lastActivity",
    "dnd",
    "dndSettings",
    "tags",
    "traceId",
    "locationId",
)


class GoHighLevelStore(SharedContacts):
    order = 30
    recoverable_days = 60  # for so long its owner can restore a deleted contact

    # ------------------------------------------------------------ finding

    def _records(self, circle: people.KnownPerson) -> Sequence[Record]:
        """By the contacts we made, each e-mail and each phone; an additional e-mail leads on to its own contact."""
        return [self._record(contact, circle) for contact in self._contacts(circle).values()]

    def _contacts(self, circle: people.KnownPerson) -> dict[str, Contact]:
        contacts: dict[str, Contact] = {}
        for contact_id in self._known_ids(circle):
            if contact := self._get(contact_id, Capability.LOCATE):
                contacts[contact.id] = contact
        emails, asked = list(circle.addresses), set[str]()
        while emails:
            email = emails.pop(0)
            if email in asked:
                continue
            asked.add(email)
            contact = self._ask(Capability.LOCATE, lambda address: ghl().find_duplicate(email=address), email)
            if contact:
                contacts[contact.id] = contact
                emails += [each for each in as_kept_elsewhere(_emails(contact)) if each not in asked]
        for phone in circle.phones:
            contact = self._ask(Capability.LOCATE, lambda number: ghl().find_duplicate(number=number), phone)
            if contact:
                contacts.setdefault(contact.id, contact)
        return contacts

    def _record(self, contact: Contact, circle: people.KnownPerson) -> Record:
        emails = _emails(contact)
        owners = set(Lead.objects.filter(ghl_contact_id=contact.id).values_list("pk", flat=True))
        owners |= set(Handover.objects.filter(system=System.GHL, external_id=contact.id).values_list("lead", flat=True))
        matched = circle.kinds(emails=emails, phones=[contact.phone, *_phones(contact)])
        return Record(
            self.name,
            contact.id,
            matched or (people.EMAIL,),
            circle.vouches(owners, emails),
            _summary(contact),
            people.fingerprint({k: v for k, v in contact.raw.items() if k not in _VOLATILE}),
            circle.own("", emails, contact.phone),
        )

    # ------------------------------------------------------------ telling, correcting

    def _copy(self, record: Record, found: Contact) -> Copy:
        own, others = _own_data(found)
        return Copy(data=own, shares=list(self._shares(record)), others=others)

    def _correct(self, record: Record, found: Contact, written: dict[str, Any]) -> Mapping[str, Any]:
        changes, before = contact_fields.correction(found, written, self._owner(record))
        company = changes.pop("company_name", None)
        if changes:
            self._ask(Capability.RECTIFY, lambda key: ghl().update_contact(key, changes), record.key)
        if company is not None:
            self._rename_company(found, changes.get("email") or found.email, str(company))
        return before

    def _rename_company(self, contact: Contact, email: str, company: str) -> None:
        """PUT refuses the company's name; an upsert takes it, and says which contact it took."""
        body = {**({"email": email} if email else {"phone": contact.phone}), "company_name": company}
        answered = self._ask(Capability.RECTIFY, lambda sent: ghl().upsert_contact(sent).contact, body)
        if answered.id != contact.id or answered.company_name != company:
            raise RetryLater("GoHighLevel hasn't updated the company name yet", asking.in_a_moment())

    # ------------------------------------------------------------ erasing

    def _delete(self, record: Record, capability: Capability) -> bool:
        return self._ask(capability, lambda key: ghl().delete_contact(key), record.key)

    def _is_found(self, record: Record) -> bool:
        for kind, value in self._look_ups(record):
            duplicate = self._ask(Capability.VERIFY, lambda asked: ghl().find_duplicate(**asked), {kind: value})
            if duplicate is not None and duplicate.id == record.key:
                return True
        return False

    def _look_ups(self, record: Record) -> Iterator[tuple[str, str]]:
        """By the record's own identifiers, or by what the mirror still knows of the contact's lead."""
        lead = self._owner(record)
        emails = record.identity.emails or ((lead.email,) if lead else ())
        phone = record.identity.phone or (lead.phone if lead else "")
        yield from (("email", email) for email in as_kept_elsewhere(emails) if email)
        if phone:
            yield "number", phone

    # ------------------------------------------------------------ keeping only

    def _limit_processing(self, record: Record, ground: Ground) -> None:
        """The contact is set to do-not-disturb and tagged with the reason."""
        contact = self._read(record, Capability.RESTRICT)
        if contact is None:
            return  # gone: nobody can be written to through it
        others = {OURS_BEFORE} if contact.dnd and not _tags(contact) & _REASONS else set()
        after = self._disturb(record.key, Capability.RESTRICT, dnd=True)
        tags = sorted({TAGS[ground], *others})
        self._ask(Capability.RESTRICT, lambda key: ghl().add_tags(key, tags), record.key)
        if after.dnd is False:
            raise Unsupported(Capability.RESTRICT)

    def release(self, record: Record, ground: Ground) -> None:
        """Do-not-disturb goes with the last of our reasons, unless it was there before them; then the tags."""
        contact = self._read(record, Capability.RELEASE)
        if contact is None:
            return
        held, tags_to_remove = _tags(contact), {TAGS[ground]}
        if not (held - tags_to_remove) & _REASONS:
            tags_to_remove.add(OURS_BEFORE)
            if OURS_BEFORE not in held:
                self._disturb(record.key, Capability.RELEASE, dnd=False)
        self._ask(Capability.RELEASE, lambda key: ghl().remove_tags(key, sorted(tags_to_remove)), record.key)

    def _disturb(self, contact_id: str, capability: Capability, *, dnd: bool) -> Contact:
        return self._ask(capability, lambda key: ghl().update_contact(key, {"dnd": dnd}), contact_id)


def _emails(contact: Contact) -> list[str]:
    return [email_key(each) for each in (contact.email, *_more(contact.additional_emails, "email")) if each]


def _phones(contact: Contact) -> list[str]:
    return list(_more(contact.additional_phones, "phone"))


def _more(entries: Iterable[Any], key: str) -> Iterator[str]:
    """The vendor writes them as objects; a bare text is read too."""
    for entry in entries:
        value = entry.get(key) if isinstance(entry, dict) else entry
        if isinstance(value, str) and value.strip():
            yield value.strip()


def _tags(contact: Contact) -> set[str]:
    return {tag.casefold() for tag in contact.tags if isinstance(tag, str)}


def _summary(contact: Contact) -> dict[str, str]:
    summary = {
        "name": f"{contact.first_name} {contact.last_name}".strip(),
        "company": contact.company_name,
        "email": contact.email,
        "more e-mails": ", ".join(_more(contact.additional_emails, "email")),
        "phone": contact.phone,
        "note": note(contact.id),
    }
    return {name: value for name, value in summary.items() if value}


def _own_data(contact: Contact) -> tuple[list[Datum], int]:
    """(what the contact holds of the person, how many further addresses in it are another lead's)."""
    owners = Lead.objects.filter(ghl_contact_id=contact.id).values("pk")
    own_data, others = [], 0
    for datum in _data(contact):
        if datum.field not in FURTHER or not isinstance(datum.value, list):
            own_data.append(datum)
            continue
        own = [entry for entry in datum.value if not _is_anothers(entry, owners)]
        others += len(datum.value) - len(own)
        if own:
            own_data.append(replace(datum, value=own))
    return own_data, others


def _is_anothers(entry: Any, owners: Any) -> bool:
    """Whether a further address or number belongs to a lead that this contact does not stand for."""
    texts = [str(value) for value in (entry.values() if isinstance(entry, dict) else [entry]) if value]
    emails = {text.casefold() for text in texts if "@" in text}
    held = Q(pk__in=people.with_emails(emails).values("pk")) if emails else Q()
    numbers = [text for text in texts if text.startswith("+")]
    held |= Q(phone__in=numbers) if numbers else Q()
    return bool(held) and Lead.objects.filter(held).exclude(pk__in=owners).exists()


def _data(contact: Contact) -> Iterator[Datum]:
    labels = {vendor: name for name, vendor in contact_fields.NAMES.items()}
    for name, value in contact.raw.items():
        if value in ("", None, [], {}) or name in ("customFields", "id", "locationId"):
            continue
        yield Datum(labels.get(name, name), value, "GoHighLevel")
    for entry in contact.custom_fields:
        if isinstance(entry, dict):
            name = str(entry.get("key") or entry.get("fieldKey") or entry.get("id") or "custom field")
            yield Datum(name.removeprefix("contact."), entry.get("value", entry.get("field_value")), "GoHighLevel")
