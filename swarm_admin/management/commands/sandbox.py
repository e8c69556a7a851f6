"""`manage.py sandbox`: Clay, GoHighLevel and Instantly as stand-ins on one loopback port."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from swarm_admin.management import demo_clay
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.server import serve

# Beside the configured one: one of each kind to choose from.
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "6f0c2f43-founders": {"name": "Founders, EMEA", "status": 1},
    "0b7d91ae-revops": {"name": "RevOps leaders", "status": 2},
    "c1e85d20-spring": {"name": "Spring webinar follow-up", "status": 3},
    "9a44e7f8-partners": {"name": "Partner referrals", "status": 0},
}


class Command(BaseCommand):
    """Needs no database: it accepts the keys of the settings and keeps its state in memory."""

    help = (
        "Simulate Clay (/clay/v1, tables' webhooks at /clay/v3/sources/webhook, routines at /clay/public/v0), "
        "GoHighLevel (/ghl) and Instantly (/instantly/api/v2)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="control calls need no key, so keep it local")
        parser.add_argument("--port", type=int, default=8100)
        parser.add_argument(
            "--speed", type=float, default=settings.CLOCK_SPEED, help=("divide every wait and window by this")
        )
        parser.add_argument("--seed", type=int, default=1, help="a different seed generates different people")
        parser.add_argument("--no-limits", action="store_true", help="never return 429")
        parser.add_argument(
            "--jitter-ms", type=float, default=0.0, help=("subtract this many real milliseconds from every window")
        )
        parser.add_argument("--state", type=Path, help="file to persist the records in")

    def handle(self, *args: Any, **options: Any) -> None:
        config = Config(
            clay_api_key=settings.CLAY_API_KEY,
            clay_workspace_id=settings.CLAY_WORKSPACE_ID,
            clay_table_id=settings.CLAY_TABLE_ID,
            ghl_api_key=settings.GHL_API_KEY,
            ghl_location_id=settings.GHL_LOCATION_ID,
            instantly_api_key=settings.INSTANTLY_API_KEY,
            instantly_campaign_id=settings.INSTANTLY_CAMPAIGN_ID,
            instantly_campaigns=CAMPAIGNS if settings.INSTANTLY_CAMPAIGN_ID else {},
            seed=options["seed"],
            limits=not options["no_limits"],
            limit_unit=settings.CLAY_LIMIT_UNIT,
            jitter_ms=options["jitter_ms"],
            **demo_clay.stand_in(),
        )
        try:
            config.change({"speed": options["speed"]})
        except ValueError as error:
            raise CommandError(f"{error}.") from error
        self.stdout.write(f"Sandbox on http://{options['host']}:{options['port']}")
        serve(config, options["port"], options["host"], options["state"])
