"""The formulas of Clay's columns: what should be there, what is there as far as we know, and putting it there.

Clay's API has no call that changes or reads a column of an existing table. There a person pastes the formula and
says so; a new table is created with its formulas in it (vendor contract, POST /tables).
"""

from __future__ import annotations

import datetime
import difflib
import functools
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrichment.documents.scorecard import Scorecard
from enrichment.models import Batch, ClayFormula, ClaySource, Connection, Placement, ScorecardVersion, ServiceHold
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.scoring.javascript import SCORE_COLUMN, TIER_COLUMN, Formula, formula
from enrichment.states import BatchStatus, VersionStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import connections as clients
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.table import TABLE_NAME, clay_table
from enrichment.vendors.clay.wire import COLUMN_NAMES, ENRICHMENT_COLUMNS, ClayTable
from enrichment.vendors.errors import VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

FIXED_TABLE = (
    "CLAY_TABLE_ID is set in the environment, so new leads would still go to that table. Remove it to create a "
    "new table here."
)
NO_CREATING = (
    "Clay creates no tables by API with this connection. Duplicate the table in Clay and paste the formulas there."
)
NO_FORMULA = "Only a published scorecard can be used in Clay."
EARLIER_TABLE = "The full table is no longer in use: new rows go to another. The pause is lifted; no table was created."
OLDEST = datetime.timedelta(days=366)
AHEAD = datetime.timedelta(minutes=5)
MINUTE = datetime.timedelta(minutes=1)


@functools.lru_cache(maxsize=16)
def _published_formula(version_id: int) -> Formula:
    """A published document never changes."""
    document = ScorecardVersion.objects.values_list("document", flat=True).get(pk=version_id)
    return formula(Scorecard.model_validate(document))


def formula_of(version: ScorecardVersion) -> Formula:
    """Raises pydantic's ValidationError for a draft that is not valid yet."""
    if version.status == VersionStatus.DRAFT:
        return formula(Scorecard.model_validate(version.document))
    return _published_formula(version.pk)


def formula_place() -> str:
    """What the formulas stand in: the id of Clay's table or routine, or the name of the table rows go into; or ""."""
    if chosen.can(Capability.TRIGGER):
        return clay_table()
    if chosen.can(Capability.RECEIVE_ROW):
        return ClaySource.objects.filter(closed_at__isnull=True).values_list("name", flat=True).first() or ""
    made = Connection.objects.filter(system="clay").values_list("routine_id", flat=True).first()
    return str(settings.CLAY_ROUTINE_ID) or made or ""


def missing_columns(version: ScorecardVersion) -> list[str]:
    """Fields the scorecard looks at for which Clay's table has no column (D6): there they score 0.

    None where a person made the table in Clay: its columns are not known here.
    """
    if not chosen.can(Capability.UPDATE):
        return []
    card = Scorecard.model_validate(version.document)
    return sorted({part.field for part in card.components} - COLUMN_NAMES)


def last_placement(table: str) -> ClayFormula | None:
    """What the table computes with, as far as we know."""
    if not table:
        return None
    placements_here = ClayFormula.objects.filter(table_id=table).select_related("scorecard", "placed_by")
    return placements_here.order_by("-placed_at", "-pk").first()


def placements(limit: int = 20) -> list[ClayFormula]:
    """What was put where, the newest first."""
    formulas = ClayFormula.objects.select_related("scorecard", "placed_by")
    return list(formulas.order_by("-placed_at", "-pk")[:limit])


def changes(old: str, new: str) -> list[tuple[str, str]]:
    """(mark, line) from one text to another: "+" added, "-" taken away, " " as before, "…" lines left out."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    differences = []
    for line in list(lines)[2:]:
        differences.append(("…", "") if line.startswith("@@") else (line[0], line[1:]))
    return differences[1:] if differences and differences[0][0] == "…" else differences


# ---------------------------------------------------------------- an existing table: a person pastes it


def confirm_pasted(
    version: ScorecardVersion, *, table: str, fingerprint: str, at: datetime.datetime, by: Any
) -> ClayFormula:
    """Record that somebody pasted the formulas of `version` into the table's columns at `at`.

    `fingerprint` is of the text that was shown and copied.

    Raises:
        ActionNotAllowed: no table, a draft, another text than is generated now, a time that cannot be.
    """
    if not table:
        raise ActionNotAllowed("Clay's table isn't set up yet.")
    if version.status not in (VersionStatus.PUBLISHED, VersionStatus.SUPERSEDED):
        raise ActionNotAllowed(NO_FORMULA)
    made = formula_of(version)
    if fingerprint != made.fingerprint:
        raise ActionNotAllowed("The formula has changed since you copied it. Copy and paste it again.")
    now = timezone.now()
    if at > now + AHEAD or at < now - OLDEST:
        raise ActionNotAllowed("Enter when you pasted it: a time within the last year, not in the future.")
    with transaction.atomic():
        placement = ClayFormula.objects.create(
            table_id=table,
            scorecard=version,
            fingerprint=made.fingerprint,
            how=Placement.PASTED,
            # A form tells minutes: what was pasted in this one came after what was put there seconds ago.
            placed_at=at if at < now - MINUTE else now,
            placed_by=by,
        )
        audit.record(Verb.PASTE_CLAY_FORMULA, by=by, on=placement, counts={"version": version.number})
    return placement


# ---------------------------------------------------------------- a new table: it is created with them


def check_can_create_table() -> None:
    """Raises ActionNotAllowed with the sentence for the disabled button."""
    if not chosen.can(Capability.UPDATE):
        raise ActionNotAllowed(NO_CREATING)
    if settings.CLAY_TABLE_ID and clay_table() == settings.CLAY_TABLE_ID:
        raise ActionNotAllowed(FIXED_TABLE)
    if not clay_table():
        raise ActionNotAllowed("Set up Clay under Connections first.")


def columns_with(made: Formula) -> list[dict[str, Any]]:
    """The specification's columns, with these formulas in the two calculated ones."""
    sources = {SCORE_COLUMN: made.score, TIER_COLUMN: made.tier}
    return [
        {**column, "formula": sources[column["name"]]} if column["name"] in sources else dict(column)
        for column in ENRICHMENT_COLUMNS
    ]


