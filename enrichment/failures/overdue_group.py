"""What is done about all overdue leads of one cause at once: wait longer, or give up. To submit again is a retry."""

from typing import Any

from enrichment.failures.causes import Cause
from enrichment.failures.groups import forget_groups
from enrichment.failures.sources import members_of
from enrichment.pipeline import overdue
from enrichment.pipeline.overdue_policy import KINDS

AT_ONCE = 5_000  # leads under their locks: seconds, not minutes
ACTIONS = {"wait": overdue.wait_longer, "give_up": overdue.give_up}
DONE = {"wait": "Waiting longer for {count:,} lead{s}.", "give_up": "Gave up on {count:,} lead{s}."}


def is_overdue(cause: Cause) -> bool:
    """Whether the group's leads wait for a result that did not come."""
    return cause.what == "enrichment" and cause.kind in KINDS and members_of(cause).filter(needs_person=True).exists()


def decide(cause: Cause, action: str, *, by: Any) -> str:
    """Do it for the AT_ONCE oldest; a sentence of what was done.

    Raises:
        KeyError: no such action.
        ActionNotAllowed: none of them is overdue any more.
    """
    ids = list(members_of(cause).order_by("error_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
    count = ACTIONS[action](ids, by=by)
    forget_groups()
    return DONE[action].format(count=count, s="" if count == 1 else "s")
