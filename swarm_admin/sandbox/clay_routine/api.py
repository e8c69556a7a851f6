"""`/clay/public/v0`: who the key is of, runs and their results, batch runs and their files."""

import hashlib
import hmac
import math
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_cells import Enricher
from swarm_admin.sandbox.clay_routine.files import Files, is_item, read, written
from swarm_admin.sandbox.clay_routine.pointers import NAME, Pointers
from swarm_admin.sandbox.clay_routine.routines import RUNNING, Item, Routine, RoutineRun
from swarm_admin.sandbox.clay_routine.runs import RoutineRuns
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Window, retry_after
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.wire import Answer, Call, Vendor

MAX_ITEMS = 100
USUAL_PAGE, MAX_PAGE = 20, 100
BASE = "/clay/public/v0"
Handler = Callable[[Call], Answer]


class ClayRoutine(Vendor):
    """The public API of one workspace. What a person sets up there comes by control call."""

    name = NAME

    def __init__(self, config: Config, faults: Faults, stats: Stats, credits: Credits) -> None:
        super().__init__(config, faults, stats)
        self.credits = credits
        self.pointers = Pointers(config, faults, stats)
        enricher = Enricher(config, faults, stats, self.limits, credits)
        self.processing = RoutineRuns(config, faults, stats, enricher, credits, self.pointers)
        self.routines: dict[str, Routine] = {}
        self.runs: dict[str, RoutineRun] = {}
        self.files = Files(config)
        self.answered = 0
        self._set_up()

    def _set_up(self) -> None:
        """What is configured to be there from the start."""
        for routine_id, document in self.config.clay_routines.items():
            self.set_routine(routine_id, document)

    # ------------------------------------------------------------ frame

    def route(self, call: Call) -> tuple[str, Handler]:
        """`me`, `runs.*`, `batches.*`, `files.*`, `tables.query`."""
        match (call.method, *call.parts):
            case ("GET", "me"):
                return "me", self.me
            case ("POST", "routines", _, "run"):
                return "runs.start", self.run
            case ("GET", "routines", "run", _, "results"):
                return "runs.results", self.results
            case ("POST", "routines", _, "run-batch", "upload-url"):
                return "batches.upload_url", self.upload_url
            case ("POST", "routines", _, "run-batch", "start"):
                return "batches.start", self.start_batch
            case ("GET", "routines", "run-batch", _, "results"):
                return "batches.results", self.batch_results
            case ("PUT", "files", _):
                return "files.upload", self.upload
            case ("GET", "files", _):
                return "files.download", self.download
            case ("POST", "tables", "query"):
                return "tables.query", self.query
        raise self.error(404, "Not found")

    def error(self, status: int, message: str = "", **more: Any) -> Answer:
        """`{"message"}`; the status decides."""
        return Answer(status, {"message": message})

    def check(self, call: Call) -> None:
        """The key and the workspace's limit; a signed address needs neither."""
        if call.parts[0] == "files":
            return
        header = self.config.routine_header
        given = call.header(header.encode())
        expected = ("Bearer " if header == "authorization" else "") + self.config.clay_api_key
        if not hmac.compare_digest(given.encode(), expected.encode()):
            raise self.error(401, "Authentication failed")
        wait = self.limits.refuse([self._window()])
        if wait:
            refusal = self.error(429, "Too many requests")
            refusal.headers["retry-after"] = retry_after(wait)
            raise refusal

    def _window(self) -> Window:
        return self.limits.window("calls", self.config.routine_calls_per_minute, 60)

    def act(self, call: Call, handler: Handler) -> Answer:
        """The answer, which sometimes tells the limit."""
        answer = super().act(call, handler)
        self.answered += 1
        told = {"always": True, "never": False}.get(self.config.routine_rate_headers, self.answered % 2 == 0)
        if told and call.parts[0] != "files":
            window = self._window()
            remaining = max(window.remaining(time.monotonic()), 0)
            answer.headers |= {
                "x-ratelimit-limit": str(window.limit),
                "x-ratelimit-remaining": str(remaining),
                "x-ratelimit-reset": str(math.ceil(time.time() + window.seconds)),
            }
        return answer

    # ------------------------------------------------------------ calls

    def me(self, call: Call) -> Answer:
        user = {"id": "user_1", "name": "Sandbox"}
        return Answer(200, {"user": user, "workspace": {"id": self.config.clay_workspace_id}})

    def query(self, call: Call) -> Answer:
        return self.error(403, "Tables are available on the Enterprise plan")

    def run(self, call: Call) -> Answer:
        """A repeat of a run is another run, and is charged again."""
        routine, document = self._routine(call), self._body(call, {"items", "webhook_id"})
        listed = document.get("items")
        if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_ITEMS or not all(map(is_item, listed)):
            raise self.error(400, f"items: 1 to {MAX_ITEMS} objects with an id and inputs")
        items = [Item(each["id"], each["inputs"]) for each in listed]
        for number, item in enumerate(items):
            complaints = routine.complaints(item.inputs) if routine.wrong_inputs == "refused" else []
            if complaints:
                raise self.error(400, f"items[{number}].inputs.{complaints[0][0]}: {complaints[0][1]}")
        return self._start(routine, "inline", items, document)

    def _start(
        self,
        routine: Routine,
        mode: str,
        items: list[Item],
        document: dict[str, Any],
        error: dict[str, Any] | None = None,
    ) -> Answer:
        if meter := self.credits.exhausted(self.config.clay_workspace_id):
            raise self.error(402, f"No {meter.replace('_', ' ')} left")
        webhook_id = document.get("webhook_id") or ""
        if webhook_id and webhook_id not in self.pointers.registered:
            raise self.error(400, "webhook_id: no such webhook")
        digest = hashlib.sha256(f"run {self.config.seed} {len(self.runs)}".encode()).hexdigest()
        run = RoutineRun(f"run_{digest[:16]}", routine.id, mode, items, webhook_id, error=error)
        self.runs[run.id] = run
        self.counts["runs"] += 1
        self.processing.charge(routine, items)
        self.processing.start(routine, run)
        return Answer(202, {"routine_run_id": run.id, "status": RUNNING})

    def results(self, call: Call) -> Answer:
        run = self._run(call, "inline")
        if run.status != "complete":
            return Answer(202 if run.status == RUNNING else 200, run.head())
        limit, begin = self._page(call)
        more = {"cursor": f"after_{begin + limit}"} if begin + limit < len(run.items) else {}
        page = [item.shown() for item in run.items[begin : begin + limit]]
        return Answer(200, {**run.head(), "data": page, **more})

    def _page(self, call: Call) -> tuple[int, int]:
        limit, cursor = call.query.get("limit", str(USUAL_PAGE)), call.query.get("cursor", "after_0")
        if not limit.isdecimal() or not 1 <= int(limit) <= MAX_PAGE:
            raise self.error(400, f"limit must be 1 to {MAX_PAGE}")
        if not cursor.removeprefix("after_").isdecimal():
            raise self.error(400, "cursor is not one of ours")
        return int(limit), int(cursor.removeprefix("after_"))

    # ------------------------------------------------------------ batch runs

    def upload_url(self, call: Call) -> Answer:
        self._routine(call)
        file = self.files.make()
        return Answer(200, {"upload_url": self.files.address(file, self._base(call)), "file_id": file.id})

    def start_batch(self, call: Call) -> Answer:
        """What is wrong with the file is told by the results, not here."""
        routine, document = self._routine(call), self._body(call, {"file_id", "webhook_id"})
        file = self.files.kept.get(str(document.get("file_id")))
        if file is None or file.content is None:
            raise self.error(400, "file_id: nothing was uploaded")
        items, error = read(routine, file.content)
        return self._start(routine, "batch", items, document, error)

    def batch_results(self, call: Call) -> Answer:
        run = self._run(call, "batch")
        if run.status == RUNNING:
            return Answer(202, run.head())
        if run.status in ("validation_failed", "processing_failed"):
            error = run.error or {"message": "Processing failed"}
            return Answer(200, {"routine_run_id": run.id, "status": run.status, "error": error})
        if run.status != "complete":
            return Answer(200, run.head())
        file = self.files.make(written(run.items))
        return Answer(200, {**run.head(), "result_url": self.files.address(file, self._base(call))})

    def upload(self, call: Call) -> Answer:
        """`PUT` to a signed address."""
        file = self.files.opened(call.parts[1], call.query.get("signature", ""))
        self._storage(call)
        if file is None:
            raise self.error(403, "The address is not valid or has expired")
        file.content = call.raw
        return Answer(200)

    def download(self, call: Call) -> Answer:
        """`GET` of a signed address."""
        file = self.files.opened(call.parts[1], call.query.get("signature", ""))
        self._storage(call)
        if file is None or file.content is None:
            raise self.error(403, "The address is not valid or has expired")
        return Answer(200, file.content, {"content-type": "application/jsonl"})

    def _storage(self, call: Call) -> None:
        """The files lie with somebody else, whom the key is none of the business of."""
        if call.header(b"clay-api-key") or call.header(b"authorization"):
            self.counts["keys_shown_to_storage"] += 1
            raise self.error(400, "Only one auth mechanism is allowed")

    # ------------------------------------------------------------ parts

    def _base(self, call: Call) -> str:
        return f"http://{call.header(b'host')}{BASE}"

    def _body(self, call: Call, names: set[str]) -> dict[str, Any]:
        document = self.json(call)
        if unknown := set(document) - names:
            raise self.error(400, f"Unrecognized: {', '.join(sorted(unknown))}")
        return document

    def _routine(self, call: Call) -> Routine:
        routine = self.routines.get(call.parts[1])
        if routine is None:
            raise self.error(404, "Routine not found")
        return routine

    def _run(self, call: Call, mode: str) -> RoutineRun:
        run = self.runs.get(call.parts[2])
        kept = self.config.routine_kept_seconds / self.config.speed
        if run is None or run.mode != mode or (run.ended and time.monotonic() - run.ended > kept):
            raise self.error(404, "Run not found")
        return run

    def set_routine(self, routine_id: str, document: dict[str, Any]) -> Routine:
        """Makes or changes a routine. Raises ValueError."""
        routine = self.routines.get(routine_id) or Routine(routine_id)
        routine.set_up(document)
        self.routines[routine_id] = routine
        return routine

    def take_up(self, routines: dict[str, Routine], runs: dict[str, RoutineRun]) -> None:
        """Records of an earlier process; items that were cut short begin anew, charged already."""
        self.routines |= routines
        self.runs |= runs
        self._set_up()
        for run in runs.values():
            run.ended = run.ended and time.monotonic()
            if run.routine in self.routines:
                self.processing.count(self.routines[run.routine], run.items)
            if run.status == RUNNING and run.routine in self.routines:
                self.processing.start(self.routines[run.routine], run)

    # ------------------------------------------------------------ figures

    def figures(self) -> dict[str, Any]:
        """`GET /_stats`."""
        charged = self.processing
        return {
            "runs": 0,
            "items_charged": 0,
            "keys_shown_to_storage": 0,
            **self.stats.vendor(self.name),
            "running": len(charged.waiting),
            "ids_charged_twice": sum(count - 1 for count in charged.charged_ids.values()),
            "people_charged_twice": sum(count - 1 for count in charged.charged_people.values()),
            "deliveries": {"sent": 0, "acknowledged": 0, **self.stats.deliveries[self.name]},
        }

    def state(self) -> dict[str, Any]:
        """`GET /_state/clay_routine`."""
        runs = [
            {**run.head(), "routine": run.routine, "mode": run.mode, "items": [item.shown() for item in run.items]}
            for run in self.runs.values()
        ]
        hooks = {key: hook["url"] for key, hook in self.pointers.registered.items()}
        return {"routines": list(self.routines), "webhooks": hooks, "runs": runs}
