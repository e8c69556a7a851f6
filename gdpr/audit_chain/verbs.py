"""What the verbs of the ledger mean, for those who read it without this program."""

import csv
import io
from collections.abc import Iterator

from swarm_admin.core.audit_verbs import FORMER, Verb, sentence

HEAD = ("verb", "meaning", "now called")


def lines() -> Iterator[str]:
    """CSV lines, the head first: every verb in use, then those that older events have."""
    yield _line(HEAD)
    for verb in Verb:
        yield _line((verb.value, verb.sentence, ""))
    for old, now in FORMER.items():
        yield _line((old, sentence(old), now.value if isinstance(now, Verb) else ""))


def _line(values: tuple[str, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()
