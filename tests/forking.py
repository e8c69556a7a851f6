"""A process that has the whole product in its memory, and starts its programs as copies of itself: `Forker`.

Starting web, worker, beat and a command for each test took most of a run's time, all of it spent on importing the
same modules. A copy is a process of its own like any other: it is killed, stopped and waited for by its number.
"""

import contextlib
import importlib
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What the product's programs import as they start; beside it, whatever Django's setup brings.
PROGRAMS = (
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.bin.beat",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.thread",
    "kombu.transport.redis",
    "celery.backends.redis",
    "granian.cli",
    "granian.server.mp",
    "django.core.management",
    "swarm_admin.celery",
    "swarm_admin.urls",
)


class Forked:
    """One such copy; as much of `subprocess.Popen` as is needed."""

    def __init__(self, forker: "Forker", pid: int) -> None:
        self._forker, self.pid = forker, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._forker.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(["forked"], timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forker:
    """Starts programs in `environment`, which is read once: of another environment there is another Forker."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                start_new_session=True,
            )
        self._socket, self._answers = ours, ours.makefile("r", encoding="utf-8")

    def start(self, module: str, *arguments: str) -> Forked:
        """`python -m module arguments…`, in a session of its own."""
        return Forked(self, self.ask({"start": [module, *arguments]}))

    def ask(self, question: Any) -> Any:
        self._socket.sendall(json.dumps(question).encode() + b"\n")
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError("The process that starts the product's programs has ended.")
        return json.loads(answer)

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


def _import_everything() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "swarm_admin.settings"
    django = importlib.import_module("django")
    django.setup()
    for name in PROGRAMS:
        importlib.import_module(name)
    importlib.import_module("swarm_admin.celery").app.loader.import_default_modules()
    importlib.import_module("django.urls").get_resolver().url_patterns  # noqa: B018 - imports every view


def _become(command: list[str]) -> None:
    """The rest of a copy's life, whose end is its own. Raises SystemExit, and whatever the program raises."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    module, *arguments = command
    sys.argv = [module, *arguments]
    if module == "manage":
        importlib.import_module("django.core.management").execute_from_command_line(sys.argv)
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


def _answer(question: Any, ended: dict[int, int]) -> int | None:
    """The number of a new process, or how one has ended; None in a new process itself, or while it runs."""
    if "start" in question:
        return os.fork() or None
    pid = question["poll"]
    if pid not in ended:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended.get(pid)


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_everything()
    ended: dict[int, int] = {}
    questions = connection.makefile("r", encoding="utf-8")
    while line := questions.readline():
        question = json.loads(line)
        answer = _answer(question, ended)
        if "start" in question and answer is None:
            questions.close()
            connection.close()
            _become(question["start"])
        connection.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
