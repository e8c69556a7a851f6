"""The limits that the vendors set to calls, as their records declare them; `limiter` keeps to them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Window:
    """At most as many calls as the setting says in any `seconds` of the vendor's clock."""

    label: str
    setting: str
    seconds: float


@dataclass(frozen=True)
class CallLimit:
    """A limit that the vendor sets to calls, each of its windows for itself.

    `name`: under which slots are taken; `label`: what staff read; `scope`: what it is counted for, as configured now.
    `unit_setting`: the setting which says `rows` where every row that a call carries counts as a call.
    """

    name: str
    label: str
    windows: tuple[Window, ...]
    scope: Callable[[], str]
    unit_setting: str = ""

    @property
    def counts_rows(self) -> bool:
        return bool(self.unit_setting) and getattr(settings, self.unit_setting) == "rows"


_limits: dict[str, CallLimit] = {}


def declare(limit: CallLimit) -> None:
    """Make a limit known; declaring the same name again replaces it."""
    _limits[limit.name] = limit


def get(name: str) -> CallLimit:
    """Raises ValueError for an unknown limit."""
    if name not in _limits:
        raise ValueError(f"unknown limit {name}")
    return _limits[name]
