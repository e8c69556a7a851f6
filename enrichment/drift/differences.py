"""A page of Clay's rows beside the mirror: where the two disagree. Nothing is changed but the list of drift."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from enrichment.models import Attempt, BatchItem, Drift, DriftKind, Lead
from enrichment.pipeline import clay_scores
from enrichment.pipeline.clay_scores import COMPUTED
from enrichment.pipeline.mirror import apply_row, refresh_status
from enrichment.states import ItemStatus
from enrichment.vendors.clay.fields import normalise, readers
from enrichment.vendors.clay.wire import ClayRow
from gdpr.identity import Identity
from gdpr.suppression import gate
from swarm_admin.core.identifiers.linkedin import canonical

COMPARED = sorted(clay_scores.RENAMED.get(column, column) for column in readers("US"))
NOBODY = Identity()
LOADED = (
    *COMPARED, "company_page", "linkedin_url", "clay_row_id", "clay_table_id", "pinned_fields", "enrichment_status",
    "restriction", "clay_rewritten_at", "write_back_after",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One disagreement; `identity` is only looked at, never kept."""

    kind: DriftKind
    identity: Identity
    lead_id: int | None = None
    table_id: str = ""
    row_id: str = ""
    fields: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return f"row {self.row_id}" if self.row_id else f"lead {self.lead_id}"


def url_of(row: ClayRow) -> str:
    """The canonical address of the row's person; empty where it has none."""
    try:
        return canonical(str(row.values.get("linkedin_url") or ""))
    except ValueError:
        return ""


def identity_in(row: ClayRow) -> Identity:
    emails, phone = apply_row.identity_values(row.values)
    return Identity(url_of(row), tuple(emails), phone)


# ---------------------------------------------------------------- finding


def compare(rows: Sequence[ClayRow], table: str, country: str) -> list[Finding]:
    """What of these rows of `table` the mirror does not know or knows otherwise; suppressed people left out."""
    urls = {row.id: url_of(row) for row in rows}
    same = Q(clay_row_id__in=list(urls)) | Q(linkedin_url__in={*urls.values()} - {""})
    leads = list(Lead.objects.filter(same).only(*LOADED))
    by_row = {lead.clay_row_id: lead for lead in leads if lead.clay_row_id}
    by_url = {lead.linkedin_url: lead for lead in leads}
    busy = _leads_in_progress([lead.pk for lead in leads])
    idle = [
        (by_row[row.id], row)
        for row in rows
        if row.id in by_row and by_row[row.id].pk not in busy and not apply_row.is_enriching(row)
    ]
    came_back = _returned_rows(rows, idle)
    findings = [Finding(DriftKind.SUPPRESSED, NOBODY, None, table, row.id) for row in rows if row.id in came_back]
    for row in rows:
        if row.id in came_back:
            continue  # nothing else of it matters
        if lead := by_row.get(row.id):
            if lead.restriction:
                continue  # only kept: not compared
            if lead.pk not in busy and not apply_row.is_enriching(row):
                findings += _findings_of_lead(row, table, lead, urls[row.id], country)
        elif lead := by_url.get(urls[row.id]):
            findings += _same_person(row, table, lead, busy)
        else:
            findings.append(Finding(DriftKind.UNKNOWN_ROW, identity_in(row), None, table, row.id))
    return without_suppressed(findings)


def _returned_rows(rows: Sequence[ClayRow], idle: Sequence[tuple[Lead, ClayRow]]) -> set[str]:
    """The ids of rows of leads that now name somebody on the suppression list, who the lead itself is not.

    `idle`: rows for which nothing is under way. One whose removal was asked for counts as long as it is there.
    """
    waiting = Drift.objects.filter(kind=DriftKind.SUPPRESSED, resolved_at__isnull=True)
    known = set(waiting.filter(row_id__in=[row.id for row in rows]).values_list("row_id", flat=True))
    asked = [(lead, row) for lead, row in idle if not lead.restriction]
    leads = gate.look_up([lead.identity for lead, _ in asked])
    people = gate.look_up([identity_in(row) for _, row in asked])
    return known | {asked[position][1].id for position in people - leads}


