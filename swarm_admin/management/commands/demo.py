import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from swarm_admin import embedded, processes
from swarm_admin.supervisor import Program, Supervisor

LOOPBACK = "127.0.0.1"


def vendors_state() -> Path:
    """Where the stand-ins keep their records: a lead of yesterday is still a row in today's Clay.

    Beside our data, not in it: what a vendor holds is not ours, and a search of ours for a person must not find it.
    """
    return settings.DATA_DIR.with_name(f"{settings.DATA_DIR.name}-vendors.state")


class Command(BaseCommand):
    help = "Run everything on this machine with simulated vendors and sample leads, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="delete the demo's data first")

    def handle(self, *, reset: bool, **options: object) -> None:
        if settings.MODE != "demo":
            raise CommandError("The demo requires SWARM_MODE=demo (`make demo` sets it).")
        with processes.only_one(settings.DATA_DIR):
            raise SystemExit(self._run(reset))

    def _run(self, reset: bool) -> int:
        processes.require_port(LOOPBACK, settings.PORT, "PORT")
        processes.require_port(LOOPBACK, settings.SANDBOX_PORT, "SANDBOX_PORT")
        if reset:
            self._reset()
        call_command("migrate", verbosity=0)
        speed = f"{settings.CLOCK_SPEED:g}"
        sandbox = processes.manage(
            "sandbox", "--port", str(settings.SANDBOX_PORT), "--speed", speed, "--state", str(vendors_state())
        )
        programs = [
            Program("sandbox", sandbox),
            processes.web(LOOPBACK, settings.PORT),
            *processes.workers(),
            processes.quarantine(),
            processes.beat(),
            Program("demo", processes.manage("prepare_demo"), once=True),
        ]
        return Supervisor(programs, keep_alive=processes.keep_servers, out=sys.stdout).run()

    def _reset(self) -> None:
        if not settings.EMBEDDED:
            raise CommandError("RESET=1 deletes the bundled servers' data only; unset DATABASE_URL and REDIS_URL.")
        embedded.release(settings.DATA_DIR)
        embedded.stop(settings.DATA_DIR)
        processes.delete_data(settings.DATA_DIR)
        vendors_state().unlink(missing_ok=True)
        embedded.start(settings.DATA_DIR)
