"""What cannot be done now, and the sentence that says why."""

from collections.abc import Callable
from typing import Any

LOST = "worker_lost"  # the error kind of work that was set aside, its worker being lost
LOST_SENTENCE = "The worker was killed or stalled three times."


class ActionNotAllowed(Exception):
    """An action that cannot be done now; the message is a sentence for the person who asked."""


def why_not_allowed(check: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The sentence for a disabled button, from a `check_can_…`; "" where the action is allowed."""
    try:
        check(*args, **kwargs)
    except ActionNotAllowed as refusal:
        return str(refusal)
    return ""


def is_allowed(check: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    return not why_not_allowed(check, *args, **kwargs)


def require_text(text: str, what: str, *, longest: int = 500, shortest: int = 5) -> str:
    """`text` in one line; `what` names it to the person who typed too little or too much.

    Raises:
        ActionNotAllowed: it says nothing, or more than can be kept.
    """
    text = " ".join(text.replace("\x00", "").split())  # PostgreSQL keeps no such character
    if len(text) < shortest:
        raise ActionNotAllowed(f"Enter {what} (at least {shortest} characters).")
    if len(text) > longest:
        raise ActionNotAllowed(f"Enter {what} (at most {longest} characters).")
    return text
