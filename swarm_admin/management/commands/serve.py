import os
import sys

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from swarm_admin import processes
from swarm_admin.supervisor import Supervisor


class Command(BaseCommand):
    help = "Migrate, then run web, worker and beat together until Ctrl-C."

    def handle(self, **options: object) -> None:
        with processes.only_one(settings.DATA_DIR):
            raise SystemExit(self._run())

    def _run(self) -> int:
        host = os.environ.get("HOST", "127.0.0.1")
        processes.require_port(host, settings.PORT, "PORT")
        call_command("migrate", verbosity=0)
        programs = [
            processes.web(host, settings.PORT),
            *processes.workers(),
            processes.quarantine(),
            processes.beat(),
        ]
        self.stdout.write(
            f"Swarm Admin is running at {settings.BASE_URL} on {host}:{settings.PORT}. Press Ctrl-C to stop."
        )
        return Supervisor(programs, keep_alive=processes.keep_servers, out=sys.stdout).run()
