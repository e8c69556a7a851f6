import os
import socket
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from enrichment.vendors.clay import chosen
from swarm_admin.access.demo_connector import connector_sentence
from swarm_admin.access.demo_staff import create_demo_staff
from swarm_admin.access.models import ApiKey, Scope, find_key
from swarm_admin.management import demo_clay

START_SECONDS = 60.0
LOAD_SECONDS = 75.0


class Command(BaseCommand):
    help = "Fill a running demo with staff, an API key, what the chosen way to Clay needs, and sample leads."

    def handle(self, **options: object) -> None:
        if settings.MODE != "demo":
            raise CommandError("prepare_demo is for SWARM_MODE=demo only.")
        staff = create_demo_staff()
        key = demo_api_key(settings.DATA_DIR / "api-key")
        for port in (settings.SANDBOX_PORT, settings.PORT):
            wait_for_port(port)
        demo_clay.prepare(self.stdout)
        self.stdout.write("")
        self.stdout.write(f"  Swarm Admin   {settings.BASE_URL}")
        for role, email, password in staff:
            self.stdout.write(f"  {role:<12}  {email:<22}  password  {password}")
        self.stdout.write(f"  API key       {key}")
        self.stdout.write(f"  {connector_sentence()}")
        self.stdout.write("  Ctrl-C stops everything. The data is kept; `make demo RESET=1` starts fresh.")
        self._load_leads(key)

    def _load_leads(self, key: str) -> None:
        """Once for these data, after the address is printed: they come in over a minute, so that one can watch."""
        loaded, connector = settings.DATA_DIR / "sample-leads-loaded", chosen.connector_slug()
        if not loaded.exists():
            call_command("load_sample_leads", api_key=key, over=LOAD_SECONDS, stdout=self.stdout)
            loaded.write_text(connector)
        elif loaded.read_text() not in ("", connector):
            again = f"make demo CLAY={connector} RESET=1"
            self.stdout.write(f"  The sample leads came in before that; `{again}` sends them all this way.")


def demo_api_key(path: Path) -> str:
    """The demo's one key; kept in a file so that a second start prints the same."""
    if path.exists() and find_key(path.read_text()):
        return path.read_text()
    _, plaintext = ApiKey.issue(name="Demo", scopes=list(Scope.values), by=None)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(plaintext)
    return plaintext


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise CommandError(f"No response on port {port} after {START_SECONDS:.0f} s.") from error
            time.sleep(0.1)
