"""Instantly: the leads of one workspace."""

import hmac
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_store import now
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.ghl_fields import EMAIL
from swarm_admin.sandbox.instantly_fields import FLAGS, LEAD, TEXTS
from swarm_admin.sandbox.instantly_workspace import SCOPES, Workspace
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import stamp
from swarm_admin.sandbox.wire import Answer, Call

MAX_ADD, MAX_LIST = 1000, 100
Lead = dict[str, Any]


class Instantly(Workspace):
    """`/instantly/api/v2`."""

    name = "instantly"

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        super().__init__(config, faults, stats)
        self.leads: dict[str, Lead] = {}
        self.by_email: dict[str, dict[str, Lead]] = {}
        self.born: dict[str, float] = {}
        self.removed: list[tuple[float, Lead]] = []

    # ------------------------------------------------------------ frame

    def route(self, call: Call) -> tuple[str, Callable[[Call], Answer]]:
        """`leads.*`, `block_list.*`, `campaigns.*`."""
        match (call.method, *call.parts):
            case ("POST", "leads"):
                return "leads.create", self.create
            case ("POST", "leads", "add"):
                return "leads.add", self.add
            case ("POST", "leads", "list"):
                return "leads.list", self.list_leads
            case ("GET", "leads", _):
                return "leads.get", self.get
            case ("PATCH", "leads", _):
                return "leads.update", self.update
            case ("DELETE", "leads", _):
                return "leads.delete", self.delete
            case ("DELETE", "leads"):
                return "leads.delete_all", self.delete_all
            case ("POST", "block-lists-entries"):
                return "block_list.create", self.block
            case ("DELETE", "block-lists-entries", _):
                return "block_list.delete", self.unblock
            case ("DELETE", "block-lists-entries"):
                return "block_list.delete_all", self.unblock_all
            case ("GET", "campaigns"):
                return "campaigns.list", self.list_campaigns
            case ("GET", "campaigns", _):
                return "campaigns.get", self.campaign
        raise self.error(404, "Route not found")

    def check(self, call: Call) -> None:
        """Bearer key, no Content-Type on a DELETE, and the two limits (told in no header)."""
        expected = f"Bearer {self.config.instantly_api_key}"
        if not hmac.compare_digest(call.header(b"authorization").encode(), expected.encode()):
            raise self.error(401, "Invalid API key")
        scope = SCOPES.get(self.route(call)[0], "")
        if scope in self.config.instantly_missing_scopes:
            raise self.error(403, f"The API key does not have the required scope {scope}")
        if call.method == "DELETE" and not call.raw and call.header(b"content-type"):
            message = "Body cannot be empty when content-type is set to 'application/json'"
            raise self.error(400, message)
        config = self.config
        second = self.limits.window("second", config.instantly_per_second, 1)
        minute = self.limits.window("minute", config.instantly_per_minute, 60)
        if self.limits.refuse([second, minute]):
            raise self.error(429, "Rate limit exceeded")

    def _lead(self, call: Call) -> Lead:
        lead = self.leads.get(call.parts[1])
        if lead is None:
            raise self.error(404, "Lead not found")
        return lead

    # ------------------------------------------------------------ leads

    def _present(self, email: str, campaign: str, flags: dict[str, Any]) -> Lead | None:
        """The lead that a skip flag finds."""
        for lead in self.by_email.get(email.lower(), {}).values():
            if flags.get("skip_if_in_workspace"):
                return lead
            if flags.get("skip_if_in_campaign") and lead["campaign"] == campaign:
                return lead
        return None

    def _is_blocked(self, email: str) -> bool:
        values = {entry["bl_value"] for entry in self.blocked.values()}
        return email.lower() in values or email.lower().rpartition("@")[2] in values

    def _make(self, document: dict[str, Any], campaign: str) -> Lead:
        moment = stamp(now())
        lead: Lead = {
            "id": self._id("lead"),
            "timestamp_created": moment,
            "timestamp_updated": moment,
            "campaign": campaign,
            "status": 1,
            "email": document["email"],
            "email_open_count": 0,
            "email_reply_count": 0,
            "email_click_count": 0,
            "timestamp_last_contact": None,
            "timestamp_last_reply": None,
            **{name: document.get(name) for name in sorted(TEXTS)},
            "payload": dict(document.get("custom_variables") or {}),
        }
        self.leads[lead["id"]] = lead
        self.born[lead["id"]] = time.monotonic()
        self.by_email.setdefault(lead["email"].lower(), {})[lead["id"]] = lead
        self.counts["leads_created"] += 1
        return lead

    def create(self, call: Call) -> Answer:
        document = self._body(call, LEAD | FLAGS | {"campaign"})
        campaign, email = self._campaign(document.get("campaign")), document.get("email")
        if not isinstance(email, str) or not EMAIL.fullmatch(email):
            raise self.error(400, "body/email must be an e-mail address")
        if self._is_blocked(email):
            self.counts["refused_blocked"] += 1
            raise self.error(400, "The e-mail address is in the block list")
        present = self._present(email, campaign, document)
        return Answer(200, present or self._make(document, campaign))

    def add(self, call: Call) -> Answer:
        document = self._body(call, FLAGS | {"campaign_id", "leads", "verify_leads_on_import"})
        campaign, leads = self._campaign(document.get("campaign_id")), document.get("leads")
        if not isinstance(leads, list) or not leads or not all(isinstance(each, dict) for each in leads):
            raise self.error(400, "body/leads must be a list that is not empty")
        if len(leads) > MAX_ADD:
            raise self.error(400, f"body/leads must NOT have more than {MAX_ADD} items")
        for index, each in enumerate(leads):
            self._strict(each, LEAD, f"body/leads/{index}")
        counts = dict.fromkeys(("in_blocklist", "skipped_count", "invalid_email_count", "duplicate_email_count"), 0)
        created: list[dict[str, Any]] = []
        seen: set[str] = set()
        for index, each in enumerate(leads):
            reason = self._refused(each.get("email"), campaign, document, seen)
            if reason:
                counts[reason] += 1
                continue
            seen.add(each["email"].lower())
            lead = self._make(each, campaign)
            created.append({"index": index, "id": lead["id"], "email": lead["email"]})
        totals = {"status": "success", "total_sent": len(leads), "leads_uploaded": len(created)}
        return Answer(200, {**totals, **counts, "created_leads": created})

    def _refused(self, email: Any, campaign: str, flags: dict[str, Any], seen: set[str]) -> str:
        """The counter under which an address is left out; empty when it is taken."""
        if not isinstance(email, str) or not EMAIL.fullmatch(email):
            return "invalid_email_count"
        if self._is_blocked(email):
            return "in_blocklist"
        if email.lower() in seen:
            return "duplicate_email_count"
        return "skipped_count" if self._present(email, campaign, flags) else ""

    def list_leads(self, call: Call) -> Answer:
        document = self._body(call, {"contacts", "limit", "starting_after", "campaign"})
        contacts, limit = document.get("contacts"), document.get("limit", MAX_LIST)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_LIST:
            raise self.error(400, f"body/limit must be 1 to {MAX_LIST}")
        if contacts is None:
            leads = [*self.leads.values()]
        elif isinstance(contacts, list) and all(isinstance(each, str) for each in contacts):
            leads = self._indexed({each.lower() for each in contacts})
        else:
            raise self.error(400, "body/contacts must be a list of addresses")
        if document.get("campaign"):
            leads = [lead for lead in leads if lead["campaign"] == document["campaign"]]
        after = document.get("starting_after")
        if after is not None:
            places = [place for place, lead in enumerate(leads) if lead["id"] == after]
            leads = leads[places[0] + 1 :] if places else []
        items = leads[:limit]
        # As the vendor does, a last full page names a next one, which is empty.
        return Answer(200, {"items": items, "next_starting_after": items[-1]["id"] if len(items) == limit else None})

    def _indexed(self, emails: set[str]) -> list[Lead]:
        """The leads with one of these addresses, as the index has them: behind by the lag of the settings."""
        seen = time.monotonic() - self.config.instantly_list_lag_seconds / self.config.speed
        self.removed = [(at, lead) for at, lead in self.removed if at > seen]
        present = [lead for each in sorted(emails) for lead in self.by_email.get(each, {}).values()]
        leads = [lead for lead in present if self.born.get(lead["id"], 0.0) <= seen]
        return leads + [lead for _, lead in self.removed if lead["email"].lower() in emails]

    def get(self, call: Call) -> Answer:
        return Answer(200, self._lead(call))

    def update(self, call: Call) -> Answer:
        lead, document = self._lead(call), self._body(call, TEXTS | {"custom_variables"})
        lead["payload"] |= document.pop("custom_variables", None) or {}
        lead.update(document, timestamp_updated=stamp(now()))
        return Answer(200, lead)

    def _remove(self, lead: Lead) -> None:
        del self.leads[lead["id"]]
        del self.by_email[lead["email"].lower()][lead["id"]]
        self.removed.append((time.monotonic(), lead))
        self.counts["leads_deleted"] += 1

    def delete(self, call: Call) -> Answer:
        if self.config.instantly_delete != "on":
            raise self.error(int(self.config.instantly_delete.removeprefix("off")), "Route not found")
        lead = self._lead(call)
        if not self.config.instantly_delete_lies:
            self._remove(lead)
        return Answer(200, lead)

    def delete_all(self, call: Call) -> Answer:
        """Deletes everything that matches, and without ids that is everything."""
        document = self.json(call) if call.raw else {}
        wanted = document.get("ids") or [*self.leads]
        gone = [self.leads[each] for each in wanted if each in self.leads]
        for lead in gone:
            self._remove(lead)
        return Answer(200, {"count": len(gone)})

    # ------------------------------------------------------------ what happens by itself

    def mails(self, lead_id: str, opened: int, replied: int, unsubscribed: bool) -> bool:
        """What happens in a campaign by itself: the lead is written to, and answers or not; False: no such lead."""
        lead = self.leads.get(lead_id)
        if lead is None:
            return False
        moment = stamp(now())
        lead.update(email_open_count=opened, email_reply_count=replied, timestamp_last_contact=moment)
        lead["timestamp_last_reply"] = moment if replied else None
        lead["status"] = -2 if unsubscribed else lead["status"]
        return True

    def duplicates(self) -> int:
        """Leads beyond the first with the same e-mail in the same campaign."""
        pairs = {(lead["email"].lower(), lead["campaign"]) for lead in self.leads.values()}
        return len(self.leads) - len(pairs)
