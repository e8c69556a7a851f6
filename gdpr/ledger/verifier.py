"""Verifies an audit chain. Needs Python 3.9 or newer and nothing else; reads what it is given and writes nothing.

    python verifier.py audit.jsonl anchors.jsonl

audit.jsonl holds one link a line: {"position": 1, "digest": "…", "event": {"id": …, "occurred_at": …, …}}, in the
order of the chain. A link's digest is the SHA-256 (hexadecimal) of the digest before it (64 zeros before the
first) followed by the event as JSON: keys sorted, no spaces, UTF-8. anchors.jsonl holds {"position", "digest"}
lines as they were given out of the house, day by day: best take those that were mailed.

Ends with status 0 where everything holds, 1 where something does not, and says what and where.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Optional

GENESIS = "0" * 64
SHOWN = 100


class Link(NamedTuple):
    """One place in the chain; `event` is None where the event itself is gone."""

    position: int
    digest: str
    event: Optional[Mapping[str, Any]]  # noqa: UP045 - reads on Python 3.9


@dataclass(frozen=True)
class Finding:
    """`kind`: altered, removed, rewritten, truncated, unchained or unreadable. `position` is a place in the chain."""

    kind: str
    position: int
    event_id: int
    sentence: str


@dataclass
class Report:
    """What was read, and what is wrong; the findings come in the order of the chain, the first SHOWN of them."""

    links: int
    head: str
    findings: list

    def __bool__(self) -> bool:
        return not self.findings

    def document(self) -> list:
        return [asdict(finding) for finding in self.findings]


def canonical(event: Mapping[str, Any]) -> bytes:
    """The bytes of an event that its digest covers."""
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link_digest(before: str, event: Mapping[str, Any]) -> str:
    """The digest of a link: over the digest `before` it and its event."""
    return hashlib.sha256(before.encode() + canonical(event)).hexdigest()


def verify(links: Iterable[Link], anchors: Iterable[Mapping[str, Any]]) -> Report:
    """Follow the chain from its first link. Each bad place is named once; what comes after is judged by itself."""
    outside: dict = {}
    for anchor in anchors:
        outside.setdefault(int(anchor["position"]), set()).add(str(anchor["digest"]))
    report = Report(0, GENESIS, [])
    expected = 1
    for link in links:
        report.links += 1
        findings = _at(link, expected, report.head)
        if link.digest not in outside.get(link.position, {link.digest}):
            findings.append(_rewritten(link, outside))
        report.findings.extend(findings[: max(0, SHOWN - len(report.findings))])
        report.head, expected = link.digest, max(expected, link.position) + 1
    last = max(outside, default=0)
    if last >= expected:
        sentence = f"The chain ends at {expected - 1}, but an anchor outside names link {last}: its tail was cut off."
        report.findings.append(Finding("truncated", expected, 0, sentence))
    return report


def _at(link: Link, expected: int, before: str) -> list:
    """What is wrong with this link itself, or with what should stand before it."""
    number = int(link.event["id"]) if link.event else 0
    if link.position < expected:
        return [
            Finding(
                "altered", link.position, number, f"Link {link.position} stands where link {expected} should."
            )
        ]
    if link.position > expected:
        missing = f"{expected}" if link.position == expected + 1 else f"{expected} to {link.position - 1}"
        return [Finding("removed", expected, 0, f"Link {missing} is missing: removed from the middle.")]
    if link.event is None:
        sentence = f"The event of link {link.position} is missing: it was removed after it was sealed."
        return [Finding("removed", link.position, 0, sentence)]
    if link_digest(before, link.event) != link.digest:
        sentence = (
            f"Event {number} at link {link.position} is not what was sealed: it, or its seal, was altered."
        )
        return [Finding("altered", link.position, number, sentence)]
    return []


def _rewritten(link: Link, outside: Mapping[int, Any]) -> Finding:
    earlier = max((position for position in outside if position < link.position), default=0)
    sentence = (
        f"Link {link.position} is not the one anchored outside: the chain was rewritten after link {earlier}."
    )
    return Finding("rewritten", link.position, int(link.event["id"]) if link.event else 0, sentence)


def read(lines: Iterable[str]) -> Iterator[Link]:
    """Links from the lines of audit.jsonl. Raises ValueError with the number of an unreadable line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            yield Link(int(entry["position"]), str(entry["digest"]), entry["event"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} of the extract cannot be read") from None


def main(arguments: list) -> int:
    if len(arguments) != 2:
        print(__doc__)  # noqa: T201 - this is a program of its own
        return 2
    with open(arguments[0], encoding="utf-8") as chain, open(arguments[1], encoding="utf-8") as told:
        anchors = [json.loads(line) for line in told if line.strip()]
        try:
            report = verify(read(chain), anchors)
        except ValueError as error:
            print(f"NOT SOUND: {error}.")  # noqa: T201
            return 1
    for finding in report.findings:
        print(f"{finding.kind.upper()}: {finding.sentence}")  # noqa: T201
    verdict = "SOUND" if report else "NOT SOUND"
    print(f"{verdict}: {report.links} links, {len(anchors)} anchors, head {report.head}.")  # noqa: T201
    return 0 if report else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
