"""Rows applied to their leads, many at once: a constant number of statements however many there are."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from enrichment.models import Attempt, FieldConflict, Lead
from enrichment.pipeline import provenance, recovery
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.mirror import refresh_status
from enrichment.pipeline.mirror.apply_row import (
    RowChanges,
    apply_row,
    identity_values,
    is_enriching,
    is_stale,
    keep_conflicts,
    read_changes,
)
from enrichment.pipeline.mirror.run import Progress, Reader, RunError
from enrichment.pipeline.score import apply as scoring
from enrichment.states import DELIVERED, AttemptStatus, EnrichmentStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors.clay.wire import ClayRow
from enrichment.waterfall import provider_budget
from gdpr.identity import Identity
from gdpr.suppression import gate
from swarm_admin.core.bulk_sql import update_each
from swarm_admin.core.identifiers.emails import is_role
from swarm_admin.core.states import InvalidTransition, advance_each

# Every column that applying a row may change, but the status and `raw`, which are always written.
WRITTEN = (
    "first_name", "last_name", "company_name", "email_personal", "email_work", "phone", "title", "company_domain",
    "company_page",
    "company_industry", "company_size", "company_revenue", "company_location", "tech_stack", "funding_stage",
    "funding_amount", "linkedin_headline", "linkedin_summary", "linkedin_connections", "recent_posts",
    "mutual_connections", "clay_score", "clay_tier", "enriched_at", "clay_seen_at", "clay_row_id",
    "enrichment_cost", "icp_score", "icp_tier", "scorecard_id", "scored_at", "in_progress_since", "error_kind",
    "error_message", "error_provider", "error_at", "needs_person", "dispatch_after", "dispatch_priority",
    "dispatch_tries", "skip_providers", "only_providers", "found_waterfalls", "answered", "write_back_after",
    "written_back", "clay_rewritten_at",
)  # fmt: skip


@dataclass(frozen=True)
class RowUpdate:
    """`row` as the newest known state of a lead, by an event of the aware time `event_at`.

    `error` is what the event says went wrong. `attempt_id`: the run whose result it is, where that is told; else it is
    the newest one's. `troubles`: {(column, reason): text} of columns that brought no value, see `ConflictReason`.
    """

    lead_id: int
    row: ClayRow
    event_at: datetime.datetime
    error: Any = None
    attempt_id: int | None = None
    troubles: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass
class Effect:
    """What a row did to its lead: the columns it changed.

    `stale`: something newer was known; `restricted`: the lead is only kept. Either way nothing was changed.
    """

    changed: list[str] = field(default_factory=list)
    stale: bool = False
    restricted: bool = False


@dataclass
class LeadUpdate:
    """One lead while its row is applied; `before`: the columns as they were.

    `attempts`: the one whose result it is, then the others, newest first.
    """

    update: RowUpdate
    lead: Any
    attempts: list[Attempt]
    effect: Effect
    before: dict[str, Any]
    changes: RowChanges
    error: RunError | None
    answered: provenance.LeadProvenance
    is_retry_due: bool = False
    closed: bool = False
    progress: Progress | None = None

    @property
    def ended(self) -> bool:
        """Else what the row holds is of the run before, and the end is still to come."""
        return not is_enriching(self.update.row)


def apply(lead_id: int, row: ClayRow, *, event_at: datetime.datetime, error: Any = None) -> Effect:
    """`apply_all` of one row."""
    return apply_all([RowUpdate(lead_id, row, event_at, error)])[0]


def apply_all(updates: Sequence[RowUpdate]) -> list[Effect]:
    """Apply each row to its lead as the newest known state; one transaction, the effects in order.

    Each lead once. An older event than the newest applied changes nothing. A lead's open attempt is closed
    unless Clay is still at work on its row. Raises Lead.DoesNotExist where one is gone, and whatever a row
    makes of itself; then nothing is changed.
    """
    effects = [Effect() for _ in updates]
    now = timezone.now()
    with transaction.atomic():
        cases, unapplied = _lock_leads(updates, effects)
        for case in cases:
            apply_row(case.lead, case.update.row, case.changes)
            case.effect.changed += case.changes.values
        provenance.record_provenance([case.answered for case in cases])
        _count_costs(unapplied)
        reader = Reader()
        for case in cases:
            _refresh_status(case, now, reader)
        _score([case for case in cases if case.ended])
        keep_conflicts([(case.lead, case.changes) for case in cases], now)
        _write(cases, now)
        _pause_on_refusal(cases)
        planning.plan_all(
            [case.lead for case in cases if not case.is_retry_due and case.lead.enrichment_status in DELIVERED]
        )
    _update_budgets(cases)
    return effects


def _update_budgets(cases: Sequence[LeadUpdate]) -> None:
    """What the runs asked of the providers, once it is written: a provider's hour is not the database's to undo."""
    ended = [(case.attempts[0], case.progress.calls) for case in cases if case.closed and case.progress]
    provider_budget.settle_reservations(ended)
    refused = {
        case.error.provider
        for case in cases
        if case.closed and case.error and refresh_status.is_limit_refusal(case.error)
    }
    for provider in sorted(refused):
        recovery.provider_refused(provider)


def _count_costs(unapplied: Sequence[provenance.LeadProvenance]) -> None:
    """Rows of runs of ours that are not applied, being older or of a lead that is only kept: they were paid for."""
    provenance.record_provenance(unapplied, facts=False)
    for entry in unapplied:
        if entry.new_answers:
            attempt = entry.attempts[0]
            Attempt.objects.filter(pk=attempt.pk).update(providers=attempt.providers, cost=attempt.cost)
            Lead.objects.filter(pk=entry.lead.pk).update(enrichment_cost=F("enrichment_cost") + entry.cost)


def _lock_leads(
    updates: Sequence[RowUpdate], effects: Sequence[Effect]
) -> tuple[list[LeadUpdate], list[provenance.LeadProvenance]]:
    """The leads of the updates under their lock; those that know something newer or are only kept apart."""
    ids = [each.lead_id for each in updates]
    conflicts = Exists(FieldConflict.objects.filter(lead=OuterRef("pk")))
    leads = Lead.objects.filter(pk__in=ids).annotate(has_conflicts=conflicts).defer("raw", "search")
    # In the order of their keys: two who lock several leads wait for each other instead of for ever.
    locked = {lead.pk: lead for lead in leads.order_by("pk").select_for_update(of=("self",))}
    attempts: dict[int | None, list[Attempt]] = {}
    for attempt in Attempt.objects.filter(lead__in=locked).order_by("-started_at", "-id"):
        attempts.setdefault(attempt.lead_id, []).append(attempt)
    prices = provenance.prices()
    listed = _suppressed_identifiers(updates)
    cases, unapplied = [], []
    for place, (each, effect) in enumerate(zip(updates, effects, strict=True)):
        lead = locked.get(each.lead_id)
        if lead is None:
            raise Lead.DoesNotExist(f"lead {each.lead_id}")
        effect.stale, effect.restricted = is_stale(lead, each.event_at), bool(lead.restriction)
        mine = sorted(attempts.get(lead.pk, []), key=lambda attempt: attempt.pk != each.attempt_id)
        answered = provenance.LeadProvenance(lead, provenance.provider_answers(each.row.raw, prices), mine)
        if effect.stale or effect.restricted:
            unapplied += [answered] if each.attempt_id else []
        else:
            before = {name: getattr(lead, name) for name in WRITTEN}
            error = refresh_status.run_error(each.row, each.error)
            cases.append(
                LeadUpdate(
                    each,
                    lead,
                    mine,
                    effect,
                    before,
                    read_changes(lead, each.row, listed.get(place, ()), each.troubles),
                    error,
                    answered,
                )
            )
    return cases, unapplied


def _suppressed_identifiers(updates: Sequence[RowUpdate]) -> dict[int, set[str]]:
    """{place in `updates`: identifiers of the row that others share and that are on the suppression list}."""
    row_identities = [identity_values(each.row.values) for each in updates]
    asked = [place for place, (emails, phone) in enumerate(row_identities) if phone or any(map(is_role, emails))]
    if not asked:
        return {}
    # With a profile of its own each is somebody else than the one who is on the list by the number alone.
    identities = [
        Identity(f"lead:{updates[place].lead_id}", tuple(row_identities[place][0]), row_identities[place][1])
        for place in asked
    ]
    shared = gate.shared_on_list(identities).shared
    return {asked[position]: identifiers for position, identifiers in shared.items()}


def _refresh_status(case: LeadUpdate, now: datetime.datetime, reader: Reader) -> None:
    """On the objects: the lead's references, its attempt, its status, what it is due for."""
    lead = case.lead
    lead.enrichment_cost += case.answered.cost
    lead.clay_seen_at = case.update.event_at
    lead.clay_row_id = lead.clay_row_id or case.update.row.id or None
    if not case.ended:
        return
    if lead.clay_rewritten_at and case.update.event_at > lead.clay_rewritten_at:
        lead.clay_rewritten_at = None  # the run ended, and Clay computed, after we had written
    attempt = case.attempts[0] if case.attempts else None
    if attempt is not None and attempt.status in refresh_status.OPEN_ATTEMPT:
        case.closed = True
        lead.written_back = {}  # the run has set the columns anew
        case.progress = reader.of(attempt, broke_off_at=case.error.provider if case.error else None)
        case.is_retry_due = refresh_status.next_dispatch(lead, case.attempts, case.error, case.progress)
        case.effect.changed.append("attempt")
    elif attempt is not None and attempt.status == AttemptStatus.ABANDONED and (lead.email or lead.phone):
        lead.dispatch_after = None  # it was given up for another run, which need not be bought any more
    before = lead.enrichment_status
    run_ended = case.closed or lead.enriched_at != case.before["enriched_at"]
    refresh_status.refresh_status(lead, case.error, again=case.is_retry_due, run_ended=run_ended, now=now)
    if lead.enrichment_status != before:
        case.effect.changed.append("enrichment_status")


