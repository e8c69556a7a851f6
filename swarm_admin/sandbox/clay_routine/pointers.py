"""The signed webhook of a finished run: it says which, and nothing of what came out. It may never arrive."""

import datetime
import hashlib
import hmac
import json
from typing import Any

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.delivery import Deliveries, Letter
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import stamp

NAME = "clay_routine"


def signature(secret: str, body: bytes) -> str:
    """The header's value for a raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Pointers:
    """The registered addresses with their signing secrets. Clay registers them on its command line only."""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        self.config, self.faults = config, faults
        self.deliveries = Deliveries(config, stats.deliveries[NAME])
        self.registered: dict[str, dict[str, str]] = {}
        self.take_up({})

    def take_up(self, registered: dict[str, dict[str, str]]) -> None:
        """Those of an earlier process; what is configured holds as it is now."""
        self.registered |= registered
        for webhook_id, document in self.config.clay_hooks.items():
            self.register(webhook_id, document)

    def register(self, webhook_id: str, document: dict[str, Any]) -> None:
        """Keeps `url` and `secret`. Raises ValueError."""
        url, secret = document.get("url"), document.get("secret")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError("url must be an http(s) address")
        if not isinstance(secret, str) or not secret:
            raise ValueError("secret must be a text")
        self.registered[webhook_id] = {"url": url, "secret": secret}

    def announce(self, webhook_id: str, run_id: str = "") -> bool:
        """Posts the run's id, or a test event where there is none. False where it is lost, or nobody listens."""
        hook = self.registered.get(webhook_id)
        if hook is None:
            return False
        body = json.dumps(
            {
                "webhookId": webhook_id,
                "createdAt": stamp(datetime.datetime.now(datetime.UTC)),
                "data": {"routine_run_id": run_id} if run_id else {},
            },
            separators=(",", ":"),
        ).encode()
        headers = {"X-Clay-Signature": signature(hook["secret"], body)}
        letter = Letter(hook["url"], body, headers, self.config.pointer_attempts, self.config.webhook_backoff_seconds)
        return self.deliveries.send(letter, self.faults.on_webhook(NAME, "") if run_id else None)

    async def close(self) -> None:
        """Forgets everything on its way."""
        await self.deliveries.close()
