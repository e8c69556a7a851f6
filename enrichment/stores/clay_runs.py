"""What Clay did with a person's data in runs of a routine: nothing stays in a table there, and its history ends."""

import datetime
from collections.abc import Sequence

from enrichment.models import Attempt
from enrichment.states import AttemptStatus, RunStatus
from enrichment.stores import people
from gdpr.stores import Statement

# Clay: a run's results are kept "about a day"; said to the full hour after it.
HISTORY = datetime.timedelta(days=1)
FUNCTION = "function:"  # of a workflow's runs nobody can say that they left nothing: Clay's tables are searched
HOUR = datetime.timedelta(hours=1)


def statements(circle: people.KnownPerson) -> Sequence[Statement]:
    """One for all runs over the leads that are this person's beyond doubt; none where there was no run."""
    leads = [each.lead.pk for each in circle.known if each.sure]
    of_leads = Attempt.objects.filter(lead__in=leads, run__routine_id__startswith=FUNCTION)
    never_begun = {"run__run_id": None, "run__status": RunStatus.FAILED}
    runs = of_leads.exclude(status=AttemptStatus.INTENDED).exclude(**never_begun)
    times = list(runs.order_by("started_at").values_list("started_at", "run__finished_at", "finished_at"))
    if not times:
        return []
    until = _full_hour(max(max(each for each in moments if each) for moments in times) + HISTORY)
    days = list(dict.fromkeys(f"{started:%-d %B %Y}" for started, _, _ in times))
    count = f"{len(times)} runs" if len(times) > 1 else "a run"
    says = (
        f"Clay processed the data in {count} of a routine on {_listed(days)}. Nothing stays in a table there. Clay "
        f"keeps its run history about a day: until {until:%-d %B %Y, %H:%M} UTC."
    )
    return [Statement(says, until)]


def _full_hour(moment: datetime.datetime) -> datetime.datetime:
    moment = moment.astimezone(datetime.UTC)
    begun = moment.replace(minute=0, second=0, microsecond=0)
    return begun if begun == moment else begun + HOUR


def _listed(days: Sequence[str]) -> str:
    """The first and the last of many, so that the sentence stays one."""
    if len(days) > 3:
        return f"{len(days)} days from {days[0]} to {days[-1]}"
    return " and ".join([", ".join(days[:-1]), days[-1]]) if len(days) > 1 else days[0]
