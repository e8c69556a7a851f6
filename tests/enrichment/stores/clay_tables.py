"""A Clay table as customers have it, at the sandbox: rows that our runs put there, and what a person does by hand."""

import secrets
from typing import Any

from django.utils import timezone

from enrichment.models import Attempt, ClayRun, ClaySource, Lead, WaterfallVersion
from enrichment.vendors.clay.wire import Source
from enrichment.vendors.connections import clay
from tests.plugins.pipeline import Pipeline

SHEET = "tbl_people"


def attempt(lead: Lead, **values: Any) -> Attempt:
    """A run of the lead that ended, unless told otherwise."""
    now = timezone.now()
    given = {"waterfall": WaterfallVersion.active(), "status": "succeeded", "triggered_at": now, "finished_at": now}
    return Attempt.objects.create(lead=lead, **{**given, "reference": secrets.token_urlsafe(16), **values})


def source(vendors: Pipeline, slug: str = "people", **values: Any) -> ClaySource:
    """A webhook of a table in which nothing runs by itself, and our record of it."""
    vendors.sandbox.control("PUT", f"tables/{SHEET}", auto_update=False)
    vendors.sandbox.control("PUT", f"sources/{slug}", table=SHEET)
    url = f"{vendors.sandbox.url}/clay/v3/sources/webhook/{slug}"
    return ClaySource.objects.create(name=f"Leads {slug}", url=url, life=50_000, **values)


def submitted(lead: Lead, into: ClaySource, **values: Any) -> str:
    """A run of the lead whose row is in the table; its reference."""
    run = attempt(lead, source=into, **values)
    clay().submit_row(Source(into.url), {"swarm_ref": run.reference, "linkedin_url": lead.linkedin_url, "title": "CRO"})
    return run.reference


def routine_run(lead: Lead, routine: str = "function:tbl_1", **values: Any) -> Attempt:
    """A run of a routine over the lead, which ended when it began unless told otherwise."""
    started = values.pop("started_at", timezone.now())
    run = ClayRun.objects.create(
        run_id=secrets.token_hex(4), routine_id=routine, items=1, status="done", started_at=started, finished_at=started
    )
    given = {"started_at": started, "triggered_at": started, "finished_at": started}
    return attempt(lead, run=run, **{**given, **values})


class Person:
    """Somebody who works in Clay: sees rows by their reference, corrects and deletes them."""

    def __init__(self, vendors: Pipeline) -> None:
        self.sandbox = vendors.sandbox

    def sees(self, reference: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.sandbox.control("GET", f"tables/{SHEET}/rows?swarm_ref={reference}")["rows"]
        return rows

    def corrects(self, reference: str, **values: Any) -> None:
        for row in self.sees(reference):
            self.sandbox.control("PATCH", f"tables/{SHEET}/rows/{row['id']}", **values)

    def deletes(self, reference: str) -> None:
        for row in self.sees(reference):
            self.sandbox.control("DELETE", f"tables/{SHEET}/rows/{row['id']}")
