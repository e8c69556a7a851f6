"""GoHighLevel (LeadConnector) v2 over HTTP: contacts. Every call falls under `ghl.calls`, scope the location."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import AliasGenerator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import NOBODY, Call
from enrichment.vendors.errors import NotFound, Recovery
from enrichment.vendors.gohighlevel.location import LIMIT, LocationCalls
from enrichment.vendors.transport import segment
from enrichment.vendors.wire import CamelIncoming, Flag, Incoming, Items, Outgoing, Text, identifier
from swarm_admin.core.identifiers.emails import key as email_key

UPSERT: Final = Call("upsert_contact", LIMIT)
GET: Final = Call("get_contact", LIMIT, reads=True, repeatable=True)
UPDATE: Final = Call("update_contact", LIMIT, repeatable=True)
DELETE: Final = Call("delete_contact", LIMIT, repeatable=True)
FIND: Final = Call("find_duplicate", LIMIT, reads=True, repeatable=True)
ADD_TAGS: Final = Call("add_tags", LIMIT, repeatable=True)
PROBE: Final = Call("probe", LIMIT, reads=True, repeatable=True, once=True)
REMOVE_TAGS: Final = Call("remove_tags", LIMIT, repeatable=True)


class CustomField(Outgoing):
    """One custom field by `id` or by `key`."""

    id: str | None = None
    key: str | None = None
    field_value: str | int | float | bool | list[str] | None

    @model_validator(mode="after")
    def _named_once(self) -> "CustomField":
        if bool(self.id) == bool(self.key):
            raise ValueError("a custom field is named by its id or by its key")
        return self


class ContactUpdate(Outgoing):
    """What PUT takes: no `locationId`, no `companyName`, never `tags` (they would replace all there are).

    `dnd` (assumed): do not disturb, on all channels. `additional_emails` replaces all there are.
    """

    model_config = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    website: str | None = None
    source: str | None = None
    custom_fields: list[CustomField] | None = None
    dnd: bool | None = None
    additional_emails: list[dict[str, str]] | None = None


class ContactIn(ContactUpdate):
    """What upsert takes; the location is added by the client."""

    company_name: str | None = None

    @model_validator(mode="after")
    def _findable(self) -> "ContactIn":
        if not (self.email or self.phone):
            raise ValueError("a contact needs an e-mail or a phone")
        return self


class Contact(CamelIncoming):
    """A contact as answered; `raw` is the whole."""

    id: Text
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    phone: Text = ""
    company_name: Text = ""
    website: Text = ""
    tags: Items = Field(default_factory=list)
    custom_fields: Items = Field(default_factory=list)
    additional_emails: Items = Field(default_factory=list)
    additional_phones: Items = Field(default_factory=list)
    dnd: Flag = None
    raw: dict[str, Any] = Field(default_factory=dict)


class UpsertResult(Incoming):
    """`new` is None where the vendor does not say. `differs`: which of email, phone came back other than sent
    (they belong to different contacts, and one was silently dropped)."""

    contact: Contact
    new: Flag = None
    trace_id: Text = ""
    differs: tuple[str, ...] = ()


class GoHighLevelClient(LocationCalls):
    """Every method raises `VendorError`; ValueError for a mistake of ours."""

    def upsert_contact(self, contact: ContactIn | Mapping[str, Any]) -> UpsertResult:
        """Creates the contact or updates the one with its e-mail or phone. `UnknownOutcome` also on a 422."""
        sent = ContactIn.model_validate(contact)
        answer = self._send(UPSERT, "POST", "/contacts/upsert", {"locationId": self.location_id, **sent.body()})
        document = self._http.document(UPSERT, answer)
        stored = self._contact(UPSERT, answer, document.get("contact"))
        return UpsertResult(
            contact=stored,
            new=document.get("new"),
            trace_id=identifier(document.get("traceId")),
            differs=_differs(sent, stored),
        )

    def get_contact(self, contact_id: str) -> Contact | None:
        """None: there is no such contact."""
        try:
            answer = self._send(GET, "GET", f"/contacts/{segment(contact_id)}")
        except NotFound as error:
            _own_words(error)
            return None
        return self._contact(GET, answer, self._http.document(GET, answer).get("contact"))

    def update_contact(self, contact_id: str, changes: ContactUpdate | Mapping[str, Any]) -> Contact:
        """Sets the given fields and leaves the others. `NotFound` where there is no such contact."""
        body = ContactUpdate.model_validate(changes).body()
        answer = self._send(UPDATE, "PUT", f"/contacts/{segment(contact_id)}", body)
        return self._contact(UPDATE, answer, self._http.document(UPDATE, answer).get("contact"))

    def delete_contact(self, contact_id: str) -> bool:
        """True: deleted now; False: it was gone already. The owner can restore it for 60 days."""
        try:
            answer = self._send(DELETE, "DELETE", f"/contacts/{segment(contact_id)}")
        except NotFound as error:
            _own_words(error)
            return False
        if isinstance(answer.body, dict) and answer.body.get("succeded", True) is not True:
            raise self._http.unreadable(DELETE, answer)
        return True

    def find_duplicate(self, *, email: str | None = None, number: str | None = None) -> Contact | None:
        """The contact with this e-mail or phone; None: there is none."""
        if not (email or number):
            raise ValueError("a look-up needs an e-mail or a number")
        asked = {"email": email, "number": number}
        params = {name: value for name, value in asked.items() if value}
        answer = self._send(FIND, "GET", "/contacts/search/duplicate", params=params)
        document = self._http.document(FIND, answer)
        if "contact" not in document:
            raise self._http.unreadable(FIND, answer)
        contact = document["contact"]
        return None if contact is None else self._contact(FIND, answer, contact)

    def probe(self) -> None:
        """One small read, never repeated: does GoHighLevel answer at all?"""
        answer = self._send(PROBE, "GET", "/contacts/search/duplicate", params={"email": NOBODY})
        self._http.document(PROBE, answer)

    def add_tags(self, contact_id: str, tags: Sequence[str]) -> list[str] | None:
        """Adds tags and leaves the others; all tags the contact then has, None where that is not answered."""
        answer = self._send(ADD_TAGS, "POST", f"/contacts/{segment(contact_id)}/tags", {"tags": list(tags)})
        self._http.document(ADD_TAGS, answer)
        return _tags(answer)

    def remove_tags(self, contact_id: str, tags: Sequence[str]) -> list[str] | None:
        """Removes tags and leaves the others; all tags the contact then has, None where that is not answered."""
        body = {"tags": list(tags)}
        answer = self._send(REMOVE_TAGS, "DELETE", f"/contacts/{segment(contact_id)}/tags", body)
        self._http.document(REMOVE_TAGS, answer)
        return _tags(answer)

    # ------------------------------------------------------------ parts

    def _send(
        self, call: Call, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None
    ) -> Answer:
        """Every call carries the location: in the query, unless the body has it or PUT refuses it."""
        located = {**(params or {})} if call in (UPSERT, UPDATE) else {"locationId": self.location_id, **(params or {})}
        return self._located(call, method, path, self._by_ids(body), located)

    def _contact(self, call: Call, answer: Answer, document: Any) -> Contact:
        if not _has_id(document):
            raise self._http.unreadable(call, answer)
        named = (
            {**document, "customFields": self._named(document["customFields"])}
            if "customFields" in document
            else document
        )
        return Contact.model_validate({**named, "raw": document})


def _tags(answer: Answer) -> list[str] | None:
    tags = answer.body.get("tags") if isinstance(answer.body, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else None


def _own_words(error: NotFound) -> None:
    """Raises unless the vendor itself says it; a proxy's page says nothing about the contact."""
    if error.recovery is Recovery.NEEDS_PERSON:
        raise error


def _has_id(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("id"), str | int) and bool(document["id"])


def _differs(sent: ContactIn, stored: Contact) -> tuple[str, ...]:
    different = []
    if sent.email and email_key(sent.email) != email_key(stored.email):
        different.append("email")
    if sent.phone and _digits(sent.phone) != _digits(stored.phone):
        different.append("phone")
    return tuple(different)


def _digits(phone: str) -> str:
    return "".join(character for character in phone if character.isdigit())
