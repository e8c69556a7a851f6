"""Whether this worker was asked to stop: a tick then begins nothing more, so that nothing is left in flight."""

import threading
from typing import Any

_asked = threading.Event()


def request_stop(*_: Any, **__: Any) -> None:
    """The worker is to stop: what is under way is finished, the rest is left for others."""
    _asked.set()


def is_requested() -> bool:
    """Looked at before each claim: what one claim takes is done well within the time a worker is given to stop."""
    return _asked.is_set()


def wait(seconds: float) -> bool:
    """Do nothing for so long, or until the worker is asked to stop; whether it is."""
    return _asked.wait(seconds)


def reset() -> None:
    """As at the start of a process."""
    _asked.clear()
