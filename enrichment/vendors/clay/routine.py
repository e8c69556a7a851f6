"""Clay's public API, version 0: routines run over people, whose results are asked for run by run."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.wire import RunItem, RunPage, RunResult
from enrichment.vendors.transport import Transport, segment
from enrichment.vendors.wire import identifier

RUN_MAX: Final = 100  # Clay: items of one run
PAGE: Final = 100
LIMIT: Final = "clay.calls"
ME: Final = Call("me", LIMIT, reads=True, repeatable=True)
PROBE: Final = Call("probe", LIMIT, reads=True, repeatable=True, once=True)
RUN: Final = Call("run_routine", LIMIT)  # no idempotency key: a repeat is charged again
RESULTS: Final = Call("run_results", LIMIT, reads=True, repeatable=True)


class Routine(ClayConnector):
    """A run creates and enriches in one call; nothing of a person stays in a table of ours."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CREATE, Capability.POLL, Capability.REPORT_COST}
    )
    name: ClassVar[str] = "Clay routine"
    summary: ClassVar[str] = "You have a key of Clay's public API and a function or workflow that enriches people."
    runs_at_once: ClassVar[int] = RUN_MAX

    def __init__(self, base_url: str, api_key: str, workspace_id: str, *, header: str) -> None:
        super().__init__(workspace_id)
        value = f"Bearer {api_key}" if header == "authorization" else api_key
        self._http = Transport("clay", base_url, {header: value})

    def close(self) -> None:
        self._http.close()

    def probe(self) -> None:
        self._http.document(PROBE, self._send(PROBE, "GET", "/me"))

    def workspace(self) -> str:
        """The id of the workspace that the key is of; "" where Clay does not say."""
        told = self._http.document(ME, self._send(ME, "GET", "/me")).get("workspace")
        return identifier(told.get("id")) if isinstance(told, Mapping) else ""

    def run_routine(self, routine: str, items: Sequence[RunItem], webhook: str = "") -> str:
        if not 1 <= len(items) <= RUN_MAX:
            raise ValueError(f"{len(items)} items in one run; Clay takes 1 to {RUN_MAX}")
        body: dict[str, Any] = {"items": [{"id": item.id, "inputs": dict(item.inputs)} for item in items]}
        if webhook:
            body["webhook_id"] = webhook
        answer = self._send(RUN, "POST", f"/routines/{segment(routine)}/run", body)
        run_id = identifier(self._http.document(RUN, answer).get("routine_run_id"))
        if not run_id:
            raise self._http.unreadable(RUN, answer)
        return run_id

    def run_results(self, run: str, cursor: str | None = None) -> RunPage:
        params = {"limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
        answer = self._send(RESULTS, "GET", f"/routines/run/{segment(run)}/results", params=params)
        document = self._http.document(RESULTS, answer)
        status = document.get("status")
        status = status[:40] if isinstance(status, str) else ""
        if answer.status == 202:
            return RunPage(status, is_running=True)
        following = identifier(document.get("cursor")) or None
        listed = document.get("data") if status == "complete" else []
        if not isinstance(listed, list) or (following and following == cursor):
            raise self._http.unreadable(RESULTS, answer)
        results = [result for each in listed if (result := _result(each)) is not None]
        return RunPage(status, is_running=False, results=results, cursor=following)

    def _send(
        self, call: Call, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        return self._http.send(call, method, path, body=body, params=params, scope=self.workspace_id)


def _result(document: Any) -> RunResult | None:
    """None for what names no item of ours."""
    if not isinstance(document, dict) or not (item_id := identifier(document.get("id"))):
        return None
    result, error, status = document.get("result"), document.get("error"), document.get("status")
    message = error.get("message") if isinstance(error, Mapping) else error
    return RunResult(
        id=item_id,
        status=status[:40] if isinstance(status, str) else "",
        result=result if isinstance(result, Mapping) else {},
        error=message if isinstance(message, str) else "",
    )
