"""GoHighLevel: the location, and the custom fields that its contacts can have."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.config import Config

TYPES = {
    "TEXT", "LARGE_TEXT", "NUMERICAL", "FLOAT", "PHONE", "MONETORY", "CHECKBOX", "SINGLE_OPTIONS", "MULTIPLE_OPTIONS",
    "RADIO", "TIME", "DATE", "TEXTBOX_LIST", "FILE_UPLOAD", "SIGNATURE",
}  # fmt: skip
NUMBERS = {"NUMERICAL", "FLOAT", "MONETORY"}
CREATABLE = {"name", "dataType", "model", "placeholder", "position", "options"}
# What a call needs; those that are not here need no scope of their own.
SCOPES = {
    "contacts.search": "contacts.readonly",
    "contacts.get": "contacts.readonly",
    "contacts.upsert": "contacts.write",
    "contacts.create": "contacts.write",
    "contacts.update": "contacts.write",
    "contacts.delete": "contacts.write",
    "tags.add": "contacts.write",
    "tags.remove": "contacts.write",
    "locations.get": "locations.readonly",
    "custom_fields.list": "locations/customFields.readonly",
    "custom_fields.create": "locations/customFields.write",
    "custom_fields.update": "locations/customFields.write",
    "custom_fields.delete": "locations/customFields.write",
}
Definition = dict[str, Any]
Refuse = Callable[[int, Any], Exception]


class LocationFields:
    """The custom fields of the location, by id."""

    def __init__(self, config: Config, refuse: Refuse) -> None:
        self.config, self.refuse = config, refuse
        self.definitions: dict[str, Definition] = {}
        self.made = 0

    def take_up(self, definitions: dict[str, Definition]) -> None:
        """Those of an earlier run."""
        self.definitions, self.made = definitions, len(definitions)

    def listed(self, model: str = "") -> list[Definition]:
        return [each for each in self.definitions.values() if model in ("", "all", each["model"])]

    def create(self, document: dict[str, Any]) -> Definition:
        """A new field; raises a 422 with one sentence per complaint."""
        complaints = [f"property {name} should not exist" for name in document.keys() - CREATABLE]
        if not isinstance(document.get("name"), str) or not document["name"].strip():
            complaints.append("name should not be empty")
        if document.get("dataType") not in TYPES:
            complaints.append("dataType must be a valid enum value")
        if complaints:
            raise self.refuse(422, sorted(complaints))
        return self._make(document["name"], document["dataType"], document.get("model", "contact"))

    def rename(self, field_id: str, document: dict[str, Any]) -> Definition:
        definition = self._field(field_id)
        if not isinstance(document.get("name"), str) or not document["name"].strip():
            raise self.refuse(422, ["name should not be empty"])
        definition["name"] = document["name"]
        return definition

    def delete(self, field_id: str) -> None:
        del self.definitions[self._field(field_id)["id"]]

    def stored(self, entry: dict[str, Any]) -> Definition | None:
        """A contact's entry as it is kept; None where it is dropped, for the location has no such field."""
        value, key = entry["field_value"], str(entry.get("key") or "").removeprefix("contact.")
        anything = self.config.ghl_custom_fields == "any"
        field = self.definitions.get(entry.get("id") or "") or self._by_key(key)
        if field is None and anything and key:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            field = self._make(key, "NUMERICAL" if number else "TEXT", "contact", f"cf_{key}")
        if field is None:
            return {"id": entry["id"], "value": value} if anything and entry.get("id") else None
        if field["dataType"] in NUMBERS and not _is_number(value):
            return None
        named = {"key": field["fieldKey"].removeprefix("contact.")} if anything else {}
        return {"id": field["id"], **named, "value": value}

    def _field(self, field_id: str) -> Definition:
        if field_id not in self.definitions:
            raise self.refuse(404, "Custom field not found")
        return self.definitions[field_id]

    def _by_key(self, key: str) -> Definition | None:
        wanted = f"contact.{key}"
        return next((each for each in self.definitions.values() if key and each["fieldKey"] == wanted), None)

    def _make(self, name: str, data_type: str, model: str, field_id: str = "") -> Definition:
        self.made += 1
        seed = f"field {self.config.seed} {self.made}"
        field_id = field_id or hashlib.sha256(seed.encode()).hexdigest()[:20]
        base = f"{model}.{re.sub('[^a-z0-9]+', '_', name.lower()).strip('_')}"
        taken = {each["fieldKey"] for each in self.definitions.values()}
        key = next(each for n in range(len(taken) + 1) if (each := f"{base}_{n}" if n else base) not in taken)
        self.definitions[field_id] = {
            "id": field_id,
            "name": name,
            "fieldKey": key,
            "dataType": data_type,
            "model": model,
            "position": 50 * self.made,
            "locationId": self.config.ghl_location_id,
        }
        return self.definitions[field_id]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return value in (None, "")
    return True
