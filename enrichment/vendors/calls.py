"""What is known of a vendor call before it is made: name, limit, and whether it may be repeated."""

from dataclasses import dataclass

# An address nobody can have (RFC 2606): looking it up finds nothing and tells nothing about anybody.
NOBODY = "connection-test@swarm-admin.invalid"


@dataclass(frozen=True)
class Call:
    """One vendor call.

    `limit`: the limit of `limiter` it falls under (the caller takes the slot), None: unlimited.
    `repeatable`: sending it twice leaves the same state, so a lost answer is only a reason to repeat.
    `reads`: it changes nothing, so the transport itself may repeat it within seconds.
    `looks`: it changes nothing, though it is too dear to be repeated by itself.
    `once`: the transport never repeats it, not even where nothing arrived.
    `acknowledges`: any 2xx is a good answer, whatever its body.
    `examines`: whether the key may make it is the question, so a refusal is an answer and no sign of trouble.
    """

    name: str
    limit: str | None = None
    repeatable: bool = False
    reads: bool = False
    looks: bool = False
    once: bool = False
    acknowledges: bool = False
    examines: bool = False

    def __post_init__(self) -> None:
        if self.reads and not self.repeatable:
            raise ValueError(f"{self.name}: what reads is repeatable")

    @property
    def changes_nothing(self) -> bool:
        return self.reads or self.looks
