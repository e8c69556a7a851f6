"""Runs the product's processes together: one terminal, one Ctrl-C, nothing left behind.

Each program is the leader of its own process group, so that stopping it reaches its children too, and
the kernel ends it if this process is killed. A program that ends, whose group is ended with it, is started
again after a pause.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

STOP_SECONDS = 25.0  # a worker finishes the calls it is in (VENDOR_TIMEOUT_SECONDS); then it is killed
CHECK_SECONDS = 2.0  # how often `keep_alive` is asked
STEADY_SECONDS = 10.0  # a program that ran this long was not a failed start
FAILED_STARTS_MAX = 5
PAUSE_MAX_SECONDS = 30.0
KILLED_PAUSE_MAX_SECONDS = 4.0

_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def exit_with_parent() -> None:
    """Have this process told to end when the one that started it has ended."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Program:
    """One command to keep running; `once` = it is expected to end, and not started again if it succeeds."""

    name: str
    arguments: list[str]
    once: bool = False
    process: "subprocess.Popen[str] | None" = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    failed_starts: int = field(default=0, init=False)
    start_at: float | None = field(default=0.0, init=False)  # monotonic seconds; None: running or finished


class Supervisor:
    """Keeps `programs` running until SIGINT or SIGTERM, or until one cannot be started."""

    def __init__(self, programs: Iterable[Program], *, keep_alive: Callable[[], object], out: IO[str]) -> None:
        self.programs = list(programs)
        self.keep_alive = keep_alive
        self.out = out
        self.stopping = threading.Event()
        self.exit_code = 0
        self._width = max(len(name) for name in ("servers", *(program.name for program in self.programs)))

    def run(self) -> int:
        """Block until told to stop; the exit code for the shell."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        next_check = time.monotonic() + CHECK_SECONDS
        try:
            while not self.stopping.wait(0.2):
                for program in self.programs:
                    self._look_after(program)
                if time.monotonic() > next_check:
                    self._keep_alive()
                    next_check = time.monotonic() + CHECK_SECONDS
        finally:
            self._stop_all()
        return self.exit_code

    def _keep_alive(self) -> None:
        """What cannot be brought back now is tried again at the next check; ending everything would not help it."""
        try:
            self.keep_alive()
        except Exception as error:
            self._say("servers", f"{' '.join(str(error).split())[:300]} Trying again.")

    def _look_after(self, program: Program) -> None:
        if program.process is not None and (code := program.process.poll()) is not None:
            # What it left in its group would keep its port or its file, and the next start would fail on it.
            _signal_group(program.process, signal.SIGKILL)
            self._ended(program, code)
        if program.process is None and program.start_at is not None and time.monotonic() >= program.start_at:
            self._launch(program)

    def _launch(self, program: Program) -> None:
        program.started_at, program.start_at = time.monotonic(), None
        program.process = subprocess.Popen(
            program.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            start_new_session=True,
            preexec_fn=exit_with_parent,
        )
        threading.Thread(target=self._copy_lines, args=(program.name, program.process.stdout), daemon=True).start()

    def _ended(self, program: Program, code: int) -> None:
        program.process = None
        if program.once and code == 0:
            return
        lasted = time.monotonic() - program.started_at
        program.failed_starts = 0 if lasted > STEADY_SECONDS else program.failed_starts + 1
        # One that a signal ended did start, and may again: only what ends by itself cannot. Work that kills its
        # worker is set aside after a few; giving everything up for it would be the greater harm.
        if program.failed_starts >= FAILED_STARTS_MAX and code >= 0:
            self._say(program.name, f"stopped {FAILED_STARTS_MAX} times in a row (last exit code {code}). Giving up.")
            self.exit_code = 1
            self.stopping.set()
            return
        longest = PAUSE_MAX_SECONDS if code >= 0 else KILLED_PAUSE_MAX_SECONDS
        pause = min(longest, 0.5 * 2.0**program.failed_starts)
        self._say(program.name, f"stopped with exit code {code}. Restarting in {pause:g} s.")
        program.start_at = time.monotonic() + pause

    def _stop_all(self) -> None:
        running = [program.process for program in self.programs if program.process is not None]
        for process in running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            _signal_group(process, signal.SIGKILL)  # also whatever it left in its group
            process.wait()

    def _copy_lines(self, name: str, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._say(name, line.rstrip("\n"))

    def _say(self, name: str, line: str) -> None:
        self.out.write(f"{name:>{self._width}} | {line}\n")
        self.out.flush()


def _signal_group(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
