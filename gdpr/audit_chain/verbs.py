"""What the verbs of the ledger mean, for those who read it without this program."""

from collections.abc import Iterator

from swarm_admin.core import csv_export
from swarm_admin.core.audit_verbs import FORMER, Verb, sentence

HEAD = ("verb", "meaning", "now called")


def lines() -> Iterator[str]:
    """CSV lines, the head first: every verb in use, then those that older events have."""
    used = [(verb.value, verb.sentence, "") for verb in Verb]
    older = [(old, sentence(old), now.value if isinstance(now, Verb) else "") for old, now in FORMER.items()]
    return csv_export.lines(HEAD, used + older, mark=False)
