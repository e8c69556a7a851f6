"""Clay's full row becomes the lead: columns, status, provenance; then its score and what is due next."""

import copy
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from enrichment.clock import backoff, due_in
from enrichment.models import Attempt, FieldConflict, Lead, WaterfallVersion
from enrichment.models.provenance import ConflictReason
from enrichment.pipeline import deliver, ledger
from enrichment.pipeline import score as scoring
from enrichment.pipeline.dispatch.write_back import columns_of
from enrichment.pipeline.normalise import normalise
from enrichment.pipeline.status import RunError, status_of
from enrichment.states import AttemptStatus, EnrichmentStatus, advance_one, may_follow
from enrichment.vendors.clay import ClayRow
from enrichment.vendors.errors import Recovery

OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
# Clay's formula columns are kept under our own names (D1).
RENAMED = {"icp_score": "clay_score", "icp_tier": "clay_tier"}
BUDGET_WINDOW_SECONDS = 3600  # providers are limited per hour
FILL_IN_PRIORITY = -10  # after everything that is new


@dataclass
class Effect:
    """What a row did to its lead: the columns it changed, and whether it was newer than what was known."""

    changed: list[str] = field(default_factory=list)
    stale: bool = False


def apply(lead_id: int, row: ClayRow, *, event_at: datetime.datetime, error: Any = None) -> Effect:
    """Apply `row` to the lead as the newest known state, in one transaction.

    `event_at` is the event's aware time: an older one than the newest applied changes nothing. `error` is
    what the event says went wrong. The lead's open attempt is closed unless Clay is still at work on the row.
    """
    with transaction.atomic():
        conflicts = Exists(FieldConflict.objects.filter(lead=OuterRef("pk")))
        lead = Lead.objects.annotate(has_conflicts=conflicts).select_for_update(of=("self",)).get(pk=lead_id)
        if is_stale(lead, event_at):
            return Effect(stale=True)
        effect = Effect(changed=_take_over(lead, row))
        run_error = _run_error(row, error)
        attempts = list(lead.attempts.order_by("-started_at", "-id"))
        attempt = attempts[0] if attempts else None
        lead.enrichment_cost += ledger.enter(lead, ledger.supplies(row.raw), attempts)
        lead.clay_seen_at = event_at
        lead.clay_row_id = lead.clay_row_id or row.id
        again = False
        if attempt is not None and attempt.status in OPEN_ATTEMPT and not at_work(row):
            _close(attempt, run_error)
            again = _next_dispatch(lead, attempt, run_error)
            effect.changed.append("attempt")
        if not at_work(row):  # else what it holds is of the run before, and the end is still to come
            _settle(lead, run_error, effect, again=again)
        lead.save(update_fields=_WRITTEN)
        if not again and lead.enrichment_status in (EnrichmentStatus.COMPLETED, EnrichmentStatus.PARTIAL):
            deliver.plan(lead)
    return effect


def at_work(row: ClayRow) -> bool:
    return row.values.get("enrichment_status") == EnrichmentStatus.IN_PROGRESS


@dataclass(frozen=True)
class Taken:
    """What a row would write: {column: new value} of those that change, {(column, reason): value refused}."""

    values: dict[str, Any]
    conflicts: dict[tuple[str, str], str]
    unreadable: tuple[str, ...]


def _taken(lead: Lead, row: ClayRow) -> Taken:
    """Normalised values; those of pinned fields and unreadable ones become conflicts (D19, D24)."""
    values, unreadable = normalise(row.values, WaterfallVersion.active().phone_country)
    conflicts = {(name, str(ConflictReason.UNREADABLE)): given for name, given in unreadable.items()}
    changes: dict[str, Any] = {}
    for column, value in values.items():
        name = RENAMED.get(column, column)
        if getattr(lead, name) == value:
            continue
        if name in lead.pinned_fields:
            conflicts[name, str(ConflictReason.PINNED)] = str(value)[:500]
        else:
            changes[name] = value
    return Taken(changes, conflicts, tuple(unreadable))


def _take_over(lead: Any, row: ClayRow) -> list[str]:
    """The row's values onto the lead, its conflicts into their table; the names of what changed."""
    taken = _taken(lead, row)
    now = timezone.now()
    for name, value in taken.values.items():
        setattr(lead, name, value)
    lead.raw = row.raw
    if lead.has_conflicts:
        lead.conflicts.exclude(reason=ConflictReason.PINNED).exclude(field__in=taken.unreadable).delete()
    for (name, reason), given in taken.conflicts.items():
        FieldConflict.objects.update_or_create(
            lead=lead, field=name, reason=reason, defaults={"value": given, "observed_at": now}
        )
    return list(taken.values)


@dataclass(frozen=True)
class Change:
    """One column before and after; of a conflict, `after` is the value that is not applied."""

    field: str
    before: Any
    after: Any
    reason: str = ""


@dataclass(frozen=True)
class Preview:
    """What `apply` would do. `conflicts`: values it would not take over, and why."""

    changes: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    stale: bool = False


