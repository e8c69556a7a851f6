"""What happens to a run by itself: its items end one by one, then it does, and the pointer is posted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from swarm_admin.sandbox.clay_cells import ENRICHED, Enricher
from swarm_admin.sandbox.clay_routine.pointers import NAME, Pointers
from swarm_admin.sandbox.clay_routine.routines import RUNNING, Item, Routine, RoutineRun
from swarm_admin.sandbox.clay_runs import run_seconds
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.people import canonical
from swarm_admin.sandbox.stats import Stats


class RoutineRuns:
    """Charges runs, ends their items when their time has come, and announces them."""

    def __init__(
        self, config: Config, faults: Faults, stats: Stats, enricher: Enricher, credits: Credits, pointers: Pointers
    ) -> None:
        self.config, self.faults = config, faults
        self.enricher, self.credits, self.pointers = enricher, credits, pointers
        self.counts = stats.counts[NAME]
        self.waiting: set[asyncio.TimerHandle] = set()
        self.charged_ids: Counter[tuple[str, str]] = Counter()  # (routine, item id) → items charged
        self.charged_people: Counter[str] = Counter()

    def charge(self, routine: Routine, items: list[Item]) -> None:
        """An action an item. A run that was charged before is charged again: nothing tells the two apart."""
        self.credits.charge(self.config.clay_workspace_id, actions=len(items))
        self.counts["items_charged"] += len(items)
        self.count(routine, items)

    def count(self, routine: Routine, items: list[Item]) -> None:
        """Whom and what was charged, to tell what was charged twice."""
        for item in items:
            self.charged_ids[routine.id, item.id] += 1
            self.charged_people[canonical(routine.row_of(item.inputs)["linkedin_url"])] += 1

    def start(self, routine: Routine, run: RoutineRun) -> None:
        """Lets every item that has not ended take its time."""
        for item in run.items:
            if item.status == RUNNING:
                self._later(run_seconds(self.config, item.id, 1), partial(self.finish, routine, item), run)
        if not run.items:
            self._later(self.config.enrich_seconds[0] / self.config.speed, lambda: None, run)

    def _later(self, seconds: float, act: Callable[[], None], run: RoutineRun) -> None:
        def finish() -> None:
            self.waiting.discard(handle)
            act()
            self._end(run)

        handle = asyncio.get_running_loop().call_later(seconds, finish)
        self.waiting.add(handle)

    def finish(self, routine: Routine, item: Item) -> None:
        """Ends an item, with its result or with the reason why there is none."""
        row = routine.row_of(item.inputs)
        url = canonical(row["linkedin_url"])
        if complaints := routine.complaints(item.inputs):
            item.fail("; ".join(f"{name}: {message}" for name, message in complaints))
        elif fault := self.faults.on_record("item_failed", url):
            item.fail(fault.text or "The function failed")
        else:
            self._enrich(routine, item, row, url)

    def _enrich(self, routine: Routine, item: Item, row: dict[str, Any], url: str) -> None:
        done = self.enricher.run(row, routine.waterfalls, self.config.clay_workspace_id)
        if done.error:
            item.fail(done.error)
        elif routine.not_found == "failed" and not set(done.values()) & set(ENRICHED):
            item.fail("No result found")
        else:
            fault = self.faults.on_record("item_status", url)
            item.result = routine.result_of(done)
            item.status = (fault.text or "skipped") if fault else "complete"

    def _end(self, run: RoutineRun) -> None:
        """Ends the run with its last item."""
        if run.status != RUNNING or run.finished < len(run.items):
            return
        fault = self.faults.on_record("run_status", "")
        usual = "validation_failed" if run.error else "complete"
        run.end((fault.text or "cancelled") if fault else usual)
        self.counts["runs_ended"] += 1
        if run.webhook_id:
            self.pointers.announce(run.webhook_id, run.id)

    def stop(self) -> None:
        """Forgets the items that have not ended."""
        for handle in self.waiting:
            handle.cancel()
        self.waiting.clear()

    async def close(self) -> None:
        """Forgets everything on its way."""
        self.stop()
        await self.pointers.close()
