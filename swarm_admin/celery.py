"""The worker and its clock: `celery -A swarm_admin worker`, `celery -A swarm_admin beat`."""

import importlib
import importlib.util
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, task_postrun, task_prerun, worker_init, worker_shutting_down
from django.conf import settings
from django.db import close_old_connections

from swarm_admin import hang_guard
from swarm_admin.core import shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "swarm_admin.settings")


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The periodic tasks of every package: the `BEAT` dictionaries of its `tasks` module."""
    schedule: dict[str, dict[str, Any]] = {}
    for name in ("swarm_admin.tasks", "enrichment.tasks", "gdpr.tasks"):
        if importlib.util.find_spec(name):
            schedule |= getattr(importlib.import_module(name), "BEAT", {})
    return schedule


app = Celery("swarm_admin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


worker_shutting_down.connect(shutdown.request_stop)


@worker_init.connect
@beat_init.connect
def _end_when_frozen(**kwargs: object) -> None:
    hang_guard.watch(settings.WORKER_FROZEN_SECONDS)


@beat_init.connect
def _watch_the_workers(sender: Any, **kwargs: object) -> None:
    # Not before Django is set up: it looks into the tables.
    importlib.import_module("swarm_admin.watchdog").start(sender)


@task_prerun.connect
@task_postrun.connect
def _renew_connections(**kwargs: object) -> None:
    """A worker's thread keeps its connection as a web request's does: until it is too old or does not answer.

    Celery itself would close it before and after every task (CELERY_DB_REUSE_MAX): a new server process for each.
    """
    close_old_connections()


@app.on_after_finalize.connect
def _set_beat(sender: Celery, **kwargs: object) -> None:
    sender.conf.beat_schedule = beat_schedule()
