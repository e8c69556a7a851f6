"""One way to mend for each kind of drift. Each is safe to repeat, and raises where it is not done.

Nothing is done on the word of the list: every way asks Clay for the row as it is now.
"""

import datetime
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils import timezone

from enrichment.drift import capacity_forecast
from enrichment.drift.differences import identity_in, url_of
from enrichment.leads import actions
from enrichment.models import Drift, DriftKind, Lead
from enrichment.models.connection import CLAY_ROWS
from enrichment.pipeline import intake, suppressed_rows
from enrichment.pipeline.deliver.planning import plan_deliveries
from enrichment.pipeline.intake_rows import FIELDS
from enrichment.pipeline.mirror import apply_row, applying
from enrichment.pipeline.mirror.refresh_status import REFERENCES
from enrichment.pipeline.receive.triage import is_suppressed
from enrichment.states import FINAL_STATUSES
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter, registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, NotOffered, Recovery
from enrichment.vendors.reading import Unreadable, moment
from gdpr import audit
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

ROWLESS = (DriftKind.ROW_GONE, DriftKind.NOT_KEPT, DriftKind.NO_ROW)


class NotRepairable(Exception):
    """It cannot be mended so; the sentence says why, and what a person can do. Holds no personal data."""


class NoSlotYet(Exception):
    """There is no slot for the call; `args[0]` real seconds to wait."""


def table_is_full() -> bool:
    return bool(pauses.open_pause(CLAY_ROWS)) or any(
        table.current and table.rows >= table.limit for table in capacity_forecast.tables()
    )


def _fetch_row(table: str, row_id: str) -> ClayRow | None:
    """The row as it is now; None where Clay says that it has none."""
    try:
        return clay().get_row(table, row_id)
    except NotFound as error:
        if error.recovery != Recovery.UNENRICHABLE:
            raise
        return None


def _apply_drifted_row(drift: Drift) -> None:
    lead, row = _lead(drift), _fetch_row(drift.table_id, drift.row_id)
    if row is None:
        raise NotRepairable("The row is no longer in Clay. The next comparison lists it as gone.")
    _apply_row_to_lead(lead, row, drift.table_id)


def _apply_row_to_lead(lead: Lead, row: ClayRow, table: str) -> None:
    """Clay's row becomes the lead's, at the time of the row."""
    if url_of(row) != lead.linkedin_url:
        raise NotRepairable("The row now has another person's address. Correct it in Clay. Nothing was copied.")
    if apply_row.is_enriching(row):
        raise NotRepairable("Clay is still enriching this row. The result arrives automatically.")
    if is_suppressed(lead, row):
        raise NotRepairable("This person is suppressed. Nothing was copied.")
    _link_row(lead, row, table)
    newest = lead.clay_seen_at
    at = _time_of(row)
    applying.apply(lead.pk, row, event_at=at if newest is None else max(at, newest))


def _time_of(row: ClayRow) -> datetime.datetime:
    try:
        return moment(row.values.get("enriched_at"))
    except Unreadable:
        return timezone.now()


def _link_row(lead: Lead, row: ClayRow, table: str) -> None:
    try:
        with transaction.atomic():
            Lead.objects.filter(pk=lead.pk, clay_row_id__isnull=True).update(clay_row_id=row.id, clay_table_id=table)
    except IntegrityError:
        raise NotRepairable("This row already belongs to another lead.") from None


def _lead(drift: Drift) -> Lead:
    if drift.lead is None:
        raise NotRepairable("This lead no longer exists.")
    return drift.lead


def _note_table(drift: Drift) -> None:
    lead = _lead(drift)
    if _fetch_row(drift.table_id, drift.row_id) is None:
        raise NotRepairable("The row is no longer in that table.")
    Lead.objects.filter(pk=lead.pk, clay_row_id=drift.row_id).update(
        clay_table_id=drift.table_id, updated_at=timezone.now()
    )


def _adopt_row(drift: Drift) -> None:
    """An unknown row becomes a lead as if it had come in by intake; it is triggered only if it is not enriched yet."""
    row = _fetch_row(drift.table_id, drift.row_id)
    if row is None or gate.screen([identity_in(row)], "intake"):
        return  # gone, or of nobody we may know: over either way
    given = {name: value for name, value in row.values.items() if name in FIELDS and value is not None}
    with transaction.atomic():
        result = intake.accept([given])
        if result.rejected:
            raise NotRepairable(" ".join(rejection.sentence for rejection in result.rejected))
        if result.suppressed:
            return
        ((_, lead_id),) = [*result.accepted, *result.known]
        lead = Lead.objects.get(pk=lead_id)
        if lead.clay_row_id not in (None, row.id):
            raise NotRepairable(f"Lead {lead_id} has another row in Clay: this one is a duplicate.")
        _link_row(lead, row, drift.table_id)
        if row.values.get("enrichment_status") in FINAL_STATUSES:
            Lead.objects.filter(pk=lead_id).update(dispatch_after=None)
            applying.apply(lead_id, row, event_at=_time_of(row))
        audit.record(Verb.ADOPT_ROW, by=drift.mend_by, on=lead)