def create_table(version: ScorecardVersion, *, by: Any) -> ClayFormula:
    """Create a table in Clay with the formulas of `version`; new leads go there from now on.

    A table that an earlier try created and did not hear of is found by its name and used.

    Raises:
        ActionNotAllowed: see `check_can_create_table`; the version is not the published one.
        VendorError: as the client does, kept with the connection.
    """
    check_can_create_table()
    hold, before = pauses.open_pause(CLAY_ROWS), clay_table()
    placement = _created(version, by=by)
    if hold is not None and _is_for_table(hold, before):
        _retire(before, placement, hold, by=by)
    return placement


def replace_full_table(*, by: Any) -> ClayFormula:
    """A new table in the place of the one that takes no more rows, with the published scorecard's formulas.

    New leads and those that wait go there from now on, and the pause is over; the full table is never used for new
    rows again, wherever it is named. A pause that is still open for an earlier table is over, and none is made.
    Raises as `create_table`; ActionNotAllowed where the table in use is not full.
    """
    hold, full = pauses.open_pause(CLAY_ROWS), clay_table()
    if hold is None or not full:
        raise ActionNotAllowed("The table still accepts rows.")
    if not _is_for_table(hold, full):
        pauses.end_pause(hold, by=by, reason=f"{hold.table} is not in use")
        raise ActionNotAllowed(EARLIER_TABLE)
    placement = _created(ScorecardVersion.active(), by=by)
    _retire(full, placement, hold, by=by)
    return placement


def _is_for_table(hold: ServiceHold, table: str) -> bool:
    """One that was opened by the release before does not say which table it is of: then it is of the one in use."""
    return hold.table in ("", table)


def _retire(full: str, placement: ClayFormula, hold: ServiceHold, *, by: Any) -> None:
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(system="clay")
        connection.full_tables = [*connection.full_tables, full]
        connection.save(update_fields=["full_tables"])
        waiting = Batch.objects.filter(kind=BatchKind.ROWS, status=BatchStatus.PLANNED, table_id=full)
        waiting.update(table_id=placement.table_id)
        pauses.end_pause(hold, by=by, reason=f"{full} → {placement.table_id}")


def _created(version: ScorecardVersion, *, by: Any) -> ClayFormula:
    if version.status != VersionStatus.PUBLISHED:
        raise ActionNotAllowed("A new table is created with the published scorecard's formulas.")
    made = formula_of(version)
    try:
        table = _table_for(version, made)
    except VendorError as error:
        Connection.note_error("clay", error)
        raise
    with transaction.atomic():
        connection, _ = Connection.objects.select_for_update().get_or_create(system="clay")
        before, connection.table_id, connection.last_ok_at = connection.table_id, table.id, timezone.now()
        connection.save(update_fields=["table_id", "last_ok_at"])
        placement = ClayFormula.objects.create(
            table_id=table.id,
            scorecard=version,
            fingerprint=made.fingerprint,
            how=Placement.CREATED,
            placed_by=by,
        )
        audit.record(
            Verb.CREATE_CLAY_TABLE,
            by=by,
            on=placement,
            counts={"version": version.number},
            reason=f"{before} → {table.id}",
        )
    return placement


def _table_for(version: ScorecardVersion, made: Formula) -> ClayTable:
    client = clients.clay()
    full = Connection.objects.filter(system="clay").values_list("full_tables", flat=True).first() or []
    known = {*ClayFormula.objects.values_list("table_id", flat=True), clay_table(), *full}
    by_name = {table.name: table for table in client.list_tables()}
    number = 1
    while True:
        name = table_name(version, number)
        there = by_name.get(name)
        if there is None:
            return client.create_table(name, columns_with(made))
        if there.id not in known:
            return there
        number += 1


def table_name(version: ScorecardVersion, number: int = 1) -> str:
    """The name of the `number`-th table made with a version."""
    extra = f", {number}" if number > 1 else ""
    return f"{TABLE_NAME} (scorecard {version.number}{extra})"