def _findings_of_lead(row: ClayRow, table: str, lead: Lead, url: str, country: str) -> Iterable[Finding]:
    if lead.clay_table_id and lead.clay_table_id != table:
        yield Finding(DriftKind.OTHER_TABLE, lead.identity, lead.pk, table, row.id)
    fields = differing_fields(lead, row.values, country)
    if lead.write_back_after:
        return  # Clay is still to be told of values that are not its own
    if lead.clay_rewritten_at:  # its formula has computed from our values: no difference of Clay's
        fields = [name for name in fields if name not in COMPUTED]
    if url != lead.linkedin_url:
        fields.append("linkedin_url")
    if fields:
        yield Finding(DriftKind.VALUES, lead.identity, lead.pk, table, row.id, tuple(sorted(fields)))


def _same_person(row: ClayRow, table: str, lead: Lead, busy: Collection[int]) -> Iterable[Finding]:
    if lead.restriction:
        return
    if lead.clay_row_id:
        yield Finding(DriftKind.DUPLICATE, lead.identity, lead.pk, table, row.id)
    elif lead.pk not in busy:
        yield Finding(DriftKind.VALUES, lead.identity, lead.pk, table, row.id, ("clay_row_id",))


def differing_fields(lead: Lead, values: Mapping[str, Any], country: str) -> list[str]:
    """Fields that applying the row would change: not what is missing or unreadable in Clay, and no pinned one."""
    normalised, _ = normalise(values, country)
    named = ((clay_scores.RENAMED.get(column, column), value) for column, value in normalised.items())
    return [name for name, value in named if getattr(lead, name) != value and name not in lead.pinned_fields]


def _leads_in_progress(leads: Sequence[int]) -> set[int]:
    """Leads something is under way for: what differs now is what that will settle."""
    running = Attempt.objects.filter(lead__in=leads, status__in=refresh_status.OPEN_ATTEMPT)
    waiting = BatchItem.objects.filter(lead__in=leads, status=ItemStatus.PLANNED)
    return {*running.values_list("lead_id", flat=True), *waiting.values_list("lead_id", flat=True)}


def known_rows(rows: Sequence[ClayRow]) -> list[str]:
    """The ids of these rows, but for those of suppressed people: not even that they were read is kept of them."""
    hidden = gate.look_up([identity_in(row) for row in rows])
    return [row.id for position, row in enumerate(rows) if position not in hidden]


def without_suppressed(found: Sequence[Finding]) -> list[Finding]:
    hidden = gate.look_up([finding.identity for finding in found])
    return [finding for position, finding in enumerate(found) if position not in hidden]


# ---------------------------------------------------------------- keeping


def record_findings(found: Sequence[Finding]) -> None:
    """Open drift for what is found, or see it again; in the caller's transaction."""
    now = timezone.now()
    opened = Drift.objects.filter(subject__in=[finding.subject for finding in found], resolved_at__isnull=True)
    known = {(drift.kind, drift.subject): drift for drift in opened}
    seen, new = [], []
    for finding in found:
        drift = known.get((finding.kind, finding.subject))
        if drift is None:
            new.append(_as_drift(finding, now))
            continue
        seen.append(drift.pk)
        if drift.fields != list(finding.fields):
            Drift.objects.filter(pk=drift.pk).update(fields=list(finding.fields))
    Drift.objects.filter(pk__in=seen).update(last_seen=now)
    Drift.objects.bulk_create(new, ignore_conflicts=True)


def _as_drift(finding: Finding, now: Any) -> Drift:
    return Drift(
        kind=finding.kind,
        subject=finding.subject,
        lead_id=finding.lead_id,
        table_id=finding.table_id,
        row_id=finding.row_id,
        fields=list(finding.fields),
        first_seen=now,
        last_seen=now,
    )


def close_resolved(rows: Sequence[ClayRow], found: Sequence[Finding]) -> None:
    """Drift about these rows that is no longer found is over."""
    still = {(finding.kind, finding.subject) for finding in found}
    opened = Drift.objects.filter(row_id__in=[row.id for row in rows], resolved_at__isnull=True)
    resolved = opened.values_list("pk", "kind", "subject")
    close_drift(Drift.objects.filter(pk__in=[pk for pk, kind, subject in resolved if (kind, subject) not in still]))


def close_drift(drifts: Any) -> int:
    """Close those of a queryset of drift that are open; returns how many."""
    values = {"resolved_at": timezone.now(), "mend_after": None, "mend_error": ""}
    return int(drifts.filter(resolved_at__isnull=True).update(**values))
