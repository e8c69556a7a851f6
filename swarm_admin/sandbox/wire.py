"""HTTP of one vendor: reads a request, lets a fault have it, calls the vendor, sends the answer."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import OUTAGE, STATUSES, Fault, Faults
from swarm_admin.sandbox.limits import Limits, retry_after
from swarm_admin.sandbox.stats import Stats

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>502 Bad Gateway</center></body></html>"
JSON = (b"content-type", b"application/json; charset=utf-8")


class Answer(Exception):
    """An HTTP answer; raised where a check refuses, returned where a call succeeds."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


class Call:
    """One request, with its path cut at the slashes."""

    __slots__ = ("headers", "method", "parts", "query", "raw")

    def __init__(self, scope: Scope, raw: bytes) -> None:
        self.method: str = scope["method"]
        self.parts: list[str] = [part for part in scope["path"][len(scope.get("root_path", "")) :].split("/") if part]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        pairs = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        self.query = {name: values[-1] for name, values in pairs.items()}
        self.raw = raw

    def header(self, name: bytes) -> str:
        """A header by its lower-case name; empty when absent."""
        return self.headers.get(name, b"").decode("latin-1")


async def body_of(receive: Receive) -> bytes:
    """The whole request body."""
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    chunks = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        chunks.append(message.get("body", b""))
    return b"".join(chunks)


class Vendor:
    """One stand-in as an ASGI application. A vendor says what its calls are and how it words errors."""

    name = ""

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        self.config = config
        self.faults = faults
        self.stats = stats
        self.limits = Limits(config)
        self.counts = stats.counts[self.name]

    def route(self, call: Call) -> tuple[str, Callable[[Call], Answer]]:
        """The call's name and what answers it; raises `Answer` for a path that does not exist."""
        raise NotImplementedError

    def error(self, status: int, message: str = "", **more: Any) -> Answer:
        """A refusal in this vendor's words."""
        raise NotImplementedError

    def check(self, call: Call) -> None:
        """Raises the refusal of a request without the right key."""
        raise NotImplementedError

    def json(self, call: Call) -> dict[str, Any]:
        """The body as an object, or the refusal of anything else."""
        if not call.header(b"content-type").startswith("application/json"):
            raise self.error(400, "Content-Type must be application/json")
        try:
            document = json.loads(call.raw)
        except ValueError:
            raise self.error(400, "The body is not valid JSON") from None
        if not isinstance(document, dict):
            raise self.error(400, "The body must be an object")
        return document

    def faulty(self, fault: Fault) -> Answer:
        """The answer of a fault that is a status or a strange body."""
        if fault.kind == "outage":
            return Answer(OUTAGE[fault.fired % len(OUTAGE)], HTML, {"content-type": "text/html"})
        if fault.kind == "html":
            return Answer(fault.status, HTML, {"content-type": "text/html"})
        if fault.kind == "nonsense_json":
            return Answer(200, b'{"rows": [{"id": ', {"content-type": "application/json"})
        if fault.kind == "empty_body":
            return Answer(200, b"", {"content-type": "application/json"})
        named = {"provider": fault.provider, "row_index": fault.row_index}
        more: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
        status = fault.status if fault.kind == "status" else STATUSES[fault.kind]
        answer = self.error(status, fault.kind, **more)
        if fault.kind == "429":
            answer.headers["retry-after"] = retry_after(fault.seconds / self.config.speed)
        return answer

    def act(self, call: Call, handler: Callable[[Call], Answer]) -> Answer:
        """What the vendor answers when nothing is at fault."""
        try:
            self.check(call)
            return handler(call)
        except Answer as refusal:
            return refusal

    async def answer(self, call: Call, send: Send) -> tuple[str, Answer | None]:
        """The call's name and its answer; None when the connection is to be cut."""
        try:
            name, handler = self.route(call)
        except Answer as refusal:
            return "unknown", refusal
        fault = self.faults.on_call(self.name, name)
        if fault is None:
            return name, self.act(call, handler)
        effect = self.act(call, handler) if fault.effect or fault.kind == "slow" else None
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds / self.config.speed)
            return name, effect
        is_cut = fault.kind == "outage" and not OUTAGE[fault.fired % len(OUTAGE)]
        if is_cut or fault.kind.startswith("reset_"):
            return name, None
        return name, self.faulty(fault)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, await body_of(receive))
        name, answer = await self.answer(call, send)
        if answer is None:
            self.stats.answered(self.name, name, "reset")
            await cut(send)
        else:
            self.stats.answered(self.name, name, str(answer.status))
            await reply(answer, send)


async def reply(answer: Answer, send: Send) -> None:
    """Sends an answer: bytes as they are, anything else as JSON, None as no body."""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    body = answer.body
    if not isinstance(body, bytes):
        body = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers.append(JSON)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def cut(send: Send) -> None:
    """Closes the connection in the middle of an answer (the server turns no answer at all into a 500)."""
    headers = [(b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
