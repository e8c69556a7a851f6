"""Workers that carry a subject request out, each of them killed with -9 at a named point of a step.

`python -m tests.flows.dying_steps POINT REQUEST`: every step kills the worker that first has it, once it is `claimed`,
`acted` out in the system but not yet written down, or `recorded`. Then the next worker begins. The last one lives,
and prints how many died: nothing of the request is left to a machine.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django

POINTS = ("claimed", "acted", "recorded")
MOST = 200  # more workers than any request has steps
LONGEST_SECONDS = 250
PAUSE = 0.01


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(function: Callable[..., Any], is_first: Callable[..., bool]) -> Callable[..., Any]:
    """The function, and then the end where `is_first` says so of its arguments."""

    def call(*arguments: Any, **named: Any) -> Any:
        told = function(*arguments, **named)
        if is_first(*arguments):
            die()
        return told

    return call


def make_deadly(point: str) -> None:
    """Death comes to the first try of each step; what a killed worker left unknown counts as tried."""
    from gdpr.requests.pipeline import execute, step_handlers

    if point == "claimed":
        before = execute.run

        def run(step: Any) -> None:
            if step.tries == 1:
                die()
            before(step)

        execute.run = run
    elif point == "acted":
        # Not by its tries: what had to wait first, as for a message, has acted only later.
        step_handlers.run_step = after(
            step_handlers.run_step, lambda step: step.attempts.filter(ended_at=None).count() == 1
        )
    else:
        execute._record_done = after(execute._record_done, lambda step, outcome: True)


def work(point: str, request_id: int) -> None:
    """What a new worker finds, until nothing of the request is due for a machine any more."""
    from django.conf import settings

    from gdpr.messages import send
    from gdpr.models import SubjectRequest
    from gdpr.requests.pipeline import execute
    from gdpr.states import WORKED_ON, StepStatus

    leases, settings.LEASE_SECONDS = settings.LEASE_SECONDS, 0
    execute.hand_back_lapsed()
    settings.LEASE_SECONDS = leases
    make_deadly(point)
    while True:
        request = SubjectRequest.objects.get(pk=request_id)
        machine = request.steps.filter(status__in=[StepStatus.PLANNED, StepStatus.UNKNOWN])
        if request.status not in WORKED_ON or request.steps.needing_person().exists() or not machine.exists():
            return
        if not execute.run_due(request_id=request_id) + send.run_due():
            time.sleep(PAUSE)  # a read-back is not due yet


def main() -> None:
    point, request_id = sys.argv[1], int(sys.argv[2])
    django.setup()
    for died in range(MOST):
        worker = os.fork()  # no connection is open here, so none is shared
        if not worker:
            signal.alarm(LONGEST_SECONDS)  # none stays behind, whatever it waits for
            work(point, request_id)
            os._exit(0)
        _, status = os.waitpid(worker, 0)
        if status == 0:
            sys.stdout.write(str(died))
            return
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            raise SystemExit(f"a worker ended with {status}")
    raise SystemExit(f"more than {MOST} workers died")


if __name__ == "__main__":
    main()
