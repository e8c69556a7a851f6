"""GoHighLevel as a store: the contacts of our location."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.db.models import Q

from enrichment.models import Disclosure, Handover, Lead
from enrichment.models.handover import System
from enrichment.pipeline.compare import GHL_NAMES
from enrichment.stores import asking, people, restriction, texts
from enrichment.stores.replacing import contact_changes
from enrichment.stores.shared_contacts import SharedContacts, note
from enrichment.stores.values import shown, validated
from enrichment.vendors.connections import ghl
from enrichment.vendors.gohighlevel.client import LIMIT, Contact
from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Datum, Ground, Later, Record, Share, Unsupported
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key

Answer = TypeVar("Answer")
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
    name = "ghl"
    label = "GoHighLevel"
    is_recipient = True
    order = 30
    recoverable_days = 60  # for so long its owner can restore a deleted contact

    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability) if asking.is_set_up(self.name) else frozenset()

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return texts.instructions(self.name, capability, record)

    # ------------------------------------------------------------ finding

    def locate(self, identity: Identity) -> Sequence[Record]:
        """By the contacts we made, each e-mail and each phone; an additional e-mail leads on to its own contact."""
        self._configured(Capability.LOCATE)
        circle = people.circle(identity)
        if restriction.handing_over(circle.leads, self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        return [self._record(contact, circle) for contact in self._contacts(circle).values()]

    def _contacts(self, circle: people.Circle) -> dict[str, Contact]:
        found: dict[str, Contact] = {}
        for contact_id in _stored_ids(circle):
            if contact := self._get(contact_id, Capability.LOCATE):
                found[contact.id] = contact
        emails, asked = list(circle.addresses), set[str]()
        while emails:
            email = emails.pop(0)
            if email in asked:
                continue
            asked.add(email)
            contact = self._ask(Capability.LOCATE, lambda address: ghl().find_duplicate(email=address), email)
            if contact:
                found[contact.id] = contact
                emails += [each for each in as_kept_elsewhere(_emails(contact)) if each not in asked]
        for phone in circle.phones:
            contact = self._ask(Capability.LOCATE, lambda number: ghl().find_duplicate(number=number), phone)
            if contact:
                found.setdefault(contact.id, contact)
        return found

    def _record(self, contact: Contact, circle: people.Circle) -> Record:
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

    def export(self, record: Record) -> Copy:
        contact = self._get(record.key, Capability.EXPORT)
        if contact is None:
            return Copy(data=[])
        told, others = _own_data(contact)
        return Copy(data=told, shares=list(_shares(record.key)), others=others)

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        """What the contact holds of these fields is replaced; what it does not hold is left alone."""
        written = validated(values)
        contact = self._get(record.key, Capability.RECTIFY)
        if contact is None:
            return {}
        changes, before = contact_changes(contact, written, _owner(contact.id))
        company = changes.pop("company_name", None)
        if changes:
            self._ask(Capability.RECTIFY, lambda key: ghl().update_contact(key, changes), record.key)
        if company is not None:
            self._rename_company(contact, changes.get("email") or contact.email, str(company))
        return {name: shown(value) for name, value in before.items()}

    def _rename_company(self, contact: Contact, email: str, company: str) -> None:
        """PUT refuses the company's name; an upsert takes it, and says which contact it took."""
        body = {**({"email": email} if email else {"phone": contact.phone}), "company_name": company}
        told = self._ask(Capability.RECTIFY, lambda sent: ghl().upsert_contact(sent).contact, body)
        if told.id != contact.id or told.company_name != company:
            raise Later("GoHighLevel hasn't updated the company name yet", asking.soon())

    # ------------------------------------------------------------ erasing

    def erase(self, record: Record) -> None:
        """Raises Unsupported where the contact is still there after "not found": then the call itself is not."""
        if restriction.handing_over(_owners(record.key), self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        gone_already = not self._ask(Capability.ERASE, lambda key: ghl().delete_contact(key), record.key)
        if gone_already and self._get(record.key, Capability.ERASE) is not None:
            raise Unsupported(Capability.ERASE)

    def verify_absent(self, record: Record) -> bool:
        """The contact is not there, and no look-up by what is known of the person leads to it."""
        if self._get(record.key, Capability.VERIFY) is not None:
            return False
        for kind, value in _look_ups(record):
            found = self._ask(Capability.VERIFY, lambda asked: ghl().find_duplicate(**asked), {kind: value})
            if found is not None and found.id == record.key:
                raise asking.later_for_index()
        return True

    # ------------------------------------------------------------ keeping only

    def restrict(self, record: Record, ground: Ground) -> None:
        """Nothing more is handed over; the contact is set to do-not-disturb and tagged with the reason."""
        leads = _owners(record.key)
        if len(leads) == 1:  # of several the officer says whose it is
            restriction.restrict(leads, ground)
        if restriction.handing_over(leads, self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        contact = self._get(record.key, Capability.RESTRICT)
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
        contact = self._get(record.key, Capability.RELEASE)
        if contact is None:
            return
        held, gone = _tags(contact), {TAGS[ground]}
        if not (held - gone) & _REASONS:
            gone.add(OURS_BEFORE)
            if OURS_BEFORE not in held:
                self._disturb(record.key, Capability.RELEASE, dnd=False)
        self._ask(Capability.RELEASE, lambda key: ghl().remove_tags(key, sorted(gone)), record.key)

    def _disturb(self, contact_id: str, capability: Capability, *, dnd: bool) -> Contact:
        return self._ask(capability, lambda key: ghl().update_contact(key, {"dnd": dnd}), contact_id)

    # ------------------------------------------------------------ calls

    def _get(self, contact_id: str, capability: Capability) -> Contact | None:
        return self._ask(capability, lambda key: ghl().get_contact(key), contact_id)

    def _ask(self, capability: Capability, call: Callable[[Any], Answer], argument: Any) -> Answer:
        self._configured(capability)
        return asking.ask(self.name, lambda: call(argument), capability=capability, limit=LIMIT, scope=ghl().scope())

    def _configured(self, capability: Capability) -> None:
        if not asking.is_set_up(self.name):
            raise Unsupported(capability)


def _stored_ids(circle: people.Circle) -> list[str]:
    """The contacts we know of, by the leads and by what was handed over of them."""
    past = Handover.objects.filter(lead__in=circle.leads, system=System.GHL).exclude(external_id="")
    stored = [each.lead.ghl_contact_id for each in circle.known]
    return list(dict.fromkeys(each for each in (*stored, *past.values_list("external_id", flat=True)) if each))


def _owners(contact_id: str) -> list[int]:
    return list(Lead.objects.filter(ghl_contact_id=contact_id).values_list("pk", flat=True))


def _owner(contact_id: str) -> Lead | None:
    owners = list(Lead.objects.filter(ghl_contact_id=contact_id)[:2])
    return owners[0] if len(owners) == 1 else None


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
    told = {
        "name": f"{contact.first_name} {contact.last_name}".strip(),
        "company": contact.company_name,
        "email": contact.email,
        "more e-mails": ", ".join(_more(contact.additional_emails, "email")),
        "phone": contact.phone,
        "note": note(contact.id),
    }
    return {name: value for name, value in told.items() if value}


def _look_ups(record: Record) -> Iterator[tuple[str, str]]:
    """By the record's own identifiers, or by what the mirror still knows of the contact's lead."""
    lead = _owner(record.key)
    emails = record.identity.emails or ((lead.email,) if lead else ())
    phone = record.identity.phone or (lead.phone if lead else "")
    yield from (("email", email) for email in as_kept_elsewhere(emails) if email)
    if phone:
        yield "number", phone


def _own_data(contact: Contact) -> tuple[list[Datum], int]:
    """(what the contact holds of the person, how many further addresses in it are another lead's)."""
    owners = Lead.objects.filter(ghl_contact_id=contact.id).values("pk")
    told, others = [], 0
    for datum in _data(contact):
        if datum.field not in FURTHER or not isinstance(datum.value, list):
            told.append(datum)
            continue
        own = [entry for entry in datum.value if not _is_anothers(entry, owners)]
        others += len(datum.value) - len(own)
        if own:
            told.append(replace(datum, value=own))
    return told, others


def _is_anothers(entry: Any, owners: Any) -> bool:
    """Whether a further address or number belongs to a lead that this contact does not stand for."""
    texts = [str(value) for value in (entry.values() if isinstance(entry, dict) else [entry]) if value]
    emails = {text.casefold() for text in texts if "@" in text}
    held = Q(pk__in=people.with_emails(emails).values("pk")) if emails else Q()
    numbers = [text for text in texts if text.startswith("+")]
    held |= Q(phone__in=numbers) if numbers else Q()
    return bool(held) and Lead.objects.filter(held).exclude(pk__in=owners).exists()


def _data(contact: Contact) -> Iterator[Datum]:
    ours = {vendor: name for name, vendor in GHL_NAMES.items()}
    for name, value in contact.raw.items():
        if value in ("", None, [], {}) or name in ("customFields", "id", "locationId"):
            continue
        yield Datum(ours.get(name, name), value, "GoHighLevel")
    for entry in contact.custom_fields:
        if isinstance(entry, dict):
            name = str(entry.get("key") or entry.get("fieldKey") or entry.get("id") or "custom field")
            yield Datum(name.removeprefix("contact."), entry.get("value", entry.get("field_value")), "GoHighLevel")


def _shares(contact_id: str) -> Iterator[Share]:
    for each in Disclosure.objects.filter(lead__ghl_contact_id=contact_id, system=System.GHL).order_by("occurred_at"):
        yield Share("GoHighLevel", tuple(each.fields), each.occurred_at)
