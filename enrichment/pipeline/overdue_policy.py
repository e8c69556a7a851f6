"""After how long a run without a result is overdue, and what is done then: an admin's choice or the environment's."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings

from enrichment.models import Connection
from enrichment.models.lead_queries import GAVE_UP, OVERDUE_KINDS

ASK, RESUBMIT, GIVE_UP = "ask", "resubmit", "give_up"
# Why no result came, as a lead's error says it.
NO_CALLBACK, UNKNOWN_RUN, RUN_LOST = OVERDUE_KINDS
SENTENCES: Final = {
    NO_CALLBACK: "No result came back from Clay in time.",
    UNKNOWN_RUN: "The answer to the run was lost. It may be running, and charged.",
    RUN_LOST: "Clay no longer keeps the results of this run.",
    GAVE_UP: "Somebody gave up on the result of this run.",
}
KINDS: Final = OVERDUE_KINDS


@dataclass(frozen=True)
class OverduePolicy:
    """`seconds` of the specified time; `action`: ASK a person, RESUBMIT once, or GIVE_UP."""

    seconds: float
    action: str


def policy() -> OverduePolicy:
    chosen = Connection.objects.filter(system="clay").values_list("overdue_seconds", "overdue_policy").first()
    seconds, action = chosen or (None, "")
    return OverduePolicy(float(seconds or settings.CLAY_OVERDUE_SECONDS), action or settings.CLAY_OVERDUE_POLICY)


def overdue_seconds() -> float:
    return policy().seconds
