"""The product under its own supervisor, on servers and data of its own, beside a vendor sandbox."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.plugins.sandbox import KEYS
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SPEED = 60.0
SECRET = "webhook-secret"
# Roomier than in life, so that two thousand leads are through in minutes; the limits hold all the same.
PROVIDER_LIMITS = {
    "apollo": 5_000,
    "clearbit": 3_000,
    "hunter": 10_000,
    "builtwith": 1_000,
    "crunchbase": 2_000,
}
COMMAND_WORDS = {"web": "granian", "worker": " worker ", "beat": " beat "}


def environment(
    var_dir: Path, sandbox_port: int, port: int, lease: float, connector: str = "rows-api"
) -> dict[str, str]:
    """What `manage.py serve` is started with."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {
        **kept,
        **{name.upper(): value for name, value in KEYS.items()},
        "DJANGO_SETTINGS_MODULE": "swarm_admin.settings",
        "SWARM_MODE": "demo",
        "VAR_DIR": str(var_dir),
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SANDBOX_PORT": str(sandbox_port),
        "CLAY_API_BASE_URL": f"{sandbox}/clay/v1",
        "GHL_API_BASE_URL": f"{sandbox}/ghl",
        "INSTANTLY_API_BASE_URL": f"{sandbox}/instantly/api/v2",
        "INSTANTLY_CAMPAIGN_ID": "campaign",
        "CLAY_TABLE_ID": "tbl_test",
        "CLAY_CONNECTOR": connector,
        # Longer than any callback that is only late; what is overdue is submitted once more, then left to a person.
        "CLAY_OVERDUE_SECONDS": "1200",
        "CLAY_OVERDUE_POLICY": "resubmit",
        "CLAY_WEBHOOK_SECRET": SECRET,
        "CLOCK_SPEED": f"{SPEED:g}",
        "TICK_SECONDS": "0.3",
        "LEASE_SECONDS": f"{lease:g}",
        "VENDOR_TIMEOUT_SECONDS": "1",
        "VENDOR_LATENCY_SECONDS": "0.2",
        "POLL_AFTER_SECONDS": "300",
        "LOG_LEVEL": "ERROR",
    }


class Product:
    """`serve` as a process; its programs are found among its children, the servers by themselves."""

    def __init__(self, values: dict[str, str], log: Path) -> None:
        self.values, self.log = values, log
        self.url = values["BASE_URL"]
        self.output = log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=values,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answers(self) -> bool:
        """True when the web process does; RuntimeError when the supervisor has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"The product ended with status {self.process.returncode}; see {self.log}.")
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/api/leads", timeout=2, trust_env=False).status_code in (401, 403)
        return False

    def program(self, name: str) -> psutil.Process | None:
        """A running program's first process; None while it is down."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):
                    if COMMAND_WORDS[name] in " ".join(child.cmdline()):
                        return child
        return None

    def stop(self) -> None:
        """Ctrl-C: everything it started ends with it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.output.close()


def wait_until(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """The condition's first true value; RuntimeError when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    raise RuntimeError(f"{what} did not come true in {seconds:.0f} s.")


def two_ports() -> tuple[int, int]:
    first = free_port()
    second = free_port()
    return first, second
