"""Instantly: what a workspace has besides its leads, which are campaigns and a block list; and how it refuses."""

import hashlib
import re
import uuid
from typing import Any

from swarm_admin.sandbox.clay_store import now
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.ghl import REASONS
from swarm_admin.sandbox.ghl_fields import EMAIL
from swarm_admin.sandbox.instantly_fields import complaint
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import stamp
from swarm_admin.sandbox.wire import Answer, Call, Vendor

DOMAIN = re.compile(r"[^@\s/.]+(?:\.[^@\s/.]+)+")
PAGE = 100  # campaigns on a page at most, and where nothing else is asked for
# What a call needs.
SCOPES = {
    "leads.create": "leads:create",
    "leads.add": "leads:create",
    "leads.list": "leads:read",
    "leads.get": "leads:read",
    "leads.update": "leads:update",
    "leads.delete": "leads:delete",
    "leads.delete_all": "leads:delete",
    "block_list.create": "block_list_entries:create",
    "block_list.delete": "block_list_entries:delete",
    "block_list.delete_all": "block_list_entries:delete",
    "campaigns.list": "campaigns:read",
    "campaigns.get": "campaigns:read",
}


class Workspace(Vendor):
    """Campaigns and block list. Where the settings name no campaign, any is there."""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        super().__init__(config, faults, stats)
        self.blocked: dict[str, dict[str, Any]] = {}
        self.made = 0

    def error(self, status: int, message: str = "", **more: Any) -> Answer:
        """`{"statusCode", "error", "message"}`."""
        body: dict[str, Any] = {
            "statusCode": status,
            "error": REASONS.get(status, "Error"),
            "message": message,
        }
        if status == 422:
            body["message"] = [message]
        return Answer(status, body)

    def _body(self, call: Call, allowed: set[str]) -> dict[str, Any]:
        document = self.json(call)
        self._strict(document, allowed, "body")
        return document

    def _strict(self, document: dict[str, Any], allowed: set[str], where: str) -> None:
        if sentence := complaint(document, allowed, where):
            raise self.error(400, sentence)

    def _id(self, kind: str) -> str:
        self.made += 1
        return str(uuid.UUID(hashlib.sha256(f"{kind} {self.config.seed} {self.made}".encode()).hexdigest()[:32]))

    # ------------------------------------------------------------ campaigns

    def campaigns(self) -> dict[str, dict[str, Any]]:
        """{id: campaign}; empty where any is there."""
        named = {key: {"id": key, "status": 1, **each} for key, each in self.config.instantly_campaigns.items()}
        first = self.config.instantly_campaign_id
        return {**({first: {"id": first, "name": "Outreach", "status": 1}} if first else {}), **named}

    def _campaign(self, campaign: Any) -> str:
        known = self.campaigns()
        if not isinstance(campaign, str) or not campaign:
            raise self.error(400, "A campaign is needed")
        if known and campaign not in known:
            raise self.error(404, "Campaign not found")
        return campaign

    def list_campaigns(self, call: Call) -> Answer:
        limit = call.query.get("limit", str(PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= PAGE:
            raise self.error(400, f"querystring/limit must be 1 to {PAGE}")
        listed, after = list(self.campaigns().values()), call.query.get("starting_after")
        if after is not None:
            places = [place for place, each in enumerate(listed) if each["id"] == after]
            listed = listed[places[0] + 1 :] if places else []
        items = listed[: int(limit)]
        following = items[-1]["id"] if len(items) == int(limit) else None
        return Answer(200, {"items": items, "next_starting_after": following})

    def campaign(self, call: Call) -> Answer:
        campaign = self._campaign(call.parts[1])
        return Answer(200, self.campaigns().get(campaign) or {"id": campaign, "name": "Outreach", "status": 1})

    # ------------------------------------------------------------ block list

    def block(self, call: Call) -> Answer:
        value = self._body(call, {"bl_value"}).get("bl_value")
        if not isinstance(value, str) or not (EMAIL.fullmatch(value) or DOMAIN.fullmatch(value)):
            raise self.error(400, "body/bl_value must be an address or a domain")
        entry: dict[str, Any] = {
            "id": self._id("entry"),
            "timestamp_created": stamp(now()),
            "bl_value": value.lower(),
            "is_domain": "@" not in value,
        }
        self.blocked[entry["id"]] = entry
        return Answer(200, entry)

    def unblock(self, call: Call) -> Answer:
        entry = self.blocked.pop(call.parts[1], None)
        if entry is None:
            raise self.error(404, "Entry not found")
        return Answer(200, entry)

    def unblock_all(self, call: Call) -> Answer:
        count = len(self.blocked)
        self.blocked.clear()
        return Answer(200, {"count": count})
