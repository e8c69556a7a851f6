"""What is wrong though no alert says so: what Overview would tell, for the verdict on the Alerts screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enrichment.connections import health
from enrichment.failures import groups as failures
from enrichment.failures import set_aside
from gdpr.requests import attention

STATES = {"error": "fails", "no_key": "has no API key"}  # of a vendor; one that is held has a pause


@dataclass(frozen=True)
class OpenIssue:
    """`words`: a clause; `place`: the name of the screen's address that shows it."""

    words: str
    place: str


def open_issues(user: Any) -> list[OpenIssue]:
    """As far as this person may know of them; counts are a few seconds old at most."""
    issues = [
        OpenIssue(f"{vendor.name} {STATES[vendor.state]}", "connections")
        for vendor in health.all_vendors()
        if vendor.state in STATES
    ]
    if rows := failures.totals().rows:
        issues.append(OpenIssue(f"{rows:,} failure{' needs' if rows == 1 else 's need'} attention", "failures"))
    if set_aside.visible_groups(user):
        issues.append(OpenIssue("work is set aside", "failures"))
    issues += [OpenIssue(words, place) for words, place in _compliance_issues(user)]
    return issues


def _compliance_issues(user: Any) -> list[tuple[str, str]]:
    rights = {matter.right for matter in attention.visible_items(user)}
    words = {attention.REQUEST: ("requests need attention", "requests")}
    words[attention.RETENTION] = ("retention needs attention", "retention")
    return [words[right] for right in words if right in rights]
