"""What a key may do, asked scope by scope with a call that changes nothing, and what an answer says about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from enrichment.models import Finding
from enrichment.vendors.errors import Misconfigured, Paused, RateLimited, VendorError

UNDERSTOOD: Final = (400, 404, 409, 422)  # let through, and refused for what was in it
NO_SUCH_ROUTE: Final = ("cannot ", "route ")  # the words of a 404 that is about the address


@dataclass(frozen=True)
class Scope:
    """One right of a key. `name` as the vendor spells it, `use`: what we do with it.

    `ask` makes a call that needs exactly this right and changes nothing. `why_optional`: what is lost without it,
    "" where nothing goes without it.
    """

    name: str
    use: str
    ask: Callable[[], object]
    why_optional: str = ""


@dataclass(frozen=True)
class ScopeResult:
    """`error`: what the vendor answered where that was no good answer."""

    scope: Scope
    finding: Finding
    error: VendorError | None = None


def examine(scopes: Sequence[Scope], use_slot: Callable[[], None]) -> list[ScopeResult]:
    """Every scope, one call each, in order, each after `use_slot`; after a 429 the others are left.

    A key that makes one call and is refused another as unknown lacks that right: vendors answer 401 for both.
    """
    results: list[ScopeResult] = []
    stopped: VendorError | None = None
    for scope in scopes:
        result = ScopeResult(scope, Finding.UNKNOWN, stopped) if stopped else _ask(scope, use_slot)
        results.append(result)
        if isinstance(result.error, RateLimited):
            stopped = result.error
    if not any(each.finding == Finding.OK for each in results):
        return results
    return [
        ScopeResult(each.scope, Finding.MISSING, each.error) if each.finding == Finding.REJECTED else each
        for each in results
    ]


def _ask(scope: Scope, use_slot: Callable[[], None]) -> ScopeResult:
    try:
        use_slot()
        scope.ask()
    except VendorError as error:
        return ScopeResult(scope, judge(error), error)
    return ScopeResult(scope, Finding.OK)


def judge(error: VendorError) -> Finding:
    """What a refusal says about the key's right to make the call."""
    words = f"{error.code} {error.message}".strip().lower()
    if error.status == 401:
        return Finding.MISSING if "scope" in words else Finding.REJECTED
    if error.status == 403 and not isinstance(error, Paused):
        return Finding.NO_ACCESS if "location" in words else Finding.MISSING
    if error.status in UNDERSTOOD and words and not _is_no_route(error):
        return Finding.OK
    if isinstance(error, Misconfigured) and error.code in ("no_key", "bad_key"):
        return Finding.REJECTED
    return Finding.UNKNOWN


def _is_no_route(error: VendorError) -> bool:
    return error.status == 404 and error.message.lower().startswith(NO_SUCH_ROUTE)
