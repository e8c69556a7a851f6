"""The webhooks of Clay's REST contract: registered by call, sent at least once."""

import json
from typing import Any

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.delivery import Deliveries, Letter
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.people import canonical
from swarm_admin.sandbox.stats import Stats


class Webhooks:
    """The registered addresses and everything on its way to them."""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        self.config, self.faults = config, faults
        self.registered: dict[str, dict[str, Any]] = {}
        self.deliveries = Deliveries(config, stats.deliveries["clay"])

    def register(self, document: dict[str, Any]) -> str:
        """Keeps `webhook_url`, `events`, `headers`; the same URL again replaces its entry. Returns the id."""
        url = document["webhook_url"]
        for key, each in self.registered.items():
            if each["webhook_url"] == url:
                each.update(document)
                return key
        key = f"whk_{len(self.registered) + 1:04}"
        self.registered[key] = dict(document)
        return key

    def emit(self, payload: dict[str, Any]) -> None:
        """Sends the event to every address that wants it."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        config = self.config
        for hook in self.registered.values():
            if payload["event"] not in hook["events"]:
                continue
            fault = self.faults.on_webhook("clay", canonical(payload["data"].get("linkedin_url")))
            letter = Letter(
                hook["webhook_url"], body, hook["headers"], config.webhook_attempts, config.webhook_backoff_seconds
            )
            self.deliveries.send(letter, fault)

    async def close(self) -> None:
        """Forgets everything on its way."""
        await self.deliveries.close()
