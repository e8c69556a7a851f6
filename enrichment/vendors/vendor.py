"""What the product knows of a vendor: one record, which its folder makes and `registry` keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

from enrichment.vendors import limits
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.errors import Recovery
from enrichment.vendors.limits import CallLimit
from enrichment.vendors.rules import Rule
from gdpr.stores import Capability as PrivacyAct

if TYPE_CHECKING:
    from enrichment.models import Lead  # what is above a vendor's calls may have leads; the calls know none


@dataclass(frozen=True)
class Delivery:
    """How leads are delivered to a vendor that takes them.

    `calls`: what a delivery of a new lead costs of `limit`; `at_once`: how many are claimed together. An e-mail that
    has two spellings may cost a call more; its slot is taken with the others.
    `reference`: the lead's field with the id of its record there. `action`, `recipient`: as the access log names them.
    `takes`: whether a lead belongs there. `payload`: all that is sent of it; `sent`: the same as {field: value}.
    """

    limit: str
    calls: int
    at_once: int
    reference: str
    action: str
    recipient: str
    takes: Callable[["Lead"], bool]
    payload: Callable[["Lead"], dict[str, Any]]
    sent: Callable[["Lead"], dict[str, Any]]

    def scope(self) -> str:
        """What `limit` is counted for, as configured now; raises ValueError where the limit is not declared."""
        return limits.get(self.limit).scope()


class Client(Protocol):
    """What every client has; its own calls besides."""

    def probe(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class ConnectionTest:
    """What "Test" does: `words` makes one cheap read, which is `call`, and says what came of it."""

    call: Call
    words: Callable[[], str]


@dataclass(frozen=True)
class Vendor:
    """One outside system.

    `slug` is stored with rows and names limits, `name` is what staff read, `icon` Tabler's.
    `address_setting`, `key_setting`: where it is, and the key; without one it is not set up.
    `client`: the one of this process; raises `Misconfigured` without a key.
    `rules`: {status: what it means}, `exceptions`: {(call, status): what it means for that call}.
    `lifelines`: calls that the pipeline lives by, each set judged by itself.
    `pause_reasons`: why it is paused, where that is worth other words than everybody's.
    `capabilities`: what can be asked of it; `capabilities_now`: that as it is connected now, where it has several ways.
    `is_ready`: whether it is set up, where that is another question than that of a key.
    `by_hand`: what a person does for a data subject where it has no such call, with {key}, {table} and {row}.
    """

    slug: str
    name: str
    icon: str
    address_setting: str
    key_setting: str
    client: Callable[[], Client]
    probe: Call
    connection_test: ConnectionTest
    capabilities: frozenset[Capability]
    limits: tuple[CallLimit, ...]
    rules: Mapping[int, Rule]
    exceptions: Mapping[tuple[str, int], Rule] = field(default_factory=dict)
    lifelines: tuple[frozenset[str], ...] = ()
    pause_reasons: Mapping[Recovery, str] = field(default_factory=dict)
    by_hand: Mapping[PrivacyAct, str] = field(default_factory=dict)
    delivery: Delivery | None = None
    is_ready: Callable[[], bool] | None = None
    capabilities_now: Callable[[], frozenset[Capability]] | None = None

    @property
    def able(self) -> frozenset[Capability]:
        """What can be asked of it now."""
        return self.capabilities_now() if self.capabilities_now else self.capabilities

    @property
    def address(self) -> str:
        return str(getattr(settings, self.address_setting))

    @property
    def has_key(self) -> bool:
        return self.is_ready() if self.is_ready else bool(self.key)

    @property
    def key(self) -> str:
        return str(getattr(settings, self.key_setting)).strip()
