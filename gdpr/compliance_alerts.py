"""Compliance alerts: what is due or late. Checks yield them; every listener is given all that hold at that time."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ComplianceAlert:
    """`kind` and `request_id` are one cause; the sentence holds ids and dates, nothing of the person."""

    kind: str
    request_id: int
    sentence: str
    severe: bool = False


_listeners: list[Callable[[Sequence[ComplianceAlert]], None]] = []
_checks: list[Callable[[], Iterable[ComplianceAlert]]] = []


def register_check(check: Callable[[], Iterable[ComplianceAlert]]) -> None:
    """`check` yields what is due or late of one duty; an alert that concerns no request has the id 0."""
    if check not in _checks:
        _checks.append(check)


def subscribe(listener: Callable[[Sequence[ComplianceAlert]], None]) -> None:
    """`listener` is given every alert that holds now; one it is no longer given is resolved."""
    if listener not in _listeners:
        _listeners.append(listener)


def unsubscribe(listener: Callable[[Sequence[ComplianceAlert]], None]) -> None:
    _listeners.remove(listener)


def publish() -> list[ComplianceAlert]:
    """Give every listener the current alerts; one that fails does not stop the others."""
    found = current()
    for listener in _listeners:
        try:
            listener(found)
        except Exception:
            log.exception("an alert listener failed")
    return found


def current() -> list[ComplianceAlert]:
    """Everything that is due or late now, the severe first."""
    found = [alert for check in _checks for alert in check()]
    return sorted(found, key=lambda alert: (not alert.severe, alert.request_id))
