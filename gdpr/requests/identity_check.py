"""How sure we must be of who asks, per kind, and which way of checking is enough (Art. 12(6))."""

from gdpr.kinds import RULES, CheckLevel
from gdpr.models.check import CheckMethod
from swarm_admin.core.errors import ActionNotAllowed

STRENGTH: dict[str, CheckLevel] = {
    # A sender's address can be forged: enough to protect somebody's data, not to hand out or change them.
    CheckMethod.KNOWN_ADDRESS: CheckLevel.CONTACT,
    CheckMethod.DETAILS: CheckLevel.CONTACT,
    CheckMethod.REPLY: CheckLevel.CONFIRMED,
    CheckMethod.CALL_BACK: CheckLevel.CONFIRMED,
    CheckMethod.DOCUMENT: CheckLevel.CONFIRMED,
}


def level_of(kind: str) -> CheckLevel:
    return RULES[kind].check


def methods_for(kind: str) -> list[CheckMethod]:
    """Ways that are enough, the lightest first: no more may be asked for than is needed."""
    enough = [method for method in CheckMethod if STRENGTH[method] >= level_of(kind)]
    return sorted(enough, key=lambda method: STRENGTH[method])


def check_enough(kind: str, method: str) -> None:
    """Raises ActionNotAllowed where `method` is none, or too weak for the kind."""
    if method not in CheckMethod.values:
        raise ActionNotAllowed("Choose how the person was identified.")
    if STRENGTH[method] < level_of(kind):
        needed = level_of(kind).label.casefold()
        raise ActionNotAllowed(f"Not sufficient for this type of request. Required: {needed}.")