def preview(
    lead: Lead, row: ClayRow, *, event_at: datetime.datetime | None = None, error: Any = None
) -> Preview:
    """What `apply` with the same arguments would change, column by column. Writes nothing."""
    if is_stale(lead, event_at):
        return Preview(stale=True)
    taken = _taken(lead, row)
    after = copy.copy(lead)
    for name, value in taken.values.items():
        setattr(after, name, value)
    run_error = _run_error(row, error)
    attempt = _open_attempt(lead)
    again = attempt is not None and not at_work(row) and _next_dispatch(after, attempt, run_error)
    if not at_work(row):
        after.enrichment_status = _status_after(after, run_error, again=again)
    scoring.apply(after)
    names = [*taken.values, "enrichment_status", "icp_score", "icp_tier"]
    changes = [Change(name, getattr(lead, name), getattr(after, name)) for name in dict.fromkeys(names)]
    conflicts = [
        Change(name, getattr(lead, name, ""), given, ConflictReason(reason).label)
        for (name, reason), given in taken.conflicts.items()
    ]
    return Preview([change for change in changes if change.before != change.after], conflicts)


def is_stale(lead: Lead, event_at: datetime.datetime | None) -> bool:
    """Whether a newer event of the lead was applied already."""
    return event_at is not None and lead.clay_seen_at is not None and event_at < lead.clay_seen_at


def _run_error(row: ClayRow, error: Any) -> RunError | None:
    return RunError.read(error) or RunError.read(row.raw.get("error"))


def _open_attempt(lead: Lead) -> Attempt | None:
    """The lead's last attempt, where it is not over."""
    attempt = _last_attempt(lead)
    return attempt if attempt is not None and attempt.status in OPEN_ATTEMPT else None


def _last_attempt(lead: Lead) -> Attempt | None:
    return lead.attempts.order_by("-started_at", "-id").first()


def _close(attempt: Attempt, error: RunError | None) -> None:
    advance_one(
        attempt,
        AttemptStatus.FAILED if error else AttemptStatus.SUCCEEDED,
        finished_at=timezone.now(),
        providers=attempt.providers,
        cost=attempt.cost,
        error_kind=error.recovery if error else "",
        error_message=error.sentence if error else "",
        provider=error.provider if error else "",
    )


def _next_dispatch(lead: Lead, attempt: Attempt, error: RunError | None) -> bool:
    """What the lead is due for after this attempt; True when the same is tried again.

    A provider's time-out: again at once with it skipped (D10). A passing error: again after a delay. Else
    the providers left out for want of budget are asked when it is there again (D11).
    """
    lead.skip_providers, lead.only_providers = [], []
    tries = lead.dispatch_tries + 1
    passing = (Recovery.NEXT_PROVIDER, Recovery.DELAY, Recovery.BACKOFF)
    if error is not None and error.recovery in passing and tries < settings.MAX_ATTEMPTS:
        skipped = {error.provider} if error.recovery == Recovery.NEXT_PROVIDER and error.provider else set()
        lead.skip_providers = sorted({*attempt.skip_providers, *skipped})
        lead.only_providers = list(attempt.only_providers)
        lead.dispatch_tries = tries
        lead.dispatch_after = timezone.now() if skipped else backoff(tries)
        return True
    lead.dispatch_tries = 0
    if attempt.deferred_providers:
        lead.only_providers = list(attempt.deferred_providers)
        lead.dispatch_after = due_in(BUDGET_WINDOW_SECONDS)
        lead.dispatch_priority = FILL_IN_PRIORITY
    return False


def _status_after(lead: Lead, error: RunError | None, *, again: bool) -> EnrichmentStatus:
    """By D3; a lead that is tried again is pending; one that is only filled in keeps the status it has."""
    present = EnrichmentStatus(lead.enrichment_status)
    after = EnrichmentStatus.PENDING if again and not lead.only_providers else status_of(lead, error)
    return after if after == present or may_follow(present, after) else present


def _settle(lead: Lead, error: RunError | None, effect: Effect, *, again: bool) -> None:
    """Status by D3, the last error beside it, the score, and what Clay should be told of it."""
    after = _status_after(lead, error, again=again)
    if lead.enrichment_status != after:
        advance_one(lead, after, field="enrichment_status")
        effect.changed.append("enrichment_status")
    lead.in_progress_since = None
    if error is not None:
        lead.error_kind, lead.error_message = error.recovery, error.sentence
        lead.error_provider, lead.error_at = error.provider, timezone.now()
    elif "attempt" in effect.changed:
        lead.error_kind = lead.error_message = lead.error_provider = ""
        lead.error_at = None
    lead.needs_person = after == EnrichmentStatus.FAILED
    if scoring.apply(lead):
        effect.changed.append("icp_score")
    if columns_of(lead) and lead.write_back_after is None:
        lead.write_back_after = timezone.now()


_WRITTEN = [
    "first_name", "last_name", "company_name", "email_personal", "email_work", "phone", "title", "company_domain",
    "company_industry", "company_size", "company_revenue", "company_location", "tech_stack", "funding_stage",
    "funding_amount", "linkedin_headline", "linkedin_summary", "linkedin_connections", "recent_posts",
    "mutual_connections", "clay_score", "clay_tier", "enriched_at", "raw", "clay_seen_at", "clay_row_id",
    "enrichment_cost", "icp_score", "icp_tier", "score_explanation", "scorecard", "scored_at", "in_progress_since",
    "error_kind", "error_message", "error_provider", "error_at", "needs_person", "dispatch_after",
    "dispatch_priority", "dispatch_tries", "skip_providers", "only_providers", "write_back_after", "updated_at",
]  # fmt: skip


def identity_values(row: Mapping[str, Any]) -> tuple[list[str], str]:
    """(e-mails, phone) of a row as the mirror would write them, for the gate."""
    named = {column: row.get(column) for column in ("email_work", "email_personal", "phone")}
    values, _ = normalise(named, WaterfallVersion.active().phone_country)
    emails = [values[name] for name in ("email_work", "email_personal") if name in values]
    return emails, str(values.get("phone", ""))
