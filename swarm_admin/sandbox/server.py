"""Runs the sandbox: granian in this process, one event loop, until SIGTERM or Ctrl-C."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette

from swarm_admin.sandbox.app import app
from swarm_admin.sandbox.config import Config


def serve(config: Config, port: int, host: str = "127.0.0.1", state_file: Path | None = None) -> None:
    """Serves until stopped, then ends the process. Records are read from the `state_file` and written to it at the end.

    The interpreter is not taken down in order: a thread of granian's that comes back to Python meanwhile aborts
    the process, so that one stop in twenty looked like a crash.
    """
    asyncio.run(_serve(app(config, state_file), host, port))
    sys.stdout.flush()
    os._exit(0)


async def _serve(application: Starlette, host: str, port: int) -> None:
    server = Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, server.stop)
    await server.serve()
