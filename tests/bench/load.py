"""The load generator: a process of its own, plain asyncio streams over kept connections.

    python -m tests.bench.load < plan.json > result.json

The plan: `port`, `connections`, `requests` (each {"method", "path", "headers", "body"}, taken in turn) and either
`count` (as fast as answers come) or `rate` a second with `count` (on time, whether or not answers come). In a body
`@@@@@@@@` stands for the request's number. Latencies of a rate are counted from when a request was due, so a
server that stalls does not hide what it kept waiting.
"""

import asyncio
import json
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NUMBER = b"@@@@@@@@"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Loaded:
    """`latencies`: ms, in the order of the answers. `seconds`: from the first request to the last answer."""

    seconds: float
    statuses: dict[str, int]
    latencies: list[float]
    bytes: int

    def percentile(self, share: float) -> float:
        return percentile(self.latencies, share)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def require(self, status: int) -> "Loaded":
        """Raises RuntimeError unless every answer had this status: a refusal is quick, and no achievement."""
        if set(self.statuses) != {str(status)}:
            raise RuntimeError(f"answers were {self.statuses}, not all {status}")
        return self


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def load(port: int, requests: Sequence[dict[str, Any]], *, connections: int, count: int, rate: float = 0.0) -> Loaded:
    """Run the plan in a process of its own."""
    plan = {
        "port": port,
        "requests": list(requests),
        "connections": connections,
        "count": count,
        "rate": rate,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(plan).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Loaded(**json.loads(done.stdout))


class Run:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.port, self.count, self.rate = plan["port"], plan["count"], plan["rate"]
        self.connections = min(plan["connections"], self.count)
        self.requests = [_bytes_of(each, self.port) for each in plan["requests"]]
        self.next = 0
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.bytes = 0

    async def go(self) -> dict[str, Any]:
        self.started = time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(self.connections)))
        return {
            "seconds": time.perf_counter() - self.started,
            "statuses": dict(self.statuses),
            "latencies": self.latencies,
            "bytes": self.bytes,
        }

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        while self.next < self.count:
            number = self.next
            self.next += 1
            begun = await self._due(number)
            head, body = self.requests[number % len(self.requests)]
            writer.write(head + body.replace(NUMBER, b"%08d" % number))
            status, length = await _answer(reader)
            self.latencies.append((time.perf_counter() - begun) * 1000)
            self.statuses[status] += 1
            self.bytes += length
        writer.close()

    async def _due(self, number: int) -> float:
        """Wait for the request's turn; when that was."""
        if not self.rate:
            return time.perf_counter()
        due = self.started + number / self.rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        return due


def _bytes_of(request: dict[str, Any], port: int) -> tuple[bytes, bytes]:
    body = request.get("body", "").encode()
    lines = [f"{request.get('method', 'GET')} {request['path']} HTTP/1.1", f"Host: {HOST}:{port}"]
    lines += [f"{name}: {value}" for name, value in request.get("headers", {}).items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode(), body


async def _answer(reader: asyncio.StreamReader) -> tuple[str, int]:
    """(status, bytes of the body) of one answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = head.split(b" ", 2)[1].decode()
    if b"transfer-encoding: chunked" in head:
        return status, await _chunks(reader)
    at = head.find(b"content-length:")
    length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
    if length:
        await reader.readexactly(length)
    return status, length


async def _chunks(reader: asyncio.StreamReader) -> int:
    total = 0
    while size := int((await reader.readline()).split(b";")[0], 16):
        await reader.readexactly(size + 2)
        total += size
    await reader.readline()
    return total


if __name__ == "__main__":
    json.dump(asyncio.run(Run(json.load(sys.stdin)).go()), sys.stdout)
