"""What is due: told to whoever registered, on each look, as the whole of what holds at that time."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alarm:
    """`kind` and `request_id` are one cause; the sentence holds ids and dates, nothing of the person."""

    kind: str
    request_id: int
    sentence: str
    severe: bool = False


_listeners: list[Callable[[Sequence[Alarm]], None]] = []
_lookouts: list[Callable[[], Iterable[Alarm]]] = []


def watch(lookout: Callable[[], Iterable[Alarm]]) -> None:
    """`lookout` tells what is due or late of one duty; an alarm that is about no request has the id 0."""
    if lookout not in _lookouts:
        _lookouts.append(lookout)


def register(listener: Callable[[Sequence[Alarm]], None]) -> None:
    """`listener` is given every alarm that holds now; what it is not given any more is over."""
    if listener not in _listeners:
        _listeners.append(listener)


def unregister(listener: Callable[[Sequence[Alarm]], None]) -> None:
    _listeners.remove(listener)


def look() -> list[Alarm]:
    """Tell every listener what is due; one that fails keeps no other from hearing it."""
    found = current()
    for listener in _listeners:
        try:
            listener(found)
        except Exception:
            log.exception("an alarm listener failed")
    return found


def current() -> list[Alarm]:
    """Everything that is due or late now, the severe first."""
    found = [alarm for lookout in _lookouts for alarm in lookout()]
    return sorted(found, key=lambda alarm: (not alarm.severe, alarm.request_id))
