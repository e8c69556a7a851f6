"""GoHighLevel: one location with its contacts and their custom fields."""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.ghl_contacts import Contact, ContactBook
from swarm_admin.sandbox.ghl_fields import CHANGEABLE, CREATABLE, complaints
from swarm_admin.sandbox.ghl_location import SCOPES
from swarm_admin.sandbox.limits import Window, retry_after
from swarm_admin.sandbox.wire import Answer, Call

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
DAY = 86_400


class GoHighLevel(ContactBook):
    """`/ghl`."""

    name = "ghl"

    # ------------------------------------------------------------ frame

    def route(self, call: Call) -> tuple[str, Callable[[Call], Answer]]:
        """`contacts.*`, `tags.*`, `locations.get` and `custom_fields.*`."""
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
            case ("GET", "locations", _):
                return "locations.get", self.location
            case ("GET", "locations", _, "customFields"):
                return "custom_fields.list", self.fields_list
            case ("POST", "locations", _, "customFields"):
                return "custom_fields.create", self.fields_create
            case ("PUT", "locations", _, "customFields", _):
                return "custom_fields.update", self.fields_update
            case ("DELETE", "locations", _, "customFields", _):
                return "custom_fields.delete", self.fields_delete
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
        if SCOPES.get(self.route(call)[0]) in self.config.ghl_missing_scopes:
            raise self.error(401, "The token is not authorized for this scope.")
        named = call.parts[1] if call.parts[0] == "locations" else self.config.ghl_location_id
        self._location(call.query.get("locationId", named))
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

    def search(self, call: Call) -> Answer:
        if "locationId" not in call.query:
            raise self.error(422, ["locationId should not be empty"])
        if not call.query.get("email") and not call.query.get("number"):
            raise self.error(400, "Pass at least one of email or number")
        return Answer(200, {"contact": self._look_up(call.query.get("email"), call.query.get("number"))})

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

    # ------------------------------------------------------------ location

    def location(self, call: Call) -> Answer:
        return Answer(200, {"location": {"id": self.config.ghl_location_id, "name": "Alpha Swarm Sales"}})

    def fields_list(self, call: Call) -> Answer:
        return Answer(200, {"customFields": self.location_fields.listed(call.query.get("model", ""))})

    def fields_create(self, call: Call) -> Answer:
        return Answer(201, {"customField": self.location_fields.create(self.json(call))})

    def fields_update(self, call: Call) -> Answer:
        return Answer(200, {"customField": self.location_fields.rename(call.parts[3], self.json(call))})

    def fields_delete(self, call: Call) -> Answer:
        self.location_fields.delete(call.parts[3])
        return Answer(200, {"succeded": True})
