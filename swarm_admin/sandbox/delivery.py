"""What a vendor posts to us: again on anything but 2xx, and lost, doubled, late or out of order by fault."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Fault
from swarm_admin.sandbox.poster import Poster, Unreachable

AT_ONCE = 32
HELD_SECONDS = 30.0  # a delivery held back to arrive out of order leaves after that in any case
UNREACHABLE = 0  # told to `ended` where nobody answered


@dataclass(frozen=True)
class Letter:
    """One POST: where to, what, how often it is tried, and who is told the last status when it is over."""

    url: str
    body: bytes
    headers: dict[str, str]
    attempts: int = 1
    backoff: float = 0.0  # vendor seconds before the second attempt, doubled at each
    delay: float = 0.0  # real seconds before the first
    ended: Callable[[int], None] = lambda status: None


class Deliveries:
    """Everything on its way from one vendor, counted in `counts`."""

    def __init__(self, config: Config, counts: Counter[str]) -> None:
        self.config, self.counts = config, counts
        self.tasks: set[asyncio.Task[None]] = set()
        self.held: list[asyncio.Event] = []
        self.poster = Poster()
        self.gate = asyncio.Semaphore(AT_ONCE)

    def send(self, letter: Letter, fault: Fault | None) -> bool:
        """Sends it, spoilt by the fault if there is one; False when it is lost before it leaves."""
        kind = fault.kind if fault else ""
        if kind == "drop_webhook":
            self.counts["dropped"] += 1
            return False
        late = fault.seconds / self.config.speed if fault and kind == "late_webhook" else 0.0
        copies = 2 if kind == "double_webhook" else 1
        self.counts["doubled"] += copies - 1
        for _ in range(copies):
            self._start(self._deliver(letter, letter.delay + late, kind == "out_of_order_webhook"))
        return True

    def _start(self, delivery: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(delivery)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver(self, letter: Letter, wait: float, hold: bool) -> None:
        if hold:
            await self._hold()
        if wait:
            await asyncio.sleep(wait)
        self.counts["sent"] += 1
        letter.ended(await self._insist(letter))
        if not hold and self.held:
            self.held.pop(0).set()

    async def _insist(self, letter: Letter) -> int:
        """The last status, after as many attempts as it takes or are allowed."""
        status = UNREACHABLE
        for attempt in range(letter.attempts):
            if attempt:
                await asyncio.sleep(letter.backoff * 2 ** (attempt - 1) / self.config.speed)
            status = await self._post(letter)
            if 200 <= status < 300:
                self.counts["acknowledged"] += 1
                return status
        self.counts["given_up"] += 1
        return status

    async def _hold(self) -> None:
        """Waits until a later delivery has been made."""
        release = asyncio.Event()
        self.held.append(release)
        try:
            await asyncio.wait_for(release.wait(), HELD_SECONDS / self.config.speed)
        except TimeoutError:
            if release in self.held:
                self.held.remove(release)

    async def _post(self, letter: Letter) -> int:
        headers = {"content-type": "application/json", **letter.headers}
        async with self.gate:
            self.counts["attempts"] += 1
            try:
                status = await self.poster.post(letter.url, letter.body, headers)
            except Unreachable:
                self.counts["unreachable"] += 1
                return UNREACHABLE
        self.counts[f"answered_{status}"] += 1
        return status

    async def close(self) -> None:
        """Forgets everything on its way."""
        for task in list(self.tasks):
            task.cancel()
        self.poster.close()
