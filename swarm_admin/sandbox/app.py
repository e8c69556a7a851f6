"""The sandbox as one Starlette application: three vendors, one of them in three ways, and the control calls."""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from swarm_admin.sandbox import clay_control
from swarm_admin.sandbox.clay import Clay
from swarm_admin.sandbox.clay_routine.api import ClayRoutine
from swarm_admin.sandbox.clay_store import shown
from swarm_admin.sandbox.clay_table.sources import ClayTable
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.control import document_of
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.ghl import GoHighLevel
from swarm_admin.sandbox.instantly import Instantly
from swarm_admin.sandbox.snapshot import Records
from swarm_admin.sandbox.stats import Stats

KEEP_SECONDS = 3.0  # real ones


class World:
    """Everything the sandbox knows; `reset` begins anew as at the start."""

    def __init__(self, config: Config) -> None:
        self.first = config
        self._begin()

    def _begin(self) -> None:
        self.config = copy.deepcopy(self.first)
        self.faults = Faults(self.config.seed, self.config.speed)
        self.stats = Stats()
        self.credits = Credits(self.config)
        self.clay = Clay(self.config, self.faults, self.stats)
        self.clay_table = ClayTable(self.config, self.faults, self.stats, self.credits)
        self.clay_routine = ClayRoutine(self.config, self.faults, self.stats, self.credits)
        self.ghl = GoHighLevel(self.config, self.faults, self.stats)
        self.instantly = Instantly(self.config, self.faults, self.stats)

    async def close(self) -> None:
        """Stops runs and deliveries."""
        self.clay.runs.stop()
        await self.clay.webhooks.close()
        await self.clay_table.runs.close()
        await self.clay_routine.processing.close()

    async def reset(self) -> None:
        """Forgets every record, fault, figure and changed switch."""
        await self.close()
        self._begin()

    def configure(self, values: dict[str, Any]) -> None:
        """Changes switches; windows of another length begin anew."""
        self.config.change(values)
        self.faults.speed = self.config.speed
        for vendor in (self.clay, self.clay_table, self.clay_routine, self.ghl, self.instantly):
            vendor.limits.clear()

    def records(self) -> Records:
        """What outlives the process."""
        return Records(
            clay=self.clay,
            table=self.clay_table,
            routine=self.clay_routine,
            credits=self.credits,
            ghl=self.ghl,
            instantly=self.instantly,
        )

    def vendor(self, name: str) -> ASGIApp:
        """The vendor of the present state, whichever that is when a request comes."""

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            await getattr(self, name)(scope, receive, send)

        return asgi

    def figures(self) -> dict[str, Any]:
        """`GET /_stats`."""
        tables = self.clay.tables.values()
        contacts = self.ghl.contacts.values()
        over = sum(int(each["over_limit"]) for each in self.stats.providers.values())
        return {
            "speed": self.config.speed,
            "seed": self.config.seed,
            "faults": self.faults.listed(),
            "clay": {
                "rows_created": 0,
                **self.stats.vendor("clay"),
                "rows": sum(len(table.rows) for table in tables),
                "duplicates_by_linkedin_url": sum(table.duplicates() for table in tables),
                "running": len(self.clay.runs.waiting),
                "webhooks": {"sent": 0, "acknowledged": 0, **self.stats.deliveries["clay"]},
                "providers": self.stats.providers,
                "provider_over_limit": over,
            },
            "clay_table": self.clay_table.figures(),
            "clay_routine": self.clay_routine.figures(),
            "credits": self.credits.figures(),
            "ghl": {
                **self.stats.vendor("ghl"),
                "contacts": len(contacts),
                "contacts_with_email": sum(bool(contact.get("email")) for contact in contacts),
                "duplicates_by_email": self.ghl.duplicates(),
                "deleted": len(self.ghl.deleted),
            },
            "instantly": {
                **self.stats.vendor("instantly"),
                "leads": len(self.instantly.leads),
                "duplicates_by_email": self.instantly.duplicates(),
                "blocked": len(self.instantly.blocked),
            },
        }

    def state(self, name: str) -> dict[str, Any] | None:
        """`GET /_state/{vendor}`: its records."""
        if name == "clay":
            tables = {key: [shown(row) for row in each.rows.values()] for key, each in self.clay.tables.items()}
            return {"tables": tables, "webhooks": self.clay.webhooks.registered}
        if name == "clay_table":
            return self.clay_table.state()
        if name == "clay_routine":
            return self.clay_routine.state()
        if name == "ghl":
            deleted = [contact for _, contact in self.ghl.deleted.values()]
            fields = list(self.ghl.custom_fields.values())
            return {"contacts": list(self.ghl.contacts.values()), "deleted": deleted, "custom_fields": fields}
        if name == "instantly":
            return {
                "leads": list(self.instantly.leads.values()),
                "blocked": list(self.instantly.blocked.values()),
            }
        return None


def control(world: World) -> list[Route]:
    """The calls that steer the sandbox; they ask for no key, so it listens on loopback only."""

    async def stats(request: Request) -> Response:
        return JSONResponse(world.figures())

    async def state(request: Request) -> Response:
        records = world.state(request.path_params["vendor"])
        return JSONResponse(records, 200 if records is not None else 404)

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                world.faults.add(await document_of(request))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)
        elif request.method == "DELETE":
            world.faults.clear()
        return JSONResponse({"faults": world.faults.listed()})

    async def config(request: Request) -> Response:
        try:
            world.configure(await document_of(request))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    async def reset(request: Request) -> Response:
        await world.reset()
        return JSONResponse({"ok": True})

    async def restore(request: Request) -> Response:
        done = world.ghl.restore(str((await document_of(request)).get("id")))
        return JSONResponse({"restored": done}, 200 if done else 404)

    async def mails(request: Request) -> Response:
        document = await document_of(request)
        counts = (int(document.get("opened", 0)), int(document.get("replied", 0)))
        done = world.instantly.mails(str(document.get("id")), *counts, bool(document.get("unsubscribed")))
        return JSONResponse({"written": done}, 200 if done else 404)

    return [
        Route("/_stats", stats),
        Route("/_state/{vendor}", state),
        Route("/_faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/_config", config, methods=["POST"]),
        Route("/_reset", reset, methods=["POST"]),
        Route("/_ghl/restore", restore, methods=["POST"]),
        Route("/_instantly/mails", mails, methods=["POST"]),
    ]


async def keep(world: World, state_file: Path) -> None:
    """Writes the records every few seconds in which something happened, so that a kill costs no more than those."""
    before = 0
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        happened = world.stats.happened()
        if happened != before:
            before = happened
            world.records().save(state_file)


def app(config: Config, state_file: Path | None = None) -> Starlette:
    """The whole sandbox; its `state.world` is the `World`. With a `state_file` its records outlive it."""
    world = World(config)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if state_file:
            world.records().load(state_file)
        keeping = asyncio.create_task(keep(world, state_file)) if state_file else None
        yield
        if keeping:
            keeping.cancel()
        if state_file:
            world.records().save(state_file)
        await world.close()

    vendors = [
        Mount("/clay/v1", world.vendor("clay")),
        Mount("/clay/v3/sources/webhook", world.vendor("clay_table")),
        Mount("/clay/public/v0", world.vendor("clay_routine")),
        Mount("/ghl", world.vendor("ghl")),
        Mount("/instantly/api/v2", world.vendor("instantly")),
    ]
    application = Starlette(
        routes=[*vendors, *control(world), *clay_control.tables(world), *clay_control.routines(world)],
        lifespan=lifespan,
    )
    application.state.world = world
    return application
