"""Instantly v2 over HTTP: leads. Every call falls under `instantly.calls` in the scope of the workspace.

The collection itself is never deleted: no method here sends DELETE without one record's id.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import Field, StrictBool, StrictInt, StrictStr

from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import NOBODY, Call
from enrichment.vendors.errors import NotFound, Recovery
from enrichment.vendors.instantly.campaigns import LIMIT, CampaignCalls
from enrichment.vendors.transport import segment
from enrichment.vendors.wire import Count, Incoming, Outgoing, Text, identifier
from swarm_admin.core.identifiers.emails import key as email_key

LEADS_MAX: Final = 1000  # Instantly: leads added in one call
LIST_MAX: Final = 100
UNSUBSCRIBED: Final = -2  # a lead's status

ADD: Final = Call("add_lead", LIMIT)
ADD_MANY: Final = Call("add_leads", LIMIT)
LIST: Final = Call("list_leads", LIMIT, reads=True, repeatable=True)
GET: Final = Call("get_lead", LIMIT, reads=True, repeatable=True)
PROBE: Final = Call("probe", LIMIT, reads=True, repeatable=True, once=True)
PATCH: Final = Call("patch_lead", LIMIT, repeatable=True)
DELETE: Final = Call("delete_lead", LIMIT, repeatable=True)
BLOCK: Final = Call("block_list_entry", LIMIT)

Variable = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | StrictStr | None


class LeadPatch(Outgoing):
    """What PATCH takes: the e-mail is not patchable (rectifying it is delete and create).

    `custom_variables`: text, number, boolean or null only, which is all Instantly stores.
    """

    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    job_title: str | None = None
    phone: str | None = None
    website: str | None = None
    personalization: str | None = None
    custom_variables: dict[str, Variable] | None = None

    def body(self) -> dict[str, Any]:
        """As JSON values, without what is missing; a variable that is null stays."""
        document = super().body()
        if self.custom_variables is not None:
            document["custom_variables"] = dict(self.custom_variables)
        return document


class LeadIn(LeadPatch):
    """A lead to add; the campaign is the call's."""

    email: Annotated[str, Field(min_length=3)]
    skip_if_in_workspace: bool | None = None
    skip_if_in_campaign: bool | None = None


class Lead(Incoming):
    """A lead as answered; `payload` is where its custom variables come back, `raw` the whole.

    `status`, `opens`, `replies`, `interest`: Instantly's own numbers, 0 where it does not tell them.
    """

    id: Text
    email: Text = ""
    campaign: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    company_name: Text = ""
    phone: Text = ""
    status: Count = 0
    opens: Count = Field(default=0, alias="email_open_count")
    replies: Count = Field(default=0, alias="email_reply_count")
    last_contact: Text = Field(default="", alias="timestamp_last_contact")
    last_reply: Text = Field(default="", alias="timestamp_last_reply")
    interest: Count = Field(default=0, alias="lt_interest_status")
    payload: dict[str, Any] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict)

    @property
    def replied(self) -> bool:
        """Replied, or was given an interest by whoever read the reply."""
        return self.replies > 0 or bool(self.last_reply) or self.interest != 0

    @property
    def unsubscribed(self) -> bool:
        return self.status == UNSUBSCRIBED


class CreatedLead(Incoming):
    """The lead made for the `index`-th lead of the request."""

    index: int
    id: str


class AddResult(Incoming):
    """`created`: only those really made; the others were skipped, see `counters` (Instantly's own names)."""

    created: list[CreatedLead]
    counters: dict[str, int]


class LeadPage(Incoming):
    """`next_starting_after` None: the last page."""

    items: list[Lead]
    next_starting_after: str | None = None


