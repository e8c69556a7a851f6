"""What is known of a vendor call before it is made: name, limit, and whether it may be repeated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

# An address nobody can have (RFC 2606): looking it up finds nothing and tells nothing about anybody.
NOBODY = "connection-test@swarm-admin.invalid"
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """One vendor call.

    `limit`: the limit of `limiter` it falls under (the caller takes the slot), None: unlimited.
    `repeatable`: sending it twice leaves the same state, so a lost answer is only a reason to repeat.
    `reads`: it changes nothing, so the transport itself may repeat it within seconds.
    `looks`: it changes nothing, though it is too dear to be repeated by itself.
    `once`: the transport never repeats it, not even where nothing arrived.
    """

    name: str
    limit: str | None = None
    repeatable: bool = False
    reads: bool = False
    looks: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        if self.reads and not self.repeatable:
            raise ValueError(f"{self.name}: what reads is repeatable")

    @property
    def changes_nothing(self) -> bool:
        return self.reads or self.looks


def makes(call: Call) -> Callable[[Method], Method]:
    """Marks a client's method with the call it makes."""

    def mark(method: Method) -> Method:
        setattr(method, "call", call)  # noqa: B010 - a function has no declared attribute of that name
        return method

    return mark


def call_of(method: Callable[..., Any]) -> Call:
    """The `Call` a client's method makes; AttributeError for anything else."""
    found: Call = getattr(method, "call")  # noqa: B009
    return found


def limit_of(method: Callable[..., Any]) -> str | None:
    """The name of the limit a client's method falls under, e.g. `"clay.rows"`; None: unlimited."""
    return call_of(method).limit
