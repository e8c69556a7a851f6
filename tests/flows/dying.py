"""A process that does one stage's due work and kills itself with -9 at a named point of its vendor call.

`python -m tests.flows.dying STAGE POINT`: `before` the call leaves, `after` it was answered, or once what it
brought is `recorded`, which is the first commit after it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django

LONGEST_SECONDS = 30
POINTS = ("before", "after", "recorded")
# stage → (client, method) whose call is the one that counts
CALLS = {
    "rows": ("RowsApi", "create_rows"),
    "trigger": ("RowsApi", "trigger_enrichment"),
    "submit": ("TableWebhook", "submit_row"),
    "write_back": ("RowsApi", "update_rows"),
    "ghl": ("GoHighLevelClient", "upsert_contact"),
    "ghl_tags": ("GoHighLevelClient", "add_tags"),
    "instantly": ("InstantlyClient", "add_lead"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(method: Callable[..., Any], point: str) -> Callable[..., Any]:
    """The client's method, with death before or after it, or at the next commit."""
    from django.db import connection

    def call(*arguments: Any, **named: Any) -> Any:
        if point == "before":
            die()
        answer = method(*arguments, **named)
        if point == "after":
            die()
        DjangoConnection = type(connection._connections[connection._alias])  # type: ignore[attr-defined]
        commit = DjangoConnection._commit

        def last(self: Any) -> None:
            commit(self)
            die()

        DjangoConnection._commit = last  # type: ignore[method-assign]
        return answer

    return call


def work(stage: str) -> None:
    """What the stage's tick does."""
    from enrichment.models.work import BatchKind
    from enrichment.pipeline.deliver import running
    from enrichment.pipeline.dispatch import plan, rows, submit, trigger, write_back

    if stage == "rows":
        plan.plan_batches(BatchKind.ROWS)
        rows.run_due()
    elif stage == "trigger":
        plan.plan_batches(BatchKind.TRIGGER)
        trigger.run_due()
    elif stage == "submit":
        plan.plan_batches(BatchKind.SUBMIT)
        submit.run_due()
    elif stage == "write_back":
        plan.plan_batches(BatchKind.UPDATE)
        write_back.run_due()
    else:
        running.run_due(stage.split("_", maxsplit=1)[0])


def main() -> None:
    stage, point = sys.argv[1:]
    django.setup()
    from enrichment.vendors.clay import rows_api, table_webhook
    from enrichment.vendors.gohighlevel import client as ghl
    from enrichment.vendors.instantly import client as instantly

    name, method = CALLS[stage]
    client = next(
        getattr(module, name) for module in (rows_api, table_webhook, ghl, instantly) if hasattr(module, name)
    )
    setattr(client, method, deadly(getattr(client, method), point))
    until = time.monotonic() + LONGEST_SECONDS  # what is due may wait a moment for company
    while time.monotonic() < until:
        work(stage)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
