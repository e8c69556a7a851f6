"""Work that a worker was lost over, done alone: one piece at a time, in a process that may be lost over it too.

The parent does none of it. It forks a child that has everything loaded, and another one as soon as that is gone, so
that work which kills its worker costs a moment here and no other work its worker. See `swarm_admin.core.work`.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections

from enrichment.drift import mending, reconcile
from enrichment.imports import importing
from enrichment.jobs import jobs
from enrichment.leases import server_is_away
from enrichment.models.handover import System
from enrichment.pilots import pilot
from enrichment.pipeline import crash_recovery, poll, runs
from enrichment.pipeline.deliver import running
from enrichment.pipeline.dispatch import rows, submit, trigger, write_back
from enrichment.pipeline.receive import reading
from enrichment.scoring import rescore
from enrichment.vendors import limiter
from gdpr.audit import check
from gdpr.messages import send
from gdpr.notices import delivery as notice_delivery
from gdpr.requests import after_checks
from gdpr.requests.pipeline import execute
from gdpr.retention import retention
from swarm_admin import alerts, hang_guard
from swarm_admin.core import progress, shutdown, work
from swarm_admin.supervisor import exit_with_parent

log = logging.getLogger(__name__)
LOOKED_EVERY = 0.05  # seconds: how often the parent looks after its child
TOLD_EVERY = work.QUARANTINE_SECONDS / 3
SHORTEST_LIFE = 1.0  # seconds: a child that does not live so long is not followed at once
PAUSE = 0.1

# What is claimed under a lease, each until nothing of it is due.
STAGES: tuple[Callable[[], Any], ...] = (
    crash_recovery.recover_lost_calls,
    reading.run_due,
    submit.run_due,
    rows.run_due,
    trigger.run_due,
    write_back.run_due,
    *(partial(running.run_due, system) for system in System.values),
    poll.run_due,
    runs.run_due,
    importing.run_due,
    jobs.run_due,
    rescore.run_due,
    pilot.run_due,
    reconcile.run_due,
    mending.run_due,
    alerts.run_due,
    execute.run_due,
    send.run_due,
    notice_delivery.run_due,
    retention.run_due,
    after_checks.run_due,
    check.run_due,
)


class Quarantine:
    """The parent: keeps one child at work until it is told to stop."""

    def __init__(self, child: Callable[[], None]) -> None:
        self.child = child
        self.pid, self.stopping = 0, False

    def run(self) -> None:
        """Block until SIGTERM or SIGINT, and until the child has finished what it has."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        last_sign = began = 0.0
        while True:
            if not self.pid:
                if self.stopping:
                    return
                time.sleep(PAUSE if time.monotonic() - began < SHORTEST_LIFE else 0)
                began = time.monotonic()
                self._fork()
            if time.monotonic() - last_sign > TOLD_EVERY:
                progress.unless_redis_is_down(work.mark_quarantine_alive)
                last_sign = time.monotonic()
            time.sleep(LOOKED_EVERY)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                self.pid = 0

    def _stop(self, *_: Any) -> None:
        self.stopping = True
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)

    def _fork(self) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid:
            return
        code = 1
        try:
            signal.signal(signal.SIGTERM, _ask_to_stop)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, which the parent passes on
            exit_with_parent()
            if os.getppid() == parent:
                self.child()
            code = 0
        finally:
            os._exit(code)


def _ask_to_stop(*_: Any) -> None:
    """From a thread: a handler may interrupt whoever waits for the same event, and would wait for it in turn."""
    threading.Thread(target=shutdown.request_stop).start()


def work_through() -> None:
    """The child: everything that has a lapse behind it, until it is told to stop."""
    work.enter_quarantine()
    hang_guard.watch(settings.WORKER_FROZEN_SECONDS)
    while not shutdown.is_requested():
        if progress.unless_redis_is_down(limiter.connection().ping):
            for stage in STAGES:
                _guarded(stage)
        shutdown.wait(settings.TICK_SECONDS)
    connections.close_all()


def _guarded(stage: Callable[[], Any]) -> None:
    """One stage; where PostgreSQL or Redis is away, its leases run out, and it is looked for again."""
    close_old_connections()
    if shutdown.is_requested():
        return
    try:
        stage()
    except Exception as error:
        # The words of an exception may hold a person's data.
        log.error("quarantine: %s%s", type(error).__name__, ", a server is away" * server_is_away(error))  # noqa: TRY400
