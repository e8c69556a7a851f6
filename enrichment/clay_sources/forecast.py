"""How long the sources last at the rate of the last week, and the alert before they do not."""

from django.utils import timezone

from enrichment.alerts import Cause, close, raise_while
from enrichment.clay_sources import sources
from enrichment.models import Alert, AlertKind, Attempt, ClaySource, Severity
from enrichment.states import AttemptStatus
from swarm_admin.core.timing import span

DAY = 86_400
RATE_DAYS = 7
ALERT_SHARE = 0.8  # of a source's life


def per_day() -> float:
    """Submissions a day over the last week, or since the first one where that is less; at least a day.

    Through whichever source: the one in use takes them all.
    """
    since = timezone.now() - span(RATE_DAYS * DAY)
    made = Attempt.objects.filter(source__isnull=False, started_at__gte=since)
    made = made.exclude(status=AttemptStatus.ABANDONED, triggered_at=None)  # refused, so it used nothing up
    first = made.order_by("started_at").values_list("started_at", flat=True).first()
    return made.count() / max((timezone.now() - first) / span(DAY), 1.0) if first else 0.0


def days_left(source: ClaySource) -> float | None:
    """Until its life is over at that rate; 0.0 where it is, None where nothing is submitted to it yet."""
    if source.closed_at or not source.left:
        return 0.0
    if source != sources.current():
        return None
    rate = per_day()
    return source.left / rate if rate else None


def words_left(source: ClaySource) -> str:
    """ "about 3 days", "less than a day"; "" where there is no rate to tell it by."""
    days = days_left(source)
    if days is None:
        return ""
    whole = round(days)
    return f"about {whole:,} day{'' if whole == 1 else 's'}" if whole else "less than a day"


def check() -> None:
    """An alert for each source in use that has taken 80 %; it closes when the source does, or has room again."""
    open_sources = list(ClaySource.objects.filter(closed_at__isnull=True))
    nearly_used = {str(source.pk): source for source in open_sources if source.taken >= ALERT_SHARE * source.life}
    for subject, source in nearly_used.items():
        is_last = len(open_sources) == 1
        severity = Severity.WARNING if is_last else Severity.INFO
        raise_while(Cause(AlertKind.SOURCE, "clay", subject), _sentence(source, is_last), severity=severity)
    over = Alert.objects.filter(kind=AlertKind.SOURCE, closed_at__isnull=True).exclude(subject__in=nearly_used)
    for subject in over.values_list("subject", flat=True):
        close(Cause(AlertKind.SOURCE, "clay", subject))


def _sentence(source: ClaySource, is_last: bool) -> str:
    left = words_left(source)
    until = f" At this week's rate it lasts {left}." if left else ""
    then = (
        "No other source is set up: add one under Connections, or new leads wait then."
        if is_last
        else "The next source takes over by itself."
    )
    return (
        f"Clay source {source.name} has taken {source.taken:,} of the {source.life:,} submissions of its life.{until} "
        f"{then}"
    )
