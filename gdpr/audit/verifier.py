"""Verifies an audit chain. Needs Python 3.9 or newer and nothing else; reads what it is given and writes nothing.

    python verifier.py audit.jsonl anchors.jsonl

audit.jsonl holds one link a line: {"position": 1, "digest": "…", "event": {"id": …, "occurred_at": …, …}}, in the
order of the chain. A link's digest is the SHA-256 (hexadecimal) of the digest before it (64 zeros before the
first) followed by the event as JSON: keys sorted, no spaces, UTF-8. anchors.jsonl holds {"day", "position", "digest"}
lines as they were given out of the house: best take those that were mailed.

A chain proves nothing by itself: whoever can write it can write it anew. Only an anchor that lies elsewhere shows
that, and only up to the link it names. So the verdict says up to which link the chain is anchored.

Ends with
    0   nothing is wrong, and the chain is anchored up to the link that the verdict names
    1   something does not hold: each finding says what and where
    2   it could not be checked: a file is missing or cannot be read
    3   nothing is wrong with the links, but no anchor names one of them: a rewritten ledger would look the same
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Optional

GENESIS = "0" * 64
SHOWN = 100
SOUND, NOT_SOUND, NOT_CHECKED, NOT_ANCHORED = 0, 1, 2, 3


class Link(NamedTuple):
    """One place in the chain; `event` is None where the event itself is gone."""

    position: int
    digest: str
    event: Optional[Mapping[str, Any]]  # noqa: UP045 - reads on Python 3.9

    @property
    def event_id(self) -> int:
        return int(self.event["id"]) if self.event else 0


@dataclass(frozen=True)
class Finding:
    """`kind`: altered, moved, removed, rewritten, truncated, unchained or unreadable; `position`: its place."""

    kind: str
    position: int
    event_id: int
    sentence: str


@dataclass
class Report:
    """What was read, and what is wrong: the findings in the order of the chain, the first SHOWN of them.

    `anchors` is how many different ones were given; `anchored` the position of the last that holds (0: none does),
    with the event there and the day on which it was given out ("" where that is not known).
    """

    links: int = 0
    head: str = GENESIS
    findings: list[Any] = field(default_factory=list)
    anchors: int = 0
    anchored: int = 0
    anchored_event: int = 0
    anchored_on: str = ""

    def __bool__(self) -> bool:
        return not self.findings

    def document(self) -> list[Any]:
        return [asdict(finding) for finding in self.findings]

    def lines(self) -> list[Any]:
        """For a terminal: each finding, the verdict, the figures."""
        told = [f"{finding.kind.upper()}: {finding.sentence}" for finding in self.findings]
        return [*told, self.verdict, f"{self.links} links, {self.anchors} anchors, head {self.head}"]

    @property
    def status(self) -> int:
        """What a program ends with."""
        if self.findings:
            return NOT_SOUND
        return SOUND if self.anchored or not self.links else NOT_ANCHORED

    @property
    def verdict(self) -> str:
        """What can be said of the ledger, and what cannot; in one or two sentences."""
        if self.findings:
            many = f"{len(self.findings)} finding{'' if len(self.findings) == 1 else 's'}"
            more = " or more" if len(self.findings) >= SHOWN else ""
            return f"Verification failed: {many}{more} in {self.links:,} links."
        if not self.links:
            return "Nothing to verify: the audit log was empty."
        if not self.anchored:
            return (
                f"Not anchored: the chain of {self.links:,} events is consistent, but no external anchor covers "
                f"it. A rewritten or truncated log would look the same."
            )
        return self._anchored()

    def _anchored(self) -> str:
        on = f" on {self.anchored_on}" if self.anchored_on else ""
        behind = self.links - self.anchored
        upto = f"Verified up to event {self.anchored_event:,} (link {self.anchored:,} of {self.links:,}), anchored{on}"
        if behind == 1:
            return f"{upto}. The next event is chained but not yet anchored, so changes to it would not be detected."
        if behind:
            return (
                f"{upto}. The next {behind:,} events are chained but not yet anchored, so changes to them would "
                f"not be detected."
            )
        return f"{upto}: every event. Events added after that anchor and then removed would not be detected."


def canonical(event: Mapping[str, Any]) -> bytes:
    """The bytes of an event that its digest covers."""
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link_digest(before: str, event: Mapping[str, Any]) -> str:
    """The digest of a link: over the digest `before` it and its event."""
    return hashlib.sha256(before.encode() + canonical(event)).hexdigest()


def follows(before: str, link: Link) -> bool:
    return link.event is not None and link_digest(before, link.event) == link.digest


def distinct(anchors: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, str]]:
    """{position: {digest: day}}: an anchor that lies in two places is one."""
    found: dict[int, dict[str, str]] = {}
    for anchor in anchors:
        days = found.setdefault(int(anchor["position"]), {})
        digest = str(anchor["digest"])
        days[digest] = days.get(digest) or str(anchor.get("day") or "")
    return found


def verify(
    links: Iterable[Link], anchors: Iterable[Mapping[str, Any]], inside: Iterable[Mapping[str, Any]] = ()
) -> Report:
    """Follow the chain from its first link; each bad place is named once, and what comes after judged by itself.

    `inside` are anchors that lie where the chain does: they may contradict it, but prove nothing.
    """
    reading = _Reading(distinct(anchors), distinct(inside))
    waiting: Optional[Link] = None  # noqa: UP045
    for link in links:
        if waiting is not None:
            reading.take(waiting, link.position)
        waiting = link
    if waiting is not None:
        reading.take(waiting, 0)
    return reading.ended()


@dataclass
class _Hole:
    """A place whose own link is not there: what stands there instead, and the link after it, to be judged later."""

    place: int
    before: str
    stands: Link
    after: Optional[Link] = None  # noqa: UP045
    is_filled: bool = False


class _Reading:
    """The state of `verify` between two links."""

    def __init__(self, outside: dict[int, dict[str, str]], inside: dict[int, dict[str, str]]) -> None:
        self.report = Report(anchors=sum(len(days) for days in outside.values()))
        self._outside, self._inside = outside, inside
        self._expected = 1
        self._holes: list[Any] = []
        self._is_rewritten = False

    def take(self, link: Link, following: int) -> None:
        """Judge one link; `following` is the position that the next one says it has, 0 for the last."""
        self.report.links += 1
        place = self._place(link, following)
        last = self._holes[-1] if self._holes else None
        before = last if last is not None and last.place == self._expected - 1 else None
        if place != link.position or place < self._expected:
            self._out_of_place(link)
        elif place > self._expected:
            self._skipped(place)  # what its digest covers is missing: nothing more can be said of it
        elif link.event is None:
            sentence = f"The event at link {place} is missing: it was removed after it was sealed."
            self._find(Finding("removed", place, 0, sentence))
        elif not follows(self.report.head, link):
            self._does_not_follow(link, place, before)
        self._anchor(link, place)
        self.report.head, self._expected = link.digest, place + 1

    def _place(self, link: Link, following: int) -> int:
        """Where the link stands: a single one out of order is told from a gap by the link after it."""
        expected = self._expected
        if link.position == expected or following == link.position + 1:
            return link.position
        if link.position < expected or following in (expected, expected + 1):
            return expected
        return link.position

    def _skipped(self, place: int) -> None:
        first, last = self._expected, place - 1
        missing = f"{first}" if first == last else f"{first} to {last}"
        self._find(Finding("removed", first, 0, f"Link {missing} is missing: removed from within the chain."))

    def _out_of_place(self, link: Link) -> None:
        place = self._expected
        sentence = f"Found link {link.position} where link {place} is expected."
        self._find(Finding("moved", place, link.event_id, sentence))
        self._fill(link)
        self._open(place, link)

    def _open(self, place: int, link: Link) -> None:
        if len(self._holes) < SHOWN:
            self._holes.append(_Hole(place, self.report.head, link))

    def _does_not_follow(self, link: Link, place: int, before: Optional[_Hole]) -> None:  # noqa: UP045
        """It, or what stands before it, is not what was sealed."""
        if before is not None and any(follows(digest, link) for digest in self._instead(before)):
            return
        if self._fill(link):
            sentence = f"Event {link.event_id} at link {place} was sealed at a different position in the chain."
            self._find(Finding("moved", place, link.event_id, sentence))
        elif before is not None:
            before.after = link  # what it follows is not there: judged when that turns up
            return
        else:
            self._find(_altered(link, place))
        self._open(place, link)

    def _instead(self, hole: _Hole) -> Iterator[str]:
        """The digests that may have been sealed at a hole: the event's own, and those of links that are elsewhere."""
        if hole.stands.event is not None:
            yield link_digest(hole.before, hole.stands.event)
        for other in self._holes:
            yield other.stands.digest

    def _fill(self, link: Link) -> bool:
        """Whether the link was sealed at a hole; the link after that is judged then."""
        for hole in self._holes:
            if not hole.is_filled and hole.stands is not link and follows(hole.before, link):
                hole.is_filled = True
                if hole.after is not None and follows(link.digest, hole.after):
                    hole.after = None
                return True
        return False

    def _anchor(self, link: Link, place: int) -> None:
        """One finding for the first anchor that does not hold: those after it cannot hold either."""
        outside, inside = self._outside.get(place, {}), self._inside.get(place, {})
        if self._is_rewritten:
            return
        if set(outside) == {link.digest}:
            self.report.anchored, self.report.anchored_event = place, link.event_id
            self.report.anchored_on = outside[link.digest]
            if set(inside) - {link.digest}:
                sentence = f"The anchor of link {place} in the database differs from the external one: it was altered."
                self._find(Finding("altered", place, 0, sentence))
        elif set(outside) | (set(inside) - {link.digest}):
            self._is_rewritten = True
            if not any(finding.position == place for finding in self.report.findings):
                self._find(_rewritten(link, place, self.report.anchored))

    def _find(self, finding: Finding) -> None:
        if len(self.report.findings) < SHOWN:
            self.report.findings.append(finding)

    def ended(self) -> Report:
        for hole in self._holes:
            if hole.after is not None:
                self._find(_altered(hole.after, hole.place + 1))
        last = max([*self._outside, *self._inside], default=0)
        if last >= self._expected:
            sentence = (
                f"The chain ends at {self._expected - 1}, but an anchor names link {last}: the end of the "
                "chain was removed."
            )
            self.report.findings.append(Finding("truncated", self._expected, 0, sentence))
        self.report.findings.sort(key=lambda finding: finding.position)
        return self.report


