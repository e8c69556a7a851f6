"""The Clay that a demo begins with: what stands in it, in the stand-in's words, and what the product is told of it.

The choice is CLAY_CONNECTOR's (`make demo CLAY=table`). All three are there whichever was chosen, so that an admin can
choose another on Connections.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command

from enrichment.clay_routines import setup
from enrichment.clay_routines.fields import OUTPUT_COLUMNS
from enrichment.clay_routines.setup import Input
from enrichment.models import ClaySource, Connection
from enrichment.vendors.clay import chosen, template
from swarm_admin.core.encryption import encrypt
from swarm_admin.sandbox.clay_routine.routines import Routine

SOURCE_TOKEN: Final = "demo-source-token"  # noqa: S105 - of the stand-in, which listens on loopback only
# slug, the table's name, submissions in its life. The first is used up before the sample leads are through, so that
# one sees the alert before its end, and how the next one goes on.
SOURCES: Final = (
    ("demo-leads-1", "Demo leads 1", 300),
    ("demo-leads-2", "Demo leads 2", 50_000),
)
SOURCE_PATH: Final = "/clay/v3/sources/webhook/"
ROUTINE: Final = "function:t_demo"
# Some sample leads have no name or no company, as real ones: the routine takes them by their address.
ROUTINE_INPUTS: Final = (
    Input("linkedin_url", "linkedin_url", required=True),
    *(Input(name, name) for name in ("full_name", "company_name", "company_domain")),
)


def stand_in() -> dict[str, Any]:
    """Switches of the sandbox: two sources, each with a table that calls us back, and a routine with its webhook."""
    column = {
        "url": f"{settings.BASE_URL}/webhooks/clay/row",
        "headers": {"X-Webhook-Secret": settings.CLAY_WEBHOOK_SECRET},
        "body": template.body(),
    }
    hook = {"url": f"{settings.BASE_URL}/webhooks/clay/run", "secret": settings.CLAY_SIGNING_SECRET}
    return {
        "routine_header": settings.CLAY_PUBLIC_API_HEADER,
        "clay_tables": {f"t_{slug}": {"callback": column} for slug, _, _ in SOURCES},
        "clay_sources": {
            slug: {"token": SOURCE_TOKEN, "table": f"t_{slug}", "life": life} for slug, _, life in SOURCES
        },
        "clay_routines": {
            ROUTINE: {
                "inputs": {each.name: {"column": each.field, "required": each.required} for each in ROUTINE_INPUTS}
            }
        },
        "clay_hooks": {settings.CLAY_ROUTINE_WEBHOOK_ID: hook} if settings.CLAY_SIGNING_SECRET else {},
    }


def prepare(out: Any) -> None:
    """Tells the product of the Clay that was chosen. Any number of runs leaves the same, and what came of it.

    A connector named at this start is used, whatever was chosen on Connections before.
    """
    if os.environ.get("CLAY_CONNECTOR"):
        Connection.objects.filter(system="clay").exclude(connector="").update(connector="")
    ways: dict[str, Callable[[], object]] = {
        "rows-api": lambda: call_command("clay_setup", stdout=out),
        "table": prepare_sources,
        "routine": prepare_routine,
    }
    ways[chosen.connector_slug()]()


def prepare_sources() -> None:
    """The sources of the stand-in at today's address. Their count, and that one was closed, stay."""
    for position, (slug, name, life) in enumerate(SOURCES):
        now = {"url": f"{settings.SANDBOX_URL}{SOURCE_PATH}{slug}", "token": encrypt(SOURCE_TOKEN)}
        known = ClaySource.objects.filter(url__endswith=f"{SOURCE_PATH}{slug}")
        if not known.update(**now):
            ClaySource.objects.create(name=name, position=position, life=life, **now)


def prepare_routine() -> None:
    """The routine of the stand-in and its mapping, where none was chosen on Connections."""
    if Connection.objects.filter(system="clay").exclude(routine_id="").exists():
        return
    outputs = {name: name for name in Routine(ROUTINE).outputs if name in OUTPUT_COLUMNS}
    setup.save(routine=ROUTINE, inputs=ROUTINE_INPUTS, outputs=outputs, by=None)
