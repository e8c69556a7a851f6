"""Whole rows that Clay posts: judged by their reference and applied, without asking Clay for anything.

Late, doubled, of an earlier run, of nobody we know or of somebody forgotten: each is told apart here. A run's result
is as new as the run, whenever it comes: what a later run brought is not overwritten, and its cost is counted once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from enrichment.clay_sources import sources, test_rows
from enrichment.leases import all_or_each
from enrichment.models import Attempt, ForgottenReference, Lead, Verdict, WebhookDelivery
from enrichment.models.provenance import ConflictReason
from enrichment.pipeline import suppressed_rows
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.provenance import known_providers
from enrichment.pipeline.receive import triage
from enrichment.pipeline.receive.outcomes import (
    Outcome,
    PendingDelivery,
    parts_by_lead,
    redact_suppressed,
    save_outcomes,
    verdict_of,
)
from enrichment.pipeline.receive.triage import OTHER_PROFILE, Event
from enrichment.vendors.answers import decode
from enrichment.vendors.clay.callback import Callback, NotARow, read
from enrichment.waterfall.anonymous import digest
from swarm_admin.core.identifiers.linkedin import canonical

EVENT = "row.returned"
CONTACTS = ("email_work", "email_personal", "phone")
Poisoned = Callable[[WebhookDelivery, Exception], None]


@dataclass(frozen=True)
class Returned(PendingDelivery):
    """A row of a lead; `attempt`: whose result it is, None where no run of ours is known."""

    callback: Callback | None = None
    attempt: Attempt | None = None


@dataclass(frozen=True)
class _Known:
    """What is known of the references and profiles in a claim."""

    attempts: Mapping[str, Attempt]
    leads: Mapping[str, Lead]
    tests: set[str]
    forgotten: set[str]


def process(deliveries: Sequence[WebhookDelivery], poisoned: Poisoned) -> None:
    """Read the whole rows of one claim."""
    if not deliveries:
        return
    returned = all_or_each(deliveries, _judge_all, poisoned)
    allowed = all_or_each(returned, _without_suppressed, lambda each, error: poisoned(each.delivery, error))
    for part in parts_by_lead(allowed):
        all_or_each(part, _apply, lambda each, error: poisoned(each.delivery, error))


# ---------------------------------------------------------------- judged


def _judge_all(deliveries: Sequence[WebhookDelivery]) -> list[Returned]:
    """Leaves those that are rows of leads; the others get their verdict."""
    copies, providers = triage.earlier_copies(deliveries), known_providers()
    rows: dict[int, Callback] = {}
    outcomes: list[Outcome] = []
    for delivery in deliveries:
        try:
            rows[delivery.pk] = read(bytes(delivery.body), delivery.received_at, providers)
        except NotARow:
            outcomes.append(Outcome(delivery, Verdict.MALFORMED))
    known = _look_up(list(rows.values()))
    judged = [
        _judge(delivery, rows[delivery.pk], known, delivery.pk in copies)
        for delivery in deliveries
        if delivery.pk in rows
    ]
    returned = [each for each in judged if isinstance(each, Returned)]
    save_outcomes(redact_suppressed([*outcomes, *(each for each in judged if isinstance(each, Outcome))]))
    _note_columns(returned)
    return returned


def _judge(delivery: WebhookDelivery, callback: Callback, known: _Known, is_copy: bool) -> Outcome | Returned:
    event = Event(EVENT, "", "", delivery.received_at, callback.linkedin_url, None)
    if callback.reference in known.tests:
        test_rows.record_callback(callback.reference, decode(bytes(delivery.body)))
        return Outcome(delivery, Verdict.TEST, event)
    if digest(callback.reference) in known.forgotten:
        return Outcome(delivery, Verdict.ERASED, event)
    attempt = known.attempts.get(callback.reference)
    lead = attempt.lead if attempt else known.leads.get(event.url)
    if is_copy:
        return Outcome(delivery, Verdict.DUPLICATE, event, lead)
    if lead is None:
        return Outcome(delivery, Verdict.UNKNOWN_ROW, event)
    if attempt and event.url and event.url != lead.linkedin_url:
        message = "The row names another LinkedIn profile than the lead it was submitted for."
        return Outcome(delivery, event=event, lead=lead, error=OTHER_PROFILE, message=message)
    run = attempt or _newest_run(lead)
    at = run.started_at if run else delivery.received_at
    event = Event(EVENT, "", "", at, callback.linkedin_url, None)
    if run:
        callback = callback.of_run(run.started_at)
    return Returned(delivery, event, lead, callback.row, callback, run)


def _look_up(callbacks: Sequence[Callback]) -> _Known:
    references = {callback.reference for callback in callbacks} - {""}
    found = Attempt.objects.filter(reference__in=references).select_related("lead").defer("lead__raw", "lead__search")
    attempts = {attempt.reference: attempt for attempt in found}
    unknown = [callback for callback in callbacks if callback.reference not in attempts]
    urls = {url for callback in unknown if (url := _profile(callback.linkedin_url))}
    leads = Lead.objects.filter(linkedin_url__in=urls).only(*triage.LOADED) if urls else ()
    digests = [digest(callback.reference) for callback in unknown if callback.reference]
    forgotten = ForgottenReference.objects.filter(digest__in=digests).values_list("digest", flat=True)
    return _Known(
        attempts,
        {lead.linkedin_url: lead for lead in leads},
        test_rows.tested([callback.reference for callback in unknown]),
        set(forgotten) if digests else set(),
    )


def _profile(url: str) -> str:
    try:
        return canonical(url) if url else ""
    except ValueError:
        return ""


def _newest_run(lead: Lead) -> Attempt | None:
    """Whose result a row without a reference of ours is taken for."""
    return lead.attempts.exclude(reference="").order_by("-started_at", "-pk").first()


def _note_columns(returned: Sequence[Returned]) -> None:
    columns: dict[int, set[str]] = {}
    for each in returned:
        if each.attempt and each.attempt.source_id and each.callback:
            columns.setdefault(each.attempt.source_id, set()).update(each.callback.columns)
    for source_id, names in sorted(columns.items()):
        sources.note_columns(source_id, names)


# ---------------------------------------------------------------- applied


def _without_suppressed(returned: Sequence[Returned]) -> list[Returned]:
    """The second gate (D18). Of a blocked person's row only what it cost is kept."""
    stopped = triage.suppressed_places([(each.lead, each.callback.row) for each in returned if each.callback])
    outcomes = []
    for place in sorted(stopped):
        each = returned[place]
        if each.callback:
            suppressed_rows.handle_return(
                each.lead.pk, each.callback.row, each.lead.clay_table_id, attempt=each.attempt
            )
        outcomes.append(Outcome(each.delivery, Verdict.SUPPRESSED, each.event))
    save_outcomes(outcomes)
    return [each for place, each in enumerate(returned) if place not in stopped]


def _apply(returned: Sequence[Returned]) -> list[None]:
    updates = [_update_of(each, each.callback) for each in returned if each.callback]
    outcomes = [
        Outcome(each.delivery, verdict_of(effect), each.event, each.lead, effect.changed)
        for each, effect in zip(returned, applying.apply_all(updates), strict=True)
    ]
    save_outcomes(outcomes)
    return []


def _update_of(each: Returned, callback: Callback) -> applying.RowUpdate:
    """What went wrong is the lead's error where nothing was found; else it is told of the columns alone."""
    found = any(callback.row.values.get(name) or getattr(each.lead, name) for name in CONTACTS)
    troubles = {(name, str(ConflictReason.CELL_ERROR)): words for name, words in callback.cell_errors.items()}
    troubles |= {(name, str(ConflictReason.NOT_RUN)): "" for name in callback.not_run}
    return applying.RowUpdate(
        each.lead.pk,
        callback.row,
        each.event.at if each.attempt else timezone.now(),
        None if found else callback.trouble,
        attempt_id=each.attempt.pk if each.attempt else None,
        troubles=troubles,
    )
