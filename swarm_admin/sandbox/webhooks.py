"""Clay's webhooks: sent at least once, again on anything but 2xx, spoilt where a fault says so."""

import asyncio
import json
from typing import Any

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.people import canonical
from swarm_admin.sandbox.poster import Poster, Unreachable
from swarm_admin.sandbox.stats import Stats

AT_ONCE = 32
HELD_SECONDS = 30.0  # a delivery held back to arrive out of order leaves after that in any case


class Webhooks:
    """The registered addresses and everything on its way to them."""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        self.config, self.faults, self.stats = config, faults, stats
        self.registered: dict[str, dict[str, Any]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.held: list[asyncio.Event] = []
        self.poster = Poster()
        self.gate = asyncio.Semaphore(AT_ONCE)

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
        for hook in self.registered.values():
            if payload["event"] not in hook["events"]:
                continue
            fault = self.faults.on_webhook(canonical(payload["data"].get("linkedin_url")))
            kind = fault.kind if fault else ""
            if kind == "drop_webhook":
                self.stats.webhooks["dropped"] += 1
                continue
            wait = fault.seconds / self.config.speed if fault and kind == "late_webhook" else 0.0
            for _ in range(2 if kind == "double_webhook" else 1):
                self._start(self._deliver(hook, body, wait, kind == "out_of_order_webhook"))

    def _start(self, delivery: Any) -> None:
        task = asyncio.get_running_loop().create_task(delivery)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver(self, hook: dict[str, Any], body: bytes, wait: float, hold: bool) -> None:
        if hold:
            await self._hold()
        if wait:
            await asyncio.sleep(wait)
        self.stats.webhooks["sent"] += 1
        for attempt in range(self.config.webhook_attempts):
            if await self._post(hook, body):
                self.stats.webhooks["acknowledged"] += 1
                break
            await asyncio.sleep(self.config.webhook_backoff_seconds * 2**attempt / self.config.speed)
        else:
            self.stats.webhooks["given_up"] += 1
        if not hold and self.held:
            self.held.pop(0).set()

    async def _hold(self) -> None:
        """Waits until a later delivery has been made."""
        release = asyncio.Event()
        self.held.append(release)
        try:
            await asyncio.wait_for(release.wait(), HELD_SECONDS / self.config.speed)
        except TimeoutError:
            if release in self.held:
                self.held.remove(release)

    async def _post(self, hook: dict[str, Any], body: bytes) -> bool:
        headers = {"content-type": "application/json", **hook["headers"]}
        async with self.gate:
            self.stats.webhooks["attempts"] += 1
            try:
                status = await self.poster.post(hook["webhook_url"], body, headers)
            except Unreachable:
                self.stats.webhooks["unreachable"] += 1
                return False
        self.stats.webhooks[f"answered_{status}"] += 1
        return 200 <= status < 300

    async def close(self) -> None:
        """Forgets everything on its way."""
        for task in list(self.tasks):
            task.cancel()
        self.poster.close()
