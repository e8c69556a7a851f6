"""The row's values onto the lead, and the values that are not applied into their table (D19, D24)."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.models import FieldConflict, Lead, WaterfallVersion
from enrichment.models.provenance import ConflictReason
from enrichment.pipeline.clay_scores import RENAMED
from enrichment.pipeline.suppressed_identifiers import columns_with
from enrichment.states import EnrichmentStatus
from enrichment.vendors.clay.fields import normalise
from enrichment.vendors.clay.wire import ClayRow


@dataclass(frozen=True)
class RowChanges:
    """What a row would write: {column: new value} of those that change, {(column, reason): value refused}."""

    values: dict[str, Any]
    conflicts: dict[tuple[str, str], str]
    unreadable: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def read_changes(
    lead: Lead, row: ClayRow, listed: Collection[str] = (), troubles: Mapping[tuple[str, str], str] | None = None
) -> RowChanges:
    """Normalised values; those of pinned fields and unreadable ones become conflicts (D19, D24), as do `troubles`.

    `listed`: identifiers on the suppression list that are no identity by themselves (D28), such as the number of a
    switchboard: they are not kept, here or anywhere, and whose they are is not told.
    """
    values, unreadable = normalise(row.values, WaterfallVersion.active().phone_country)
    conflicts = {(name, str(ConflictReason.UNREADABLE)): given for name, given in unreadable.items()}
    conflicts |= {(name, reason): words for (name, reason), words in (troubles or {}).items() if name not in values}
    left_out = columns_with(values, listed)
    for name in left_out:
        conflicts[name, str(ConflictReason.SUPPRESSED)] = ""
        values[name] = ""
    changes: dict[str, Any] = {}
    for column, value in values.items():
        name = RENAMED.get(column, column)
        if getattr(lead, name) == value:
            continue
        if name in lead.pinned_fields:
            conflicts[name, str(ConflictReason.PINNED)] = str(value)[:500]
        else:
            changes[name] = value
    return RowChanges(changes, conflicts, tuple(unreadable), left_out)


def apply_row(lead: Lead, row: ClayRow, values: RowChanges) -> None:
    """On the object only."""
    for name, value in values.values.items():
        setattr(lead, name, value)
    lead.raw = {name: value for name, value in row.raw.items() if name not in values.left_out}


def keep_conflicts(found: Sequence[tuple[Any, RowChanges]], now: datetime.datetime) -> None:
    """The conflicts of each lead (read with `has_conflicts`): new ones written, unreadable ones that are over removed.

    At most three statements; none where there is no conflict and was none.
    """
    had = {lead.pk: taken_over for lead, taken_over in found if lead.has_conflicts}
    if had:
        old = FieldConflict.objects.filter(lead__in=had).exclude(reason=ConflictReason.PINNED)
        rows = old.values_list("pk", "lead", "field", "reason")
        over = [pk for pk, lead, name, reason in rows if (name, reason) not in had[lead].conflicts]
        FieldConflict.objects.filter(pk__in=over).delete()
    FieldConflict.objects.bulk_create(
        [
            FieldConflict(lead=lead, field=name, reason=reason, value=given, observed_at=now)
            for lead, taken_over in found
            for (name, reason), given in taken_over.conflicts.items()
        ],
        update_conflicts=True,
        unique_fields=["lead", "field", "reason"],
        update_fields=["value", "observed_at"],
    )


def is_enriching(row: ClayRow) -> bool:
    return row.values.get("enrichment_status") == EnrichmentStatus.IN_PROGRESS


def is_stale(lead: Lead, event_at: datetime.datetime | None) -> bool:
    """Whether a newer event of the lead was applied already."""
    return event_at is not None and lead.clay_seen_at is not None and event_at < lead.clay_seen_at


def identity_values(row: Mapping[str, Any]) -> tuple[list[str], str]:
    """(e-mails, phone) of a row as the mirror would write them, for the gate."""
    named = {column: row.get(column) for column in ("email_work", "email_personal", "phone")}
    values, _ = normalise(named, WaterfallVersion.active().phone_country)
    emails = [values[name] for name in ("email_work", "email_personal") if name in values]
    return emails, str(values.get("phone", ""))