def _recreate_row(drift: Drift) -> None:
    """The lead goes to dispatch again without its lost row; a row of the same person in Clay is taken instead."""
    lead = _lead(drift)
    if drift.row_id and _fetch_row(drift.table_id or clay_table(), drift.row_id) is not None:
        return  # it is there after all
    duplicate = _find_duplicate_row(lead)
    if duplicate is None and table_is_full():
        raise NotRepairable("Clay's table is full. Create a new one, then retry.")
    with transaction.atomic():
        known = {name: value for name, value in lead.raw.items() if name not in (*REFERENCES, "enrichment_status")}
        Lead.objects.filter(pk=lead.pk, clay_row_id=drift.row_id or None).update(
            clay_row_id=None, clay_table_id="", raw=known, written_back={}
        )
        lead.refresh_from_db()
        if duplicate is None:
            try:
                actions.retry_leads([lead], by=drift.mend_by)
            except ActionNotAllowed as impossible:
                raise NotRepairable(str(impossible)) from None
        else:
            _apply_row_to_lead(lead, *duplicate)


def _find_duplicate_row(lead: Lead) -> tuple[ClayRow, str] | None:
    """A row of the same person that we do not know, with its table: a second one must not be made (D12)."""
    if not chosen.can(Capability.FETCH):
        return None  # nothing is known of rows there; a second one changes nothing twice
    known = Drift.objects.filter(lead=lead, kind=DriftKind.DUPLICATE, resolved_at__isnull=True)
    for table, row_id in known.values_list("table_id", "row_id"):
        if row := _fetch_row(table, row_id):
            return row, table
    table = clay_table()
    try:
        rows = clay().search_rows(table, {"linkedin_url": lead.linkedin_url}, limit=2).rows
    except NotOffered:
        return None  # the last comparison found none either, or it would be a duplicate above
    return (rows[0], table) if rows else None


def _delete_duplicate(drift: Drift) -> None:
    """Deleted only where the mirror's own row is there and this one is of the same person; confirmed by a look."""
    lead = _lead(drift)
    if lead.clay_row_id == drift.row_id:
        return  # the mirror has taken this row over
    row = _fetch_row(drift.table_id, drift.row_id)
    if row is None:
        return
    if url_of(row) != lead.linkedin_url:
        raise NotRepairable("The row now has another person's address. It was not deleted.")
    if not lead.clay_row_id or _fetch_row(lead.clay_table_id or drift.table_id, lead.clay_row_id) is None:
        raise NotRepairable("The lead's own row is gone, so this one was kept. Fix that first.")
    if wait := limiter.take("clay.updates", drift.table_id):
        raise NoSlotYet(wait)
    try:
        clay().delete_row(drift.table_id, drift.row_id)
    except NotOffered:
        raise NotRepairable(
            "Clay doesn't offer deletion here. Delete the row in Clay by hand. The next comparison confirms it."
        ) from None
    if _fetch_row(drift.table_id, drift.row_id) is not None:
        raise NotRepairable("Clay reported the row as deleted, but it is still there. Delete it in Clay by hand.")
    audit.record(Verb.DELETE_DUPLICATE_ROW, by=drift.mend_by, on=lead)


def _remove_row(drift: Drift) -> None:
    """Deleted with everything else that may be kept no longer, which reads back and may wait for an officer."""
    row = _fetch_row(drift.table_id, drift.row_id)
    if row is None:
        return
    lead = Lead.objects.filter(clay_row_id=drift.row_id).first()
    if lead is not None:
        suppressed_rows.handle_return(lead.pk, row, drift.table_id)
    raise NotRepairable("The row is being removed. See Retention for progress.")


def _separate_leads(drift: Drift) -> None:
    """Each lead goes to its own record, found by its e-mail; the one whose e-mail the record holds keeps it."""
    lead = _lead(drift)
    others = [
        other
        for name in drift.fields
        if name in REFERENCES and getattr(lead, name)
        for other in Lead.objects.filter(**{name: getattr(lead, name)}).exclude(pk=lead.pk)
    ]
    if any(other.email == lead.email for other in others):
        raise NotRepairable("They have the same e-mail address. Correct the wrong one, then fix this again.")
    with transaction.atomic():
        systems = [system for system, channel in registry.delivering().items() if channel.reference in drift.fields]
        plan_deliveries(Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk), force=True, systems=systems)


REPAIRS: dict[DriftKind, Callable[[Drift], None]] = {
    DriftKind.VALUES: _apply_drifted_row,
    DriftKind.UNKNOWN_ROW: _adopt_row,
    DriftKind.DUPLICATE: _delete_duplicate,
    DriftKind.OTHER_TABLE: _note_table,
    DriftKind.ROW_GONE: _recreate_row,
    DriftKind.NOT_KEPT: _recreate_row,
    DriftKind.NO_ROW: _recreate_row,
    DriftKind.SUPPRESSED: _remove_row,
    DriftKind.SHARED_RECORD: _separate_leads,
}