class InstantlyClient(CampaignCalls):
    """Every method raises `VendorError`; ValueError for a mistake of ours."""

    def add_lead(self, lead: LeadIn | Mapping[str, Any], campaign: str) -> Lead:
        """Adds one lead to a campaign."""
        body = {"campaign": campaign, **LeadIn.model_validate(lead).body()}
        answer = self._send(ADD, "POST", "/leads", body)
        return self._lead(ADD, answer, answer.body)

    def add_leads(
        self,
        leads: Sequence[LeadIn | Mapping[str, Any]],
        campaign_id: str,
        *,
        skip_if_in_campaign: bool = False,
    ) -> AddResult:
        """Adds at most 1000 leads to a campaign. `UnknownOutcome` where ids and leads cannot be matched."""
        if not 1 <= len(leads) <= LEADS_MAX:
            raise ValueError(f"{len(leads)} leads in one call; Instantly takes 1 to {LEADS_MAX}")
        sent = [LeadIn.model_validate(lead).body() for lead in leads]
        body: dict[str, Any] = {"campaign_id": campaign_id, "leads": sent}
        if skip_if_in_campaign:
            body["skip_if_in_campaign"] = True
        answer = self._send(ADD_MANY, "POST", "/leads/add", body)
        document = self._http.document(ADD_MANY, answer)
        created = _match_added([lead["email"] for lead in sent], document.get("created_leads"))
        if created is None:
            raise self._http.unreadable(ADD_MANY, answer)
        return AddResult(created=created, counters=_counters(document))

    def probe(self) -> None:
        """One small read, never repeated: does Instantly answer at all?"""
        answer = self._send(PROBE, "POST", "/leads/list", {"contacts": [NOBODY], "limit": 1})
        self._http.document(PROBE, answer)

    def list_leads(self, email: str, *, limit: int = LIST_MAX, starting_after: str | None = None) -> LeadPage:
        """The leads with this e-mail in all campaigns, a page; each page is a call of its own."""
        if not email.strip():
            raise ValueError("a look-up needs an e-mail")
        body = {
            "contacts": [email],
            "limit": limit,
            **({"starting_after": starting_after} if starting_after else {}),
        }
        answer = self._send(LIST, "POST", "/leads/list", body)
        document = self._http.document(LIST, answer)
        items, following = document.get("items"), identifier(document.get("next_starting_after")) or None
        if not isinstance(items, list) or (items and following and following == starting_after):
            raise self._http.unreadable(LIST, answer)
        leads = [self._lead(LIST, answer, item) for item in items]
        return LeadPage(items=leads, next_starting_after=following if leads else None)

    def get_lead(self, lead_id: str) -> Lead | None:
        """None: there is no such lead."""
        try:
            answer = self._send(GET, "GET", f"/leads/{segment(lead_id)}")
        except NotFound as error:
            _own_words(error)
            return None
        return self._lead(GET, answer, answer.body)

    def patch_lead(self, lead_id: str, changes: LeadPatch | Mapping[str, Any]) -> Lead:
        """Sets the given fields and leaves the others. `NotFound` where there is no such lead."""
        body = LeadPatch.model_validate(changes).body()
        answer = self._send(PATCH, "PATCH", f"/leads/{segment(lead_id)}", body)
        return self._lead(PATCH, answer, answer.body)

    def delete_lead(self, lead_id: str) -> bool:
        """True: deleted now; False: it was gone already. ValueError for an empty id: it would delete all."""
        try:
            self._send(DELETE, "DELETE", f"/leads/{segment(lead_id)}")
        except NotFound as error:
            _own_words(error)
            return False
        return True

    def block_list_entry(self, address: str) -> str:
        """Puts a plain address on the block list (a policy decision, off by default); the entry's id."""
        if not address.strip():
            raise ValueError("a block-list entry needs an address")
        answer = self._send(BLOCK, "POST", "/block-lists-entries", {"bl_value": address})
        entry_id = identifier(answer.body.get("id")) if isinstance(answer.body, dict) else ""
        if not entry_id:
            raise self._http.unreadable(BLOCK, answer)
        return entry_id

    # ------------------------------------------------------------ parts

    def _lead(self, call: Call, answer: Answer, document: Any) -> Lead:
        if not isinstance(document, dict) or not identifier(document.get("id")):
            raise self._http.unreadable(call, answer)
        payload = document.get("payload")
        cleaned = {**document, "payload": payload if isinstance(payload, dict) else {}, "raw": document}
        return Lead.model_validate(cleaned)


def _own_words(error: NotFound) -> None:
    """Raises unless the vendor itself says it; a proxy's page says nothing about the lead."""
    if error.recovery is Recovery.NEEDS_PERSON:
        raise error


def _match_added(emails: Sequence[str], listed: Any) -> list[CreatedLead] | None:
    """The made leads by the index they were sent at, the e-mail checked; None: cannot be told."""
    if listed is None:
        return []
    if not isinstance(listed, list):
        return None
    places = {email_key(email): index for index, email in enumerate(emails)}
    created = [_placed(entry, emails, places) for entry in listed]
    known = [lead for lead in created if lead]
    whole = len(known) == len(listed) and len({lead.index for lead in known}) == len(known)
    return known if whole else None


def _placed(entry: Any, emails: Sequence[str], places: Mapping[str, int]) -> CreatedLead | None:
    if not isinstance(entry, dict) or not (lead_id := identifier(entry.get("id"))):
        return None
    index, email = entry.get("index"), email_key(identifier(entry.get("email")))
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(emails):
        index = None
    if email and (index is None or email_key(emails[index]) != email):
        index = places.get(email)
    return None if index is None else CreatedLead(index=index, id=lead_id)


def _counters(document: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in document.items() if isinstance(value, int) and not isinstance(value, bool)}
