"""Claims of an audit, and what breaks them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One claim: how many records it was asked of, and those that break it (a few of them by id)."""

    claim: str
    of: int
    broken: int
    examples: str = ""

    @property
    def holds(self) -> bool:
        return self.broken == 0


def finding(claim: str, of: int, broken: Iterable[Any]) -> Finding:
    found = list(broken)
    return Finding(claim, of, len(found), ", ".join(map(str, found[:5])))


def twice(values: Iterable[Any]) -> list[Any]:
    """Those that occur more than once, empty ones aside."""
    return [value for value, count in Counter(values).items() if value and count > 1]


def table(findings: list[Finding]) -> str:
    """The findings as text, those that do not hold marked."""
    width = max(len(finding.claim) for finding in findings)
    lines = [f"{'claim':<{width}}  {'of':>7}  {'broken':>6}", "-" * (width + 17)]
    for finding in findings:
        mark = "" if finding.holds else f"  BROKEN: {finding.examples}"
        lines.append(f"{finding.claim:<{width}}  {finding.of:>7,}  {finding.broken:>6,}{mark}")
    return "\n".join(lines)
