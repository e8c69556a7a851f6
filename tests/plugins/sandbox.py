"""The vendor sandbox as a process of its own on a free loopback port."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.ports import free_port

KEYS = {
    "clay_api_key": "clay-key",
    "clay_workspace_id": "workspace",
    "clay_table_id": "tbl_test",
    "ghl_api_key": "ghl-key",
    "ghl_location_id": "location",
    "instantly_api_key": "instantly-key",
    "instantly_campaign_id": "",
}
# For what hangs; what is waited for is there long before on a machine that has nothing else to do.
PATIENCE_SECONDS = 120.0


def wait_for(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The condition's first true value; `AssertionError` when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("did not come true in time")


class Sandbox:
    """A running sandbox: `.url`, the control calls, and a client per vendor with the right headers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False)
        self.clay = self.client("/clay/v1", KEYS["clay_api_key"], {"X-Workspace-Id": KEYS["clay_workspace_id"]})
        self.ghl = self.client("/ghl", KEYS["ghl_api_key"], {"Version": "2021-07-28"})
        self.instantly = self.client("/instantly/api/v2", KEYS["instantly_api_key"], {})

    def client(self, path: str, key: str, headers: dict[str, str]) -> httpx.Client:
        """A client of one vendor."""
        headers = {"Authorization": f"Bearer {key}", **headers}
        return httpx.Client(base_url=self.url + path, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)

    def stats(self) -> dict[str, Any]:
        """Everything the sandbox counted."""
        return self.http.get("/_stats").json()

    def state(self, vendor: str) -> dict[str, Any]:
        """A vendor's records."""
        return self.http.get(f"/_state/{vendor}").json()

    def fault(self, vendor: str, kind: str, **more: Any) -> None:
        """Switches a fault on (call, times, probability, provider, …)."""
        self.http.post("/_faults", json={"vendor": vendor, "kind": kind, **more}).raise_for_status()

    def no_faults(self) -> None:
        """Switches every fault off."""
        self.http.delete("/_faults").raise_for_status()

    def config(self, **switches: Any) -> None:
        """Changes switches until the next reset."""
        self.http.post("/_config", json=switches).raise_for_status()

    def control(self, method: str, path: str, **document: Any) -> Any:
        """What a person does in Clay (`/_clay/…`): the answer of that control call."""
        answer = self.http.request(method, f"/_clay/{path}", json=document)
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        """Back to the start: no records, no faults, no changed switches."""
        self.http.post("/_reset").raise_for_status()

    def close(self) -> None:
        """Closes the connections."""
        for each in (self.http, self.clay, self.ghl, self.instantly):
            each.close()


def start_sandbox(port: int, *, state: Path | None = None, **switches: Any) -> subprocess.Popen[bytes]:
    """A sandbox process that answers on that port; the caller terminates it."""
    command = [sys.executable, "-m", "swarm_admin.sandbox", "--port", str(port)]
    command += ["--config", json.dumps({**KEYS, "speed": 1000.0, **switches})]
    command += ["--state", str(state)] if state else []
    process = subprocess.Popen(command)

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended with status {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    try:
        wait_for(answers)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """One sandbox process for the whole run."""
    port = free_port()
    process = start_sandbox(port)
    sandbox = Sandbox(f"http://127.0.0.1:{port}")
    yield sandbox
    sandbox.close()
    process.terminate()
    process.wait(PATIENCE_SECONDS)


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox, empty, at a thousand times the vendors' pace."""
    sandbox_process.reset()
    return sandbox_process


class Receiver:
    """A webhook receiver on loopback: keeps what came, answers the next of `statuses`, then 200."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies.append(body)
                receiver.deliveries.append((dict(self.headers.items()), json.loads(body)))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def events(self) -> list[tuple[str, str]]:
        """(row id, event) in the order of arrival."""
        return [(body["row_id"], body["event"]) for _, body in self.deliveries]


@pytest.fixture
def webhook_receiver() -> Iterator[Receiver]:
    """A receiver that is gone after the test."""
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
