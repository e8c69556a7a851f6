"""The regulator pack: a ZIP with the ledger, its anchors, a verifier that needs nothing of ours, and the registers."""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from django.utils import timezone

from gdpr.audit import anchor, check, verifier
from gdpr.models import AuditAnchor
from swarm_admin.core import csv_export
from swarm_admin.core.audit_verbs import FORMER, Verb, sentence

CHUNK = 1_000  # lines written at a time
README = """\
Regulator pack of {date}

audit.jsonl     every audit event in chain order, one JSON object per line, each with its digest
anchors.jsonl   the chain's head as published outside the system each day; officers have the same by e-mail
verifier.py     verifies both: python verifier.py audit.jsonl anchors.jsonl   (needs only Python 3.9 or newer)
{chapters}
{anchor}
Anchors that come with the pack show whether the pack was changed after it was created. To check whether the log was
rewritten before that, use anchors kept elsewhere: replace anchors.jsonl with the lines from the officers' e-mails.
The verifier reports up to which event the log is anchored. Exit codes: 0 (verified), 1 (verification failed),
2 (could not be verified) or 3 (the chain is consistent, but no anchor covers it).

The files contain no personal data: people appear as keyed hashes, staff as numbers.
"""

Chapter = Callable[[], Iterable[str]]
_chapters: dict[str, tuple[str, Chapter]] = {}


def register_chapter(name: str, about: str, lines: Chapter) -> None:
    """A further file of the pack: its name, what it is in a line, and its lines of text."""
    _chapters[name] = (about, lines)


class _Stream:
    """A file that can only be appended to, read from in the meantime."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def stream(own: AuditAnchor | None) -> Iterator[bytes]:
    """The ZIP's bytes, made while they are sent: its size does not matter to the memory of the process.

    The chain goes to the link of the pack's `own` anchor; None for an empty chain.
    """
    out = _Stream()
    with zipfile.ZipFile(cast(IO[bytes], out), "w", zipfile.ZIP_DEFLATED) as pack:
        for name, lines in _files(own).items():
            with pack.open(name, "w", force_zip64=True) as file:
                for text in _chunks(lines()):
                    file.write(text.encode())
                    yield out.take()
    yield out.take()


def _files(own: AuditAnchor | None) -> dict[str, Chapter]:
    program = Path(verifier.__file__)
    end = own.position if own else 0
    return {
        "README.txt": lambda: [_readme(own)],
        "audit.jsonl": lambda: (
            json.dumps(link._asdict(), ensure_ascii=False) + "\n" for link in check.links(until=end)
        ),
        "anchors.jsonl": lambda: (
            json.dumps(anchor_line) + "\n" for anchor_line in check.anchors() if anchor_line["position"] <= end
        ),
        "verifier.py": lambda: [program.read_text(encoding="utf-8")],
        **{name: lines for name, (_, lines) in _chapters.items()},
    }


def _readme(own: AuditAnchor | None) -> str:
    chapters = "".join(f"{name:<16}{about}\n" for name, (about, _) in _chapters.items())
    made = f"The anchor made with this pack: {anchor.as_json_line(own)}\n" if own else "The audit log is empty.\n"
    return README.format(date=timezone.now().date().isoformat(), chapters=chapters, anchor=made)


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    part: list[str] = []
    for line in lines:
        part.append(line)
        if len(part) == CHUNK:
            yield "".join(part)
            part = []
    yield "".join(part)


# ---------------------------------------------------------------- what the verbs mean, without this program

VERBS_HEAD = ("verb", "meaning", "now called")


def verb_lines() -> Iterator[str]:
    """CSV lines, the head first: every verb in use, then those that older events have."""
    used = [(verb.value, verb.sentence, "") for verb in Verb]
    older = [(old, sentence(old), now.value if isinstance(now, Verb) else "") for old, now in FORMER.items()]
    return csv_export.lines(VERBS_HEAD, used + older, mark=False)
