"""Two hundred clients that send half a request, or do not read, and a quick one that is answered all the same."""

import asyncio
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.swarm_admin.web.conftest import SECONDS

HOOK = b"POST /webhooks/clay/enrichment-complete HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LOGIN = b"POST /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
SLOW = {
    "says nothing": b"",
    "half a head": b"GET /account/login/ HTTP/1.1\r\nHost: 127.0",
    "half a body": LOGIN + b"Content-Length: 1000\r\n\r\nlogin=",
    "a webhook of which half came": HOOK + b'Content-Length: 1000\r\n\r\n{"event"',
    "chunks without an end": HOOK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "drips": LOGIN + b"Content-Length: 100000\r\n\r\n",
    "drips chunks": HOOK + b"Transfer-Encoding: chunked\r\n\r\n",
    "stays after its answer": b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}
OF_EACH = 25
QUICK_SECONDS = 5.0  # on a machine that has other things to do; without the limits it never came
CUT_SECONDS = SECONDS + 20.0


async def slow_client(port: int, kind: str) -> tuple[str, bytes]:
    """(kind, what it was answered before the server hung up)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(SLOW[kind])
    answered = b""
    try:
        while True:
            try:
                piece = await asyncio.wait_for(reader.read(65_536), 0.2)
            except TimeoutError:
                if kind.startswith("drips"):
                    writer.write(b"1\r\nx\r\n" if kind == "drips chunks" else b"x")
                continue
            if not piece:
                return kind, answered
            answered += piece
    except ConnectionError:
        return kind, answered
    finally:
        writer.close()


async def quick_client(port: int) -> tuple[float, bytes]:
    """(seconds, status line) of a page anybody may open."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /account/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    try:
        answer = await reader.read()
    finally:
        writer.close()
    return time.monotonic() - began, answer.split(b"\r\n", 1)[0]


async def siege(port: int) -> tuple[list[float], list[tuple[str, bytes]]]:
    """(seconds of each quick request while the slow ones hold on, what became of the slow ones)."""
    await quick_client(port)  # the first page compiles its templates
    slow = [asyncio.create_task(slow_client(port, kind)) for kind in SLOW for _ in range(OF_EACH)]
    taken = []
    while not any(task.done() for task in slow) or len(taken) < 3:
        seconds, status = await asyncio.wait_for(quick_client(port), QUICK_SECONDS)
        assert status == b"HTTP/1.1 200 OK"
        taken.append(seconds)
    return taken, await asyncio.wait_for(asyncio.gather(*slow), CUT_SECONDS)


@pytest.mark.timeout(120)
def test_two_hundred_slow_clients_hold_nobody_up_and_are_cut(process_environment, start_web):
    port, _ = start_web(process_environment)
    with ThreadPoolExecutor(1) as apart:  # a browser test before this one leaves its loop running in this thread
        taken, ended = apart.submit(asyncio.run, siege(port)).result()
    assert max(taken) < QUICK_SECONDS
    answered = Counter((kind, answer[9:12].decode()) for kind, answer in ended)
    at_once = {"says nothing": "", "half a head": "", "stays after its answer": "404"}  # status, or hung up
    for kind in SLOW:
        allowed = [at_once.get(kind, "408"), *([""] if kind.startswith("drips") else [])]
        assert sum(answered[kind, status] for status in allowed) == OF_EACH, answered  # a drop may meet the end
