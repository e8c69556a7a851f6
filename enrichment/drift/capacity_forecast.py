"""How far Clay's tables are from full: they keep 50,000 rows and then, silently, no more."""

import datetime
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from enrichment.drift.known_kinds import is_compared
from enrichment.models import BatchItem, ReconcileRun, ServiceHold, Severity
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.states import ItemStatus
from enrichment.vendors.clay.table import clay_table
from swarm_admin.core.percent import percent_of
from swarm_admin.core.timing import span

DAY = 86_400
RATE_DAYS = 7
LEVELS = ((95, Severity.CRITICAL), (90, Severity.WARNING), (80, Severity.INFO))


@dataclass(frozen=True)
class TableCapacity:
    """A table. `in_clay`: rows of the last whole export, made at `whole_at`; `ours`: leads with a row, at `counted_at`.

    Both of the export are None until a whole one has found rows in the table. `refused`: the open pause of a table that
    takes no more rows, however few it seems to hold.
    """

    table_id: str
    in_clay: int | None
    whole_at: datetime.datetime | None
    ours: int
    counted_at: datetime.datetime
    per_day: float
    limit: int
    current: bool
    refused: ServiceHold | None = None

    @property
    def rows(self) -> int:
        """The greater of the two counts: what the export missed, and what we do not know, both fill the table."""
        return max(self.in_clay or 0, self.ours)

    @property
    def percent(self) -> float:
        return 100 * self.rows / self.limit if self.limit else 0.0

    @property
    def is_full(self) -> bool:
        return self.refused is not None or self.rows >= self.limit

    @property
    def days_left(self) -> float | None:
        """At the rate of the last week; None where nothing was added."""
        if self.is_full:
            return 0.0
        return max(self.limit - self.rows, 0) / self.per_day if self.per_day else None

    @property
    def left_words(self) -> str:
        """ "1 day", "4,167 days"; "" where there is no rate to tell it by."""
        if self.days_left is None:
            return ""
        days = round(self.days_left)
        return f"{days:,} day{'' if days == 1 else 's'}" if days else "less than a day"

    @property
    def level(self) -> Severity | None:
        """None below 80 %. A table that takes no new rows may be as full as it likes."""
        if not self.current:
            return None
        if self.is_full:
            return Severity.CRITICAL
        return next((severity for least, severity in LEVELS if self.percent >= least), None)

    @property
    def tone(self) -> str:
        """Colour of the gauge; grey while there is room, and for a table that takes no new rows."""
        if self.level is None:
            return "grey"
        return "red" if self.level == Severity.CRITICAL else "amber"

    @property
    def sentence(self) -> str:
        left = (
            (f" At this week's rate it will be full in {self.left_words}.")
            if self.left_words and not self.is_full
            else ""
        )
        return (
            f"Clay's table holds {self.rows:,} of {self.limit:,} rows ({percent_of(self.rows, self.limit)} %).{left} "
            "Create a new table before it is full: at the limit, new leads wait."
        )


def tables() -> list[TableCapacity]:
    """The tables of the last finished comparison, the one that takes new rows first; none where there are none."""
    runs = ReconcileRun.objects.filter(is_open=False, error="").order_by("-started_at")
    last, whole = runs.first(), runs.filter(full=True).first()
    if last is None or not is_compared():
        return []
    current = clay_table()
    refused = {hold.table: hold for hold in ServiceHold.objects.filter(system=CLAY_ROWS, lifted_at__isnull=True)}
    capacities = []
    for table in sorted({*last.ours, current} - {""}, key=lambda table: (table != current, table)):
        in_clay = (whole.rows.get(table) or None) if whole else None
        capacities.append(
            TableCapacity(
                table_id=table,
                in_clay=in_clay,
                whole_at=whole.finished_at if whole and in_clay else None,
                ours=last.ours.get(table, 0),
                counted_at=last.finished_at or last.started_at,
                per_day=per_day(table),
                limit=settings.CLAY_TABLE_ROWS,
                current=table == current,
                refused=refused.get(table),
            )
        )
    return capacities


def per_day(table: str) -> float:
    """Rows created a day over the last week, or since the first one where that is less; at least a day."""
    since = timezone.now() - span(RATE_DAYS * DAY)
    made = BatchItem.objects.filter(
        batch__kind=BatchKind.ROWS,
        batch__table_id=table,
        batch__finished_at__gte=since,
        status=ItemStatus.DONE,
    )
    first = made.order_by("batch__finished_at").values_list("batch__finished_at", flat=True).first()
    if first is None:
        return 0.0
    days = max((timezone.now() - first) / span(DAY), 1.0)
    return made.count() / days
