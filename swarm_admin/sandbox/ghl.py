"""GoHighLevel: contacts of one location."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_store import now
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.ghl_fields import CHANGEABLE, CREATABLE, complaints
from swarm_admin.sandbox.limits import Window, retry_after
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import stamp
from swarm_admin.sandbox.wire import Answer, Call, Vendor

VERSION = "2021-07-28"
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}
RESTORE_SECONDS = 60 * 86_400.0  # a deleted contact can be restored for 60 days
DAY = 86_400
Contact = dict[str, Any]


def digits(phone: str | None) -> str:
    """A phone's digits, the US country code added where it is missing."""
    found = re.sub(r"\D", "", phone or "")
    return "1" + found if len(found) == 10 else found


class GoHighLevel(Vendor):
    """`/ghl`."""

    name = "ghl"

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        super().__init__(config, faults, stats)
        self.contacts: dict[str, Contact] = {}
        self.deleted: dict[str, tuple[float, Contact]] = {}
        self.by_email: dict[str, str] = {}
        self.by_phone: dict[str, str] = {}
        self.born: dict[str, float] = {}
        self.made = self.traced = 0

    # ------------------------------------------------------------ frame

    def route(self, call: Call) -> tuple[str, Callable[[Call], Answer]]:
        """`contacts.*` and `tags.*`."""
        match (call.method, *call.parts):
            case ("POST", "contacts", "upsert"):
                return "contacts.upsert", self.upsert
            case ("POST", "contacts"):
                return "contacts.create", self.create
            case ("GET", "contacts", "search", "duplicate"):
                return "contacts.search", self.search
            case ("GET", "contacts", _):
                return "contacts.get", self.get
            case ("PUT", "contacts", _):
                return "contacts.update", self.update
            case ("DELETE", "contacts", _):
                return "contacts.delete", self.delete
            case ("POST", "contacts", _, "tags"):
                return "tags.add", self.tags_add
            case ("DELETE", "contacts", _, "tags"):
                return "tags.remove", self.tags_remove
        raise self.error(404, f"Cannot {call.method} this path")

    def error(self, status: int, message: Any = "", **more: Any) -> Answer:
        """`{"statusCode", "message", "error"}`; the message of a 422 is a list."""
        if status == 422 and not isinstance(message, list):
            message = [message]
        more.pop("provider", None)
        return Answer(status, {"statusCode": status, "message": message, "error": REASONS.get(status, "Error"), **more})

    def check(self, call: Call) -> None:
        """Bearer token, `Version`, the location wherever it is named, and the two limits."""
        expected = f"Bearer {self.config.ghl_api_key}"
        if not hmac.compare_digest(call.header(b"authorization").encode(), expected.encode()):
            raise self.error(401, "Invalid JWT")
        if call.header(b"version") != VERSION:
            raise self.error(401, "version header was not found or is invalid.")
        self._location(call.query.get("locationId", self.config.ghl_location_id))
        wait = self.limits.refuse(list(self._windows()))
        if wait:
            refusal = self.error(429, "Too Many Requests")
            refusal.headers["retry-after"] = retry_after(wait)
            raise refusal

    def _windows(self) -> tuple[Window, Window]:
        config = self.config
        return (
            self.limits.window("burst", config.ghl_per_ten_seconds, 10),
            self.limits.window("day", config.ghl_per_day, DAY),
        )

    def act(self, call: Call, handler: Callable[[Call], Answer]) -> Answer:
        """The answer with the headers that tell the limits."""
        answer = super().act(call, handler)
        burst, day = self._windows()
        at = time.monotonic()
        answer.headers |= {
            "x-ratelimit-max": str(burst.limit),
            "x-ratelimit-remaining": str(max(burst.remaining(at), 0)),
            "x-ratelimit-interval-milliseconds": str(max(round(burst.seconds * 1000), 1)),
            "x-ratelimit-limit-daily": str(day.limit),
            "x-ratelimit-daily-remaining": str(max(day.remaining(at), 0)),
        }
        return answer

    def _location(self, location: Any) -> None:
        if location != self.config.ghl_location_id:
            raise self.error(403, "The token does not have access to this location.")

    def _contact(self, call: Call) -> Contact:
        contact = self.contacts.get(call.parts[1])
        if contact is None:
            raise self.error(404, "Contact not found")
        return contact

    def _fields(self, call: Call, allowed: set[str]) -> dict[str, Any]:
        """The body, or a 422 with one sentence per complaint."""
        document = self.json(call)
        if found := complaints(document, allowed):
            raise self.error(422, sorted(found))
        return document

    # ------------------------------------------------------------ contacts

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
            field_id = each.get("id") or f"cf_{each['key']}"
            named = {"key": each["key"]} if each.get("key") else {}
            custom[field_id] = {"id": field_id, **named, "value": each["field_value"]}
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

    def _trace(self) -> str:
        self.traced += 1
        return hashlib.sha256(f"trace {self.traced}".encode()).hexdigest()[:16]

    def upsert(self, call: Call) -> Answer:
        document = self._fields(call, CREATABLE)
        self._location(document.get("locationId"))
        contact = self._match(document)
        new = contact is None
        if contact is None:
            contact = self._make(document)
        else:
            if "tags" in document and set(contact["tags"]) - set(document["tags"]):
                self.counts["tags_overwritten"] += 1
            self._set(contact, document)
        return Answer(200, {"new": new, "contact": contact, "traceId": self._trace()})

    def create(self, call: Call) -> Answer:
        document = self._fields(call, CREATABLE)
        self._location(document.get("locationId"))
        present = self._match(document)
        if present is not None:
            message = "This location does not allow duplicated contacts."
            raise self.error(400, message, meta={"contactId": present["id"]})
        return Answer(201, {"contact": self._make(document)})

    def get(self, call: Call) -> Answer:
        return Answer(200, {"contact": self._contact(call)})

    def update(self, call: Call) -> Answer:
        contact = self._contact(call)
        self._set(contact, self._fields(call, CHANGEABLE))
        return Answer(200, {"succeded": True, "contact": contact})

    def delete(self, call: Call) -> Answer:
        if self.config.ghl_delete != "on":
            raise self.error(int(self.config.ghl_delete.removeprefix("off")), "Cannot DELETE this path")
        contact = self._contact(call)
        if self.config.ghl_delete_lies:
            return Answer(200, {"succeded": True})
        for name in ("email", "phone"):
            self._unindex(contact, name)
        del self.contacts[contact["id"]]
        self.deleted[contact["id"]] = (time.monotonic(), contact)
        return Answer(200, {"succeded": True})

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

    def search(self, call: Call) -> Answer:
        if "locationId" not in call.query:
            raise self.error(422, ["locationId should not be empty"])
        if not call.query.get("email") and not call.query.get("number"):
            raise self.error(400, "Pass at least one of email or number")
        return Answer(200, {"contact": self._look_up(call.query.get("email"), call.query.get("number"))})

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

    # ------------------------------------------------------------ tags

    def _tags(self, call: Call) -> list[str]:
        document = self._fields(call, {"tags"})
        if not document.get("tags"):
            raise self.error(422, ["tags should not be empty"])
        return [tag.lower() for tag in document["tags"]]

    def tags_add(self, call: Call) -> Answer:
        contact, tags = self._contact(call), self._tags(call)
        contact["tags"] = list(dict.fromkeys([*contact["tags"], *tags]))
        return Answer(201, {"tags": contact["tags"]})

    def tags_remove(self, call: Call) -> Answer:
        contact, tags = self._contact(call), self._tags(call)
        contact["tags"] = [tag for tag in contact["tags"] if tag not in tags]
        return Answer(200, {"tags": contact["tags"]})

    def duplicates(self) -> int:
        """Contacts beyond the first with the same e-mail."""
        emails = [contact["email"].lower() for contact in self.contacts.values() if contact.get("email")]
        return len(emails) - len(set(emails))
