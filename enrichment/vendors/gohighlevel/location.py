"""GoHighLevel's location over HTTP: its name, its custom fields, and what the token may do there."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import Call
from enrichment.vendors.transport import Transport, segment
from enrichment.vendors.wire import CamelIncoming, Text, identifier

VERSION: Final = "2021-07-28"
LIMIT: Final = "ghl.calls"
NO_RECORD: Final = "swarm-admin-connection-test"  # an id that no record has: changing it changes nothing
FIELDS_MAX: Final = 2000  # fields read of a location; it has a few dozen

GET_LOCATION: Final = Call("get_location", LIMIT, reads=True, repeatable=True)
LIST_FIELDS: Final = Call("list_custom_fields", LIMIT, reads=True, repeatable=True)
CREATE_FIELD: Final = Call("create_custom_field", LIMIT)
EXAMINE: Final = Call("test_scope", LIMIT, repeatable=True, once=True, examines=True)


class CustomFieldDefinition(CamelIncoming):
    """A custom field of the location. `field_key`: "contact.linkedin_url", made by GoHighLevel of the name."""

    id: Text
    name: Text = ""
    field_key: Text = ""
    data_type: Text = ""
    model: Text = Field(default="contact")


class LocationCalls:
    """Every method raises `VendorError`.

    `field_ids`: {our name of a custom field: its id in the location}, as far as known. Fields are then sent by their
    ids, and those that an answer names by their ids alone get our name.
    """

    def __init__(self, base_url: str, api_key: str, location_id: str) -> None:
        self.location_id = location_id
        self.field_ids: Mapping[str, str] = {}
        self._http = Transport("ghl", base_url, {"Authorization": f"Bearer {api_key}", "Version": VERSION})

    def scope(self) -> str:
        """The scope of `ghl.calls`: the location."""
        return self.location_id

    def close(self) -> None:
        self._http.close()

    def location_name(self) -> str:
        """What the location is called; "" where the answer does not tell."""
        answer = self._located(GET_LOCATION, "GET", self.location_path())
        location = self._http.document(GET_LOCATION, answer).get("location")
        return identifier(location.get("name")) if isinstance(location, dict) else ""

    def custom_fields(self) -> list[CustomFieldDefinition]:
        """All custom fields of contacts there."""
        answer = self._located(LIST_FIELDS, "GET", self.field_path(), params={"model": "contact"})
        listed = self._http.document(LIST_FIELDS, answer).get("customFields")
        if not isinstance(listed, list):
            raise self._http.unreadable(LIST_FIELDS, answer)
        fields = [_definition(each) for each in listed[:FIELDS_MAX]]
        return [field for field in fields if field is not None and field.model in ("", "contact")]

    def create_custom_field(self, name: str, data_type: str) -> CustomFieldDefinition:
        """A new custom field of contacts. `UnknownOutcome`: it may be there, so list before creating again."""
        body = {"name": name, "dataType": data_type, "model": "contact"}
        answer = self._located(CREATE_FIELD, "POST", self.field_path(), body)
        document = self._http.document(CREATE_FIELD, answer)
        field = _definition(document.get("customField", document))
        if field is None:
            raise self._http.unreadable(CREATE_FIELD, answer)
        return field

    def examine(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> None:
        """One call that changes nothing, to see whether the token may make it; never repeated."""
        self._located(EXAMINE, method, path, body, params)

    def field_path(self, field_id: str = "") -> str:
        """The address of the location's custom fields, or of one."""
        fields = f"{self.location_path()}/customFields"
        return f"{fields}/{segment(field_id)}" if field_id else fields

    def location_path(self) -> str:
        return f"/locations/{segment(self.location_id)}"

    # ------------------------------------------------------------ parts

    def _located(
        self, call: Call, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        return self._http.send(call, method, path, body=body, params=params or None, scope=self.location_id)

    def _by_ids(self, body: Any) -> Any:
        """The body with each custom field by its id, where that is known."""
        if not self.field_ids or not isinstance(body, dict) or "customFields" not in body:
            return body
        entries = [
            {"id": self.field_ids[entry["key"]], "field_value": entry["field_value"]}
            if entry.get("key") in self.field_ids
            else entry
            for entry in body["customFields"]
        ]
        return {**body, "customFields": entries}

    def _named(self, entries: Any) -> Any:
        """A contact's custom fields, each with our name where its id is one of those we know."""
        names = {field_id: name for name, field_id in self.field_ids.items()}
        if not names or not isinstance(entries, list):
            return entries
        return [
            {**entry, "key": names[entry["id"]]}
            if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"] in names
            else entry
            for entry in entries
        ]


def _definition(document: Any) -> CustomFieldDefinition | None:
    if not isinstance(document, dict) or not identifier(document.get("id")):
        return None
    return CustomFieldDefinition.model_validate(document)
