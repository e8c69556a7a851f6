"""Instantly's campaigns over HTTP, and what the key may do."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import Call
from enrichment.vendors.errors import NotFound, Recovery
from enrichment.vendors.transport import Transport, segment
from enrichment.vendors.wire import Incoming, Text, identifier

LIMIT: Final = "instantly.calls"
WORKSPACE: Final = "workspace"  # the scope of the limit: there is one for each key
PAGE: Final = 100  # campaigns on a page
PAGES: Final = 20  # read at most
NO_RECORD: Final = "00000000-0000-0000-0000-000000000000"  # an id that no record has

LIST_CAMPAIGNS: Final = Call("list_campaigns", LIMIT, reads=True, repeatable=True)
GET_CAMPAIGN: Final = Call("get_campaign", LIMIT, reads=True, repeatable=True)
EXAMINE: Final = Call("test_scope", LIMIT, repeatable=True, once=True, examines=True)

# Instantly's numbers of a campaign's status.
DRAFT, ACTIVE, PAUSED, COMPLETED, SUBSEQUENCES = 0, 1, 2, 3, 4
STATUSES: Final = {
    DRAFT: "Draft",
    ACTIVE: "Active",
    PAUSED: "Paused",
    COMPLETED: "Completed",
    SUBSEQUENCES: "Running subsequences",
    -1: "Accounts unhealthy",
    -2: "Bounce protection",
    -99: "Account suspended",
}
# None where the answer does not tell it as a whole number.
Status = Annotated[
    int | None,
    BeforeValidator(lambda value: value if isinstance(value, int) and not isinstance(value, bool) else None),
]


class Campaign(Incoming):
    """A campaign as listed."""

    id: Text = ""
    name: Text = ""
    status: Status = None

    @property
    def status_words(self) -> str:
        if self.status is None:
            return "Unknown status"
        return STATUSES.get(self.status, f"Status {self.status}")

    @property
    def sends(self) -> bool:
        """Whether a lead that is added now is written to."""
        return self.status == ACTIVE


class CampaignCalls:
    """Every method raises `VendorError`."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._http = Transport("instantly", base_url, {"Authorization": f"Bearer {api_key}"})

    def scope(self) -> str:
        """The scope of `instantly.calls`."""
        return WORKSPACE

    def close(self) -> None:
        self._http.close()

    def campaigns(self, starting_after: str = "") -> tuple[list[Campaign], str]:
        """(a page of campaigns, where the next one starts); "" after the last."""
        params = {"limit": str(PAGE), **({"starting_after": starting_after} if starting_after else {})}
        answer = self._send(LIST_CAMPAIGNS, "GET", "/campaigns", params=params)
        document = self._http.document(LIST_CAMPAIGNS, answer)
        items, following = document.get("items"), identifier(document.get("next_starting_after"))
        if not isinstance(items, list) or (items and following and following == starting_after):
            raise self._http.unreadable(LIST_CAMPAIGNS, answer)
        listed = [Campaign.model_validate(each) for each in items if isinstance(each, dict)]
        return [each for each in listed if each.id], following if items else ""

    def campaign(self, campaign_id: str) -> Campaign | None:
        """None: there is no such campaign in the workspace."""
        try:
            answer = self._send(GET_CAMPAIGN, "GET", f"/campaigns/{segment(campaign_id)}")
        except NotFound as error:
            if error.recovery is Recovery.NEEDS_PERSON:  # a proxy's page says nothing about the campaign
                raise
            return None
        document = self._http.document(GET_CAMPAIGN, answer)
        if not identifier(document.get("id")):
            raise self._http.unreadable(GET_CAMPAIGN, answer)
        return Campaign.model_validate(document)

    def examine(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> None:
        """One call that changes nothing, to see whether the key may make it; never repeated."""
        self._send(EXAMINE, method, path, body, params)

    def _send(
        self, call: Call, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        return self._http.send(call, method, path, body=body, params=params, scope=self.scope())
