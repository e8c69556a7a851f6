"""GoHighLevel: what the location keeps of its contacts, and how it finds them again."""

import hashlib
import re
import time
from typing import Any

from swarm_admin.sandbox.clay_store import now
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.ghl_location import LocationFields
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import stamp
from swarm_admin.sandbox.wire import Vendor

RESTORE_SECONDS = 60 * 86_400.0  # a deleted contact can be restored for 60 days
Contact = dict[str, Any]


def digits(phone: str | None) -> str:
    """A phone's digits, the US country code added where it is missing."""
    found = re.sub(r"\D", "", phone or "")
    return "1" + found if len(found) == 10 else found


class ContactBook(Vendor):
    """The contacts, by id, e-mail and phone."""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        super().__init__(config, faults, stats)
        self.contacts: dict[str, Contact] = {}
        self.deleted: dict[str, tuple[float, Contact]] = {}
        self.by_email: dict[str, str] = {}
        self.by_phone: dict[str, str] = {}
        self.born: dict[str, float] = {}
        self.made = self.traced = 0
        self.location_fields = LocationFields(config, self.error)

    @property
    def custom_fields(self) -> dict[str, dict[str, Any]]:
        """{id: definition} of the location."""
        return self.location_fields.definitions

    @custom_fields.setter
    def custom_fields(self, definitions: dict[str, dict[str, Any]]) -> None:
        self.location_fields.take_up(definitions)

    def _match(self, document: dict[str, Any]) -> Contact | None:
        """The contact of the e-mail, else of the phone."""
        email, phone = (document.get("email") or "").lower(), digits(document.get("phone"))
        key = self.by_email.get(email) or self.by_phone.get(phone)
        return self.contacts[key] if key else None

    def _make(self, document: dict[str, Any]) -> Contact:
        self.made += 1
        digest = hashlib.sha256(f"contact {self.config.seed} {self.made}".encode()).hexdigest()[:20]
        contact: Contact = {
            "id": digest,
            "locationId": self.config.ghl_location_id,
            "dateAdded": stamp(now()),
            "tags": [],
            "customFields": [],
        }
        self.contacts[digest] = contact
        self.born[digest] = time.monotonic()
        self.counts["contacts_created"] += 1
        self._set(contact, document)
        return contact

    def _set(self, contact: Contact, document: dict[str, Any]) -> None:
        """Writes the fields. Of an e-mail and a phone that belong to two contacts, the phone is dropped."""
        values = {name: value for name, value in document.items() if name != "locationId"}
        for name, index, key in (("email", self.by_email, str.lower), ("phone", self.by_phone, digits)):
            if name not in values:
                continue
            value = key(values[name] or "")
            owner = index.get(value)
            if value and owner and owner != contact["id"]:
                del values[name]
                self.counts[f"{name}_dropped"] += 1
                continue
            self._unindex(contact, name)
            if value:
                index[value] = contact["id"]
        custom = {each["id"]: each for each in contact["customFields"]}
        for each in values.pop("customFields", []):
            entry = self.location_fields.stored(each)
            if entry is None:
                self.counts["fields_dropped"] += 1
            else:
                custom[entry["id"]] = entry
        contact.update(values)
        contact["customFields"] = list(custom.values())
        contact["dateUpdated"] = stamp(now())

    def _unindex(self, contact: Contact, name: str) -> None:
        index, value = (
            (self.by_email, (contact.get("email") or "").lower())
            if name == "email"
            else (self.by_phone, digits(contact.get("phone")))
        )
        if index.get(value) == contact["id"]:
            del index[value]

    def restore(self, contact_id: str) -> bool:
        """What the location's owner can do by hand; False when it is too late or was never there."""
        since, contact = self.deleted.get(contact_id, (0.0, None))
        if contact is None or time.monotonic() - since > RESTORE_SECONDS / self.config.speed:
            return False
        del self.deleted[contact_id]
        self.contacts[contact_id] = contact
        self.by_email.setdefault((contact.get("email") or "").lower(), contact_id)
        self.by_phone.setdefault(digits(contact.get("phone")), contact_id)
        self.by_email.pop("", None)
        self.by_phone.pop("", None)
        return True

    def _look_up(self, email: str | None, number: str | None) -> Contact | None:
        """As the index has it: primary ones first, then additional ones; behind by the lag of the settings."""
        seen = time.monotonic() - self.config.ghl_search_lag_seconds / self.config.speed
        indexed = [each for each in self.contacts.values() if self.born.get(each["id"], 0.0) <= seen]
        indexed += [contact for since, contact in self.deleted.values() if since > seen]
        wanted = (("email", (email or "").lower(), str.lower), ("phone", digits(number), digits))
        for name, value, key in wanted:
            found = [each for each in indexed if value and key(each.get(name) or "") == value]
            more = f"additional{name.title()}s"
            found += [
                each
                for each in indexed
                if value and value in {key(entry.get(name) or "") for entry in each.get(more) or ()}
            ]
            if found:
                return found[0]
        return None

    def duplicates(self) -> int:
        """Contacts beyond the first with the same e-mail."""
        emails = [contact["email"].lower() for contact in self.contacts.values() if contact.get("email")]
        return len(emails) - len(set(emails))
