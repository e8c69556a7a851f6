"""The product's programs, with poison: a webhook that kills whatever process reads it, or holds its interpreter.

`python -m tests.flows.poisoned serve WORKERS` runs workers, quarantine and beat under the product's own supervisor;
`python -m tests.flows.poisoned celery …` and `… manage …` are those programs.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any

import django

KILLS, HOLDS = b"poison-that-kills", b"poison-that-holds"


def poison() -> None:
    """Reading a body with a mark in it ends here."""
    from enrichment.pipeline.receive import triage

    read = triage.parse_event

    def deadly(body: bytes, *more: Any) -> Any:
        if KILLS in body:
            os.kill(os.getpid(), signal.SIGKILL)
        if HOLDS in body:
            ctypes.PyDLL(None).sleep(3600)  # without letting go of the interpreter, as a search that does not end
        return read(body, *more)

    triage.parse_event = deadly


def serve(workers: int) -> int:
    from swarm_admin import processes
    from swarm_admin.supervisor import Supervisor

    programs = [
        *(processes.worker(number + 1) for number in range(workers)),
        processes.quarantine(),
        processes.beat(),
    ]
    for program in programs:
        at = program.arguments.index("celery" if "celery" in program.arguments else processes.MANAGE)
        name = "celery" if program.arguments[at] == "celery" else "manage"
        program.arguments[:] = [
            sys.executable,
            "-m",
            "tests.flows.poisoned",
            name,
            *program.arguments[at + 1 :],
        ]
        if "beat" in program.arguments:
            schedule = program.arguments.index("--schedule") + 1
            program.arguments[schedule] = str(Path(os.environ["BEAT_SCHEDULE"]))
    return Supervisor(programs, keep_alive=lambda: None, out=sys.stdout).run()


def main() -> None:
    program, *arguments = sys.argv[1:]
    django.setup()
    if program == "serve":
        sys.exit(serve(int(arguments[0])))
    poison()
    sys.argv[1:] = arguments
    if program == "celery":
        from celery.__main__ import main as celery

        celery()
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main()