def _altered(link: Link, place: int) -> Finding:
    sentence = f"Event {link.event_id} at link {place} doesn't match its seal: the event or its seal was altered."
    return Finding("altered", place, link.event_id, sentence)


def _rewritten(link: Link, place: int, anchored: int) -> Finding:
    sentence = f"Link {place} differs from the one that was anchored: the chain was rewritten after link {anchored}."
    return Finding("rewritten", place, link.event_id, sentence)


def read(lines: Iterable[str]) -> Iterator[Link]:
    """Links from the lines of audit.jsonl. Raises ValueError with the number of an unreadable line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            yield Link(int(entry["position"]), str(entry["digest"]), entry["event"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"line {number} of the export can't be read") from None


def read_anchors(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Anchors from lines of JSON. Raises ValueError with the number of an unreadable line."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            day = str(entry.get("day") or "")
            yield {"day": day, "position": int(entry["position"]), "digest": str(entry["digest"])}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"line {number} of the anchors can't be read") from None


def main(arguments: list[Any]) -> int:
    if len(arguments) != 2:
        print(__doc__)  # noqa: T201 - this is a program of its own
        return NOT_CHECKED
    try:
        with open(arguments[0], encoding="utf-8") as chain, open(arguments[1], encoding="utf-8") as told:
            report = verify(read(chain), list(read_anchors(told)))
    except (OSError, ValueError) as error:
        print(f"NOT CHECKED: {error}.")  # noqa: T201
        return NOT_CHECKED
    print("\n".join(report.lines()))  # noqa: T201
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