def _score(cases: Sequence[LeadUpdate]) -> None:
    for case, changed in zip(cases, scoring.apply_all([case.lead for case in cases]), strict=True):
        if changed:
            case.effect.changed.append("icp_score")


def _write(cases: Sequence[LeadUpdate], now: datetime.datetime) -> None:
    """The attempts and the leads. Only columns in which any of the leads changed: each costs its indexes."""
    closed = {
        case.attempts[0].pk: refresh_status.end_columns(case.attempts[0], case.error, now)
        for case in cases
        if case.closed
    }
    _check_all_advanced(Attempt, closed, advance_each(Attempt, closed))
    noted = [case.attempts[0] for case in cases if case.attempts and case.answered.new_answers and not case.closed]
    update_each(Attempt, {each.pk: {"providers": each.providers, "cost": each.cost} for each in noted})
    columns = [name for name in WRITTEN if any(getattr(case.lead, name) != case.before[name] for case in cases)]
    leads = {
        case.lead.pk: {
            "enrichment_status": EnrichmentStatus(case.lead.enrichment_status),
            "raw": case.lead.raw,
            "updated_at": now,
            **case.lead.values(*columns),
        }
        for case in cases
    }
    _check_all_advanced(Lead, leads, advance_each(Lead, leads, field="enrichment_status", staying=True))


def _pause_on_refusal(cases: Sequence[LeadUpdate]) -> None:
    """A run that failed for the key or the quota: the next would fail like it."""
    stops = [stop for case in cases if case.closed and case.error and (stop := case.error.stop())]
    if stops:
        pauses.pause_vendor(stops[0])


def _check_all_advanced(model: Any, rows: dict[int, Any], moved: set[int]) -> None:
    if missing := rows.keys() - moved:
        raise InvalidTransition(f"{model.__name__} {min(missing)}: its status cannot be followed by the new one")
