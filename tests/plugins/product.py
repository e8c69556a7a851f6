"""The whole product as it runs: web, worker and beat as processes of their own, against the sandbox."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings

from swarm_admin import processes
from swarm_admin.access.models import ApiKey
from tests.forking import Forked, Forker
from tests.plugins.sandbox import KEYS, PATIENCE_SECONDS, Sandbox, wait_for
from tests.ports import free_port


class Product:
    """The running processes; `url` is the web process's, `key` an API key."""

    def __init__(self, environment: dict[str, str], forker: Forker, port: int, key: str) -> None:
        self.environment, self.url = environment, f"http://127.0.0.1:{port}"
        self.http = httpx.Client(
            base_url=self.url, headers={"X-API-Key": key}, timeout=PATIENCE_SECONDS, trust_env=False
        )
        self.start = forker.start
        schedule = str(settings.DATA_DIR / f"beat-{port}")
        _, _, *web = processes.web("127.0.0.1", port).arguments  # without `python -m`
        self.processes = {
            "web": self.start(*web),
            "worker": self.start_worker(),
            # a file of its own: beat deletes a schedule it cannot read, be it a device
            "beat": self.start("celery", "-A", "swarm_admin", "beat", "-l", "ERROR", "-s", schedule),
        }
        try:
            wait_for(self.answers)
        except AssertionError:
            self.stop()
            raise

    def start_worker(self) -> Forked:
        return self.start("celery", "-A", "swarm_admin", "worker", "--pool", "threads", "-c", "8", "-l", "ERROR")

    def answers(self) -> bool:
        try:
            return self.http.get("/api/leads").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def stop(self) -> None:
        for name in self.processes:
            if self.processes[name].poll() is None:
                self.kill(name)
        self.http.close()


class Forkers:
    """What starts the product's processes, kept for the next test of the same environment."""

    KEPT = 2

    def __init__(self) -> None:
        self._known: dict[frozenset[tuple[str, str]], Forker] = {}

    def of(self, environment: dict[str, str]) -> Forker:
        key = frozenset(item for item in environment.items() if item[0] != "PYTEST_CURRENT_TEST")
        forker = self._known.pop(key, None) or Forker(environment)
        self._known[key] = forker  # the last used is last
        if len(self._known) > self.KEPT:
            self._known.pop(next(iter(self._known))).close()
        return forker

    def close(self) -> None:
        for forker in self._known.values():
            forker.close()


@pytest.fixture(scope="session")
def forkers() -> Iterator[Forkers]:
    kept = Forkers()
    yield kept
    kept.close()


@pytest.fixture(scope="session")
def web_port() -> int:
    """The same for all tests: it is in the product's environment."""
    return free_port()


@pytest.fixture
def clock_speed() -> float:
    """How fast the product's clock and the vendors' go; a test that needs days to pass parametrises it."""
    return 60.0


@pytest.fixture
def more_settings() -> dict[str, str]:
    """What a test gives the product's processes beside the usual."""
    return {}


@pytest.fixture
def product(
    process_environment: dict[str, str],
    sandbox: Sandbox,
    clock_speed: float,
    more_settings: dict[str, str],
    web_port: int,
    forkers: Forkers,
) -> Iterator[Product]:
    """Web, worker and beat on this test's database; they and the sandbox keep the same time."""
    _, key = ApiKey.issue(name="flow", scopes=["leads:read", "leads:write"], by=None)
    environment = {
        **process_environment,
        **{name.upper(): value for name, value in KEYS.items()},
        "SWARM_MODE": "test",
        "CLAY_TABLE_ID": "",
        "CLAY_API_BASE_URL": f"{sandbox.url}/clay/v1",
        "GHL_API_BASE_URL": f"{sandbox.url}/ghl",
        "INSTANTLY_API_BASE_URL": f"{sandbox.url}/instantly/api/v2",
        "INSTANTLY_CAMPAIGN_ID": "campaign",
        "BASE_URL": f"http://127.0.0.1:{web_port}",
        "CLOCK_SPEED": str(clock_speed),
        "TICK_SECONDS": "0.2",
        "LEASE_SECONDS": "5",
        # A loaded machine may keep a process waiting for long; nobody here starts it again.
        "WORKER_FROZEN_SECONDS": "120",
        "LOG_LEVEL": "ERROR",
        **more_settings,
    }
    sandbox.config(speed=clock_speed)
    forker = forkers.of(environment)
    # A table and a webhook are made by call with this connector alone.
    setup = forker.start("manage", "clay_setup") if "CLAY_CONNECTOR" not in more_settings else None
    running = None
    try:
        running = Product(environment, forker, web_port, key)
        assert setup is None or setup.wait(PATIENCE_SECONDS) == 0
        yield running
    finally:
        if setup:
            setup.kill()
        if running:
            running.stop()
