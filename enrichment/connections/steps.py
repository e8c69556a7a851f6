"""The steps of a guided connection: each done, to do or in trouble, by what was checked and when."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from enrichment.connections.scope_checks import ScopeRow
from enrichment.models import ConnectionCheck, Finding
from enrichment.vendors.vendor import Vendor


@dataclass(frozen=True)
class Step:
    """`state`: done, trouble (it was checked, and something is wrong) or todo (nobody has checked)."""

    title: str
    state: Literal["done", "trouble", "todo"]
    words: str
    checked_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Progress:
    """The page's answer, in a sentence."""

    ok: bool
    words: str


def progress(steps: Sequence[Step]) -> Progress:
    done = sum(step.state == "done" for step in steps)
    if done == len(steps):
        return Progress(True, "Connected. Every step was checked.")
    trouble = [step.title for step in steps if step.state == "trouble"]
    needs = f" Needs attention: {', '.join(trouble)}." if trouble else ""
    return Progress(False, f"{done} of {len(steps)} steps done.{needs}")


def key_step(vendor: Vendor, scopes: Sequence[ScopeRow], title: str) -> Step:
    """Present, and accepted by any call that was made with it."""
    if not vendor.has_key:
        return Step(title, "trouble", "Missing")
    tested = [row.checked_at for row in scopes if row.checked_at and row.finding != Finding.UNKNOWN]
    if not tested:
        return Step(title, "todo", "Present, not tested")
    if any(row.finding == Finding.REJECTED for row in scopes):
        return Step(title, "trouble", "Rejected", max(tested))
    return Step(title, "done", "Accepted", max(tested))


def scopes_step(scopes: Sequence[ScopeRow]) -> Step:
    """Done where every scope that is needed works."""
    tested = [row.checked_at for row in scopes if row.checked_at]
    blocking = [row for row in scopes if row.blocks]
    if not tested or (all(row.finding == Finding.UNKNOWN for row in blocking) and blocking):
        return Step("Scopes", "todo", "Not tested", max(tested, default=None))
    if blocking:
        return Step("Scopes", "trouble", f"{len(blocking)} missing", max(tested))
    return Step("Scopes", "done", "All work", min(tested))


def result_step(title: str, check: ConnectionCheck | None, done: str, trouble: str) -> Step:
    """A step that is one check."""
    if check is None or check.finding == Finding.UNKNOWN:
        return Step(title, "todo", "Not checked", check.checked_at if check else None)
    if check.finding == Finding.OK:
        return Step(title, "done", done, check.checked_at)
    return Step(title, "trouble", trouble, check.checked_at)
