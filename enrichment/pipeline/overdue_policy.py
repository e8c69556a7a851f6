"""After how long a run without a result is overdue, and what is done then: an admin's choice or the environment's."""

from dataclasses import dataclass

from django.conf import settings

from enrichment.models import Connection

ASK, RESUBMIT, GIVE_UP = "ask", "resubmit", "give_up"


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
