"""An answer that brings a suppressed person back under another profile: the row goes, the money stays counted.

The mirror takes nothing of such a row over. What the run cost is in the books; the row, which we made and which now
holds an address that may be nowhere, is deleted in Clay and read back, with the lead where nothing else is known of it;
until then it is listed as drift. Where no call can delete it, as in a table that rows go into through its webhook, an
officer has it with an alert and the run's reference, see `gdpr.retention.suppressed_records`. A run of a routine made
no row: there only the lead is left to go.
"""

from django.db import transaction
from django.utils import timezone

from enrichment.models import Attempt, Drift, DriftKind, Lead
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline.mirror import apply_row
from enrichment.pipeline.mirror.refusing import reject_row
from enrichment.vendors.clay import row_keys
from enrichment.vendors.clay.wire import ClayRow
from gdpr import data_subjects
from gdpr.data_subjects import RetainedRecord
from gdpr.identity import Identity
from gdpr.retention import suppressed_records
from gdpr.stores import Record
from gdpr.suppression import gate
from swarm_admin.core.identifiers.linkedin import canonical


def handle_return(lead_id: int, row: ClayRow, table: str = "", attempt: Attempt | None = None) -> None:
    """After the gate of the mirror held: the run ended, and the removal queued.

    `table`: where the row is, if known. `attempt`: of a row without an id, whose result it is; else the newest run's.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).defer("raw", "search").filter(pk=lead_id).first()
        if lead is not None:
            reject_row(lead, row, is_return=is_returned_person(lead, row))
            queue_removal(lead, row, table, attempt)


def queue_removal(lead: Lead, row: ClayRow, table: str = "", attempt: Attempt | None = None) -> bool:
    """Queue the removal of the row; False where the lead itself is suppressed: then it is not come back.

    Inside a transaction that holds the lead.
    """
    where = table or lead.clay_table_id
    key = _key_in_clay(lead, row, where, attempt)
    if key is None or not is_returned_person(lead, row):
        return False
    alone = not (lead.email or lead.phone or lead.ghl_contact_id or lead.instantly_lead_id)
    if not alone and not key:
        _leave_without_row(lead)
        return True
    kept = _with_lead(lead) if alone else RetainedRecord(Record("clay", key), timezone.now())
    if kept is None or not suppressed_records.queue_removal(kept, identity_of_row(row)):
        return False
    if row.id:
        Drift.objects.get_or_create(
            kind=DriftKind.SUPPRESSED,
            subject=f"row {row.id}",
            resolved_at=None,
            defaults={"table_id": where, "row_id": row.id},
        )
    if not alone:
        _leave_without_row(lead)
    return True


def _key_in_clay(lead: Lead, row: ClayRow, table: str, attempt: Attempt | None) -> str | None:
    """The row's key; "" where a routine made none, None where nobody knows where it is."""
    if row.id:
        return row_keys.of_row(table, row.id) if table else None
    run = attempt or lead.attempts.exclude(reference="").order_by("-started_at", "-pk").first()
    if run is None:
        return None
    return "" if run.run_id else row_keys.of_submission(run.source_id, run.reference)


def is_returned_person(lead: Lead, row: ClayRow) -> bool:
    """The row is about somebody on the list, and the lead itself is not."""
    blocked = gate.look_up([lead.identity, identity_of_row(row)])
    return blocked == {1}


def identity_of_row(row: ClayRow) -> Identity:
    """By the row's own words."""
    emails, phone = apply_row.identity_values(row.values)
    try:
        url = canonical(str(row.values.get("linkedin_url") or ""))
    except ValueError:
        url = ""
    return Identity(url, tuple(emails), phone)


def _with_lead(lead: Lead) -> RetainedRecord | None:
    """The lead with its row and whatever else is known of it by reference."""
    source = data_subjects.source_of("mirror")
    return source.retained_record(f"lead:{lead.pk}") if source else None


def _leave_without_row(lead: Lead) -> None:
    """What was known of the lead before stays; whether the two are one person is for somebody to say."""
    Lead.objects.filter(pk=lead.pk).update(
        clay_row_id=None,
        clay_table_id="",
        written_back={},
        needs_person=True,
        error_kind=NAMED_SUPPRESSED,
        updated_at=timezone.now(),
    )
