"""The kinds of request, and what the law asks for each: one table, read by every stage."""

from dataclasses import dataclass

from django.db import models


class RequestKind(models.TextChoices):
    ACCESS = "access", "Access (Art. 15)"
    RECTIFICATION = "rectification", "Rectification (Art. 16)"
    ERASURE = "erasure", "Erasure (Art. 17)"
    RESTRICTION = "restriction", "Restriction (Art. 18)"
    RELEASE = "release", "End of a restriction (Art. 18(3))"
    PORTABILITY = "portability", "Portability (Art. 20)"
    OBJECTION = "objection", "Objection (Art. 21)"
    WITHDRAWAL = "withdrawal", "Withdrawal of a request"


class CheckLevel(models.IntegerChoices):
    """How sure we must be of who asks, before anything is done (Art. 12(6))."""

    NONE = 0, "No check"
    CONTACT = 1, "Wrote from an address we hold"
    CONFIRMED = 2, "Answered over a contact we hold, or showed proof"


class Action(models.TextChoices):
    """What one step does."""

    LOCATE = "locate", "Search for the person"
    RECHECK = "recheck", "Check for changes since the plan"
    SUPPRESS = "suppress", "Add to the suppression list"
    EXPORT = "export", "Copy"
    RECTIFY = "rectify", "Correct"
    ERASE = "erase", "Erase"
    VERIFY = "verify", "Read back"
    RESTRICT = "restrict", "Restrict"
    RELEASE = "release", "Release"
    FOREWARN = "forewarn", "Inform the person first (Art. 18(3))"
    SCAN = "scan", "Search for leftovers"
    NOTIFY = "notify", "Inform the recipient (Art. 19)"
    END = "end", "Withdraw the original request"
    PACKAGE = "package", "Prepare the package"
    ANSWER = "answer", "Reply to the person"


@dataclass(frozen=True)
class Rules:
    """What a kind asks for.

    `approval`: by a second person, bound to the plan's hash. Erasing and overwriting cannot be undone, so they
    ask for it; restricting can, and a copy is looked through by the officer who sends it. `concerns`: it is
    about an earlier request. `notifies`: recipients are told (Art. 19). `actions`: per record, in this order.
    """

    check: CheckLevel
    actions: tuple[Action, ...] = ()
    approval: bool = False
    suppresses: bool = False
    notifies: bool = False
    concerns: str = ""
    fast: bool = False


K, C, A = RequestKind, CheckLevel, Action
RULES: dict[str, Rules] = {
    K.ACCESS: Rules(C.CONFIRMED, (A.EXPORT,)),
    K.RECTIFICATION: Rules(C.CONFIRMED, (A.RECTIFY,), approval=True, notifies=True),
    K.ERASURE: Rules(C.CONFIRMED, (A.ERASE, A.VERIFY), approval=True, suppresses=True, notifies=True),
    K.RESTRICTION: Rules(C.CONTACT, (A.RESTRICT,), notifies=True),
    K.RELEASE: Rules(C.CONTACT, (A.RELEASE,), concerns=K.RESTRICTION),
    K.PORTABILITY: Rules(C.NONE),
    # D20: at once; the price of a wrong one is an advertisement not sent.
    K.OBJECTION: Rules(C.NONE, (A.RESTRICT,), suppresses=True, fast=True),
    # Else a stranger could stop somebody's erasure.
    K.WITHDRAWAL: Rules(C.CONTACT, concerns="any"),
}
