"""Clay's public API, version 0: routines run over people, whose results are asked for run by run."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from enrichment.vendors.answers import UNREADABLE, Answer, decode, mask
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import signed_files
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.wire import FilePage, RunItem, RunPage, RunResult
from enrichment.vendors.errors import Permanent
from enrichment.vendors.transport import Transport, segment
from enrichment.vendors.wire import identifier

RUN_MAX: Final = 100  # Clay: items of one run
FILE_CALLS: Final = 2  # of a run over a file: its address, and the start
FILE_MAX: Final = 1_000  # ours: items of a run over a file; Clay takes 50,000
PAGE: Final = 100
INVALID_MOST: Final = FILE_MAX  # lines whose fault is read
LIMIT: Final = "clay.calls"
ME: Final = Call("me", LIMIT, reads=True, repeatable=True)
PROBE: Final = Call("probe", LIMIT, reads=True, repeatable=True, once=True)
RUN: Final = Call("run_routine", LIMIT)  # no idempotency key: a repeat is charged again
RESULTS: Final = Call("run_results", LIMIT, reads=True, repeatable=True)
UPLOAD_URL: Final = Call("upload_url", LIMIT, repeatable=True)  # an address nobody uses leaves nothing
START_FILE: Final = Call("start_file_run", LIMIT)  # as RUN
FILE_RESULTS: Final = Call("file_run_results", LIMIT, reads=True, repeatable=True)
# "items[3].inputs.full_name: Required", "items.3.inputs.full_name is required"
_ITEM = re.compile(r"\bitems(?:\[(\d{1,3})\]|\.(\d{1,3})\b)")


class Routine(ClayConnector):
    """A run creates and enriches in one call; nothing of a person stays in a table of ours."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CREATE, Capability.POLL, Capability.REPORT_COST}
    )
    name: ClassVar[str] = "Clay routine"
    summary: ClassVar[str] = "You have a key of Clay's public API and a function or workflow that enriches people."
    runs_at_once: ClassVar[int] = FILE_MAX

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
        body: dict[str, Any] = {"items": [_document(item) for item in items]}
        if webhook:
            body["webhook_id"] = webhook
        try:
            answer = self._send(RUN, "POST", f"/routines/{segment(routine)}/run", body)
        except Permanent as error:
            error.row_index = _item_named(error.message)
            raise
        return self._run_id(RUN, answer)

    def run_results(self, run: str, cursor: str | None = None) -> RunPage:
        params = {"limit": str(PAGE), **({"cursor": cursor} if cursor else {})}
        answer = self._send(RESULTS, "GET", f"/routines/run/{segment(run)}/results", params=params)
        document = self._http.document(RESULTS, answer)
        status = _word(document.get("status"))
        if answer.status == 202:
            return RunPage(status, is_running=True)
        following = identifier(document.get("cursor")) or None
        listed = document.get("data") if status == "complete" else []
        if not isinstance(listed, list) or (following and following == cursor):
            raise self._http.unreadable(RESULTS, answer)
        results = [result for each in listed if (result := _result(each)) is not None]
        return RunPage(status, is_running=False, results=results, cursor=following)

    # ------------------------------------------------------------ over a file

    def upload_items(self, routine: str, items: Sequence[RunItem]) -> str:
        """The items as a file for `start_file_run`; its id. Costs nothing, and may be repeated."""
        if not 1 <= len(items) <= FILE_MAX:
            raise ValueError(f"{len(items)} items in one file; at most {FILE_MAX}")
        answer = self._send(UPLOAD_URL, "POST", f"/routines/{segment(routine)}/run-batch/upload-url", {})
        document = self._http.document(UPLOAD_URL, answer)
        file_id, address = identifier(document.get("file_id")), document.get("upload_url")
        if not file_id or not isinstance(address, str):
            raise self._http.unreadable(UPLOAD_URL, answer)
        lines = (json.dumps(_document(item), separators=(",", ":"), allow_nan=False) for item in items)
        signed_files.upload(address, "".join(f"{line}\n" for line in lines).encode())
        return file_id

    def start_file_run(self, routine: str, file_id: str, webhook: str = "") -> str:
        """Starts a run over an uploaded file; its id. A repeat after an `UnknownOutcome` is charged again."""
        body = {"file_id": file_id, **({"webhook_id": webhook} if webhook else {})}
        return self._run_id(
            START_FILE, self._send(START_FILE, "POST", f"/routines/{segment(routine)}/run-batch/start", body)
        )

    def file_run_results(self, run: str) -> FilePage:
        """How far a run over a file is. `NotFound` for one that is no longer kept."""
        answer = self._send(FILE_RESULTS, "GET", f"/routines/run-batch/{segment(run)}/results")
        document = self._http.document(FILE_RESULTS, answer)
        status = _word(document.get("status"))
        if answer.status == 202:
            return FilePage(status, is_running=True)
        address = document.get("result_url")
        if status == "complete" and not isinstance(address, str):
            raise self._http.unreadable(FILE_RESULTS, answer)
        error = document.get("error")
        return FilePage(
            status,
            is_running=False,
            address=address if isinstance(address, str) else "",
            error=_message(error),
            invalid=_invalid_lines(error),
        )

    def download(self, address: str) -> Iterator[RunResult]:
        """What came of each item, line by line as they come; lines that are no result of ours are passed over."""
        for line in signed_files.download(address):
            document = decode(line)
            if document is not UNREADABLE and (result := _result(document)) is not None:
                yield result

    # ------------------------------------------------------------ parts

    def _run_id(self, call: Call, answer: Answer) -> str:
        run_id = identifier(self._http.document(call, answer).get("routine_run_id"))
        if not run_id or len(run_id) > 100:
            raise self._http.unreadable(call, answer)
        return run_id

    def _send(
        self, call: Call, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None
    ) -> Answer:
        return self._http.send(call, method, path, body=body, params=params, scope=self.workspace_id)


def _document(item: RunItem) -> dict[str, Any]:
    return {"id": item.id, "inputs": dict(item.inputs)}


def _word(value: Any) -> str:
    return value[:40] if isinstance(value, str) else ""


def _message(error: Any) -> str:
    told = error.get("message") if isinstance(error, Mapping) else error
    return told if isinstance(told, str) else ""


def _result(document: Any) -> RunResult | None:
    """None for what names no item of ours."""
    if not isinstance(document, dict) or not (item_id := identifier(document.get("id"))):
        return None
    result = document.get("result")
    return RunResult(
        id=item_id,
        status=_word(document.get("status")),
        result=result if isinstance(result, Mapping) else {},
        error=_message(document.get("error")),
    )


def _item_named(message: str) -> int | None:
    """The place, from 0, of the item that a refusal speaks of."""
    found = _ITEM.search(message)
    return int(found[1] or found[2]) if found else None


def _invalid_lines(error: Any) -> dict[int, str]:
    """{line number: what is wrong with it, masked}."""
    details = error.get("details") if isinstance(error, Mapping) else None
    told: dict[int, str] = {}
    for each in details[:INVALID_MOST] if isinstance(details, list) else []:
        number = each.get("line_number") if isinstance(each, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool):
            words = (each.get("field"), each.get("message"))
            told.setdefault(number, mask(": ".join(word for word in words if isinstance(word, str) and word)))
    return told
