"""The scopes of a key, tested one by one, each with the sentence that fixes it."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from enrichment.connections import checks
from enrichment.models import Connection, ConnectionCheck, Finding
from enrichment.vendors import scopes as vendor_scopes
from enrichment.vendors.scopes import Scope, ScopeResult
from enrichment.vendors.vendor import Vendor
from swarm_admin.core.errors import ActionNotAllowed

PREFIX = "scope:"


@dataclass(frozen=True)
class KeyWords:
    """What the vendor calls its key ("private integration token"), and where there it is changed."""

    key: str
    where: str
    no_access: str = ""


@dataclass(frozen=True)
class ScopeRow:
    """A scope as the page shows it. `sentence`: what is wrong and how to fix it, "" where it is granted."""

    name: str
    use: str
    why_optional: str
    finding: str
    sentence: str
    checked_at: datetime.datetime | None

    @property
    def is_ok(self) -> bool:
        return self.finding == Finding.OK

    @property
    def blocks(self) -> bool:
        """Whether something goes wrong because of it."""
        return not self.is_ok and not self.why_optional


def check_can_test(vendor: Vendor) -> None:
    """Raises ActionNotAllowed."""
    if not vendor.has_key:
        raise ActionNotAllowed(f"Set {vendor.key_setting} in the environment and restart first.")


def test(vendor: Vendor, scopes: Sequence[Scope]) -> list[ScopeResult]:
    """One call for each scope, its result kept. Raises ActionNotAllowed without a key or a free slot."""
    check_can_test(vendor)
    slots = checks.reserve(vendor, len(scopes))
    try:
        results = vendor_scopes.examine(scopes, slots.use)
    finally:
        slots.give_back()
    for result in results:
        checks.save(vendor, f"{PREFIX}{result.scope.name}", result.finding, str(result.error or ""))
    rejected = next((each.error for each in results if each.finding == Finding.REJECTED), None)
    if rejected is not None:
        Connection.note_error(vendor.slug, rejected)
    return results


def rows(vendor: Vendor, scopes: Sequence[Scope], words: KeyWords) -> list[ScopeRow]:
    """Each scope with what is known of it with the present key."""
    made = checks.current(vendor)
    return [_row(vendor, scope, made.get(f"{PREFIX}{scope.name}"), words) for scope in scopes]


def summary(vendor: Vendor, results: Sequence[ScopeResult]) -> str:
    """What a test came to, in a sentence."""
    if any(each.finding == Finding.REJECTED for each in results):
        return f"{vendor.name} rejected the key."
    good = sum(each.finding == Finding.OK for each in results)
    return f"{vendor.name}: {good} of {len(results)} scopes work."


def _row(vendor: Vendor, scope: Scope, check: ConnectionCheck | None, words: KeyWords) -> ScopeRow:
    finding = Finding(check.finding) if check else Finding.UNKNOWN
    sentence = _sentence(vendor, scope, check, words) if check else ""
    checked_at = check.checked_at if check else None
    return ScopeRow(scope.name, scope.use, scope.why_optional, finding, sentence, checked_at)


def _sentence(vendor: Vendor, scope: Scope, check: ConnectionCheck, words: KeyWords) -> str:
    if check.finding == Finding.MISSING:
        return f"Add {scope.name} to the {words.key} ({words.where}), then test again."
    if check.finding == Finding.REJECTED:
        fix = f"Renew it, update {vendor.key_setting} and restart, then test again."
        return f"{vendor.name} rejects the {words.key}. {fix}"
    if check.finding == Finding.NO_ACCESS:
        return words.no_access
    if check.finding == Finding.UNKNOWN:
        return f"No result ({check.detail}). Test again."
    return ""
