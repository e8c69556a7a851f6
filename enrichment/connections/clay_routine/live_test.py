"""A run of the routine on one lead that a person chose: a real one, charged and applied like any other."""

import datetime
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from enrichment.clay_routines import setup as routine_setup
from enrichment.clay_routines.fields import RUN_LABELS
from enrichment.clay_routines.items import missing_inputs
from enrichment.clay_routines.results import OTHER_NAMES
from enrichment.clay_routines.setup import RoutineSetup
from enrichment.connections.clay_routine.mapping_form import output_label
from enrichment.leads.actions import QUEUED, RUNNING, SUPPRESSED
from enrichment.leases import claim
from enrichment.models import Attempt, Batch, BatchItem, FieldConflict, Lead
from enrichment.models.provenance import ConflictReason
from enrichment.models.work import URGENT, BatchKind
from enrichment.pipeline.deliver.redeliver import ONLY_KEPT, suppressed_ids
from enrichment.pipeline.dispatch import to_routine
from enrichment.pipeline.dispatch.batch import create_batch, finish_batch, finish_items, items_of
from enrichment.pipeline.dispatch.intents import OPEN_ATTEMPT
from enrichment.states import AttemptStatus, BatchStatus, ItemStatus, RunStatus
from enrichment.vendors import limiter
from enrichment.vendors.clay.callback import COLUMNS
from enrichment.vendors.clay.routine import LIMIT
from enrichment.vendors.errors import VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.identifiers.linkedin import canonical

LAST: Final = "clay-routine-test"  # the attempt of the last test, for whoever comes back to the page
LAST_SECONDS: Final = 86_400
POLLED_SECONDS: Final = 3_600.0  # real: no page asks for ever
REFUSED: Final = {
    400: "Clay refused the inputs (400). Compare the names and the types with the routine's inputs in Clay.",
    401: "Clay rejected the key (401). Check CLAY_API_KEY and CLAY_PUBLIC_API_HEADER.",
    402: "Clay has no credits or actions left (402). Buy some, or wait for the plan's renewal.",
    403: "Clay's plan or the key's rights don't allow runs (403).",
    404: "Clay has no such routine (404). Copy its ID again.",
    429: "Clay's rate limit is reached (429). Try again in a minute.",
}


def find_lead(address: str) -> Lead:
    """Raises ActionNotAllowed."""
    try:
        url = canonical(address)
    except ValueError as error:
        raise ActionNotAllowed(f"The LinkedIn URL {error}") from None
    lead = Lead.objects.defer("raw", "search").filter(linkedin_url=url).first()
    if lead is None:
        raise ActionNotAllowed("No lead has this LinkedIn URL. Use a lead that is here already.")
    return lead


def check_can_test(setup: RoutineSetup, lead: Lead) -> None:
    """Raises ActionNotAllowed with the sentence why not."""
    if not setup.routine_id:
        raise ActionNotAllowed("Save the routine's ID and mapping first.")
    if lead.restriction:
        raise ActionNotAllowed(ONLY_KEPT)
    if suppressed_ids([lead]):
        raise ActionNotAllowed(SUPPRESSED)
    if Attempt.objects.filter(lead=lead, status__in=OPEN_ATTEMPT).exists():
        raise ActionNotAllowed(RUNNING)
    if BatchItem.objects.filter(lead=lead, status=ItemStatus.PLANNED).exclude(batch__kind=BatchKind.UPDATE).exists():
        raise ActionNotAllowed(QUEUED)
    if missing := missing_inputs(setup, lead):
        raise ActionNotAllowed(f"The routine needs what this lead lacks: {', '.join(missing)}. Use another lead.")


def start(lead: Lead, *, by: Any) -> Attempt:
    """One run of this lead, at once, whichever connector is in use.

    Raises:
        ActionNotAllowed: it cannot be, or Clay refused it; nothing was charged, and the lead is as before.
    """
    setup = routine_setup.current()
    check_can_test(setup, lead)
    if limiter.take(LIMIT, settings.CLAY_WORKSPACE_ID):
        raise ActionNotAllowed("Other calls are using Clay's limit right now. Try again in a moment.")
    batch, due = _batch_of(lead, setup, by)
    try:
        items, error = to_routine.start(batch, items_of(batch), setup)
    except VendorError as refused:  # without a key there is no client
        items, error = items_of(batch), refused
    if error is not None:
        _undo(batch, lead, due)
        raise ActionNotAllowed(REFUSED.get(error.status or 0) or f"Clay returned an error: {error}. {error.advice}")
    if not items:
        raise ActionNotAllowed("The budget has no room for this run. Raise it on Spending first.")
    attempt = Attempt.objects.get(lead=lead, batch=batch)
    cache.set(LAST, attempt.pk, LAST_SECONDS)
    return attempt


def _batch_of(lead: Lead, setup: RoutineSetup, by: Any) -> tuple[Batch, datetime.datetime | None]:
    """(a batch of this lead alone, ours already, when the lead was due). No tick sees the batch before it is ours."""
    with transaction.atomic():
        locked = Lead.objects.select_for_update(of=("self",)).defer("raw", "search").get(pk=lead.pk)
        check_can_test(setup, locked)
        due = locked.dispatch_after
        Lead.objects.filter(pk=lead.pk).update(dispatch_by=by)
        locked.dispatch_priority = URGENT
        made = create_batch(BatchKind.SUBMIT, [locked], table="")
        (batch,) = claim(Batch.objects.filter(pk=made.pk), BatchStatus, 1, stage="submissions")
        audit.record(Verb.TEST_CLAY_ROUTINE, by=by, on=lead)
    return batch, due


def _undo(batch: Batch, lead: Lead, due: datetime.datetime | None) -> None:
    with transaction.atomic():
        Lead.objects.filter(pk=lead.pk).lock()
        finish_items(items_of(batch), ItemStatus.AGAIN)
        Lead.objects.filter(pk=lead.pk).update(dispatch_after=due)
        finish_batch(batch, BatchStatus.FAILED)


# ---------------------------------------------------------------- what became of it


@dataclass(frozen=True)
class Step:
    """A link of the chain. `state`: done, waiting, failed or open (not reached). `seconds` since the run was sent."""

    label: str
    state: str
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Field:
    """What a column brought: `state` came, unreadable or empty."""

    label: str
    state: str


@dataclass(frozen=True)
class Progress:
    """How far a test is. `other_names`: what came and is mapped to nothing; `providers`: who answered."""

    attempt: Attempt
    steps: list[Step]
    fields: list[Field]
    other_names: list[str]
    providers: list[str]
    is_live: bool


def last_test() -> Attempt | None:
    """Of the last day; None where there was none, or its lead is gone."""
    return of(cache.get(LAST) or 0)


def of(pk: int) -> Attempt | None:
    """The attempt of a test, with its lead and run."""
    attempts = Attempt.objects.select_related("lead", "run").defer("lead__search")
    return attempts.filter(pk=pk, lead__isnull=False, run__isnull=False).first()


def progress_of(attempt: Attempt) -> Progress:
    is_over = attempt.status not in OPEN_ATTEMPT
    sent = attempt.triggered_at or attempt.started_at
    is_live = not is_over and (timezone.now() - sent).total_seconds() < POLLED_SECONDS
    lead = attempt.lead
    came = is_over and lead is not None and attempt.status == AttemptStatus.SUCCEEDED
    raw = lead.raw if lead is not None and came else {}
    return Progress(
        attempt,
        [Step("Sent", "done", 0.0), _accepted(attempt), _came_back(attempt)],
        _fields(lead, raw) if lead is not None and came else [],
        [str(name) for name in raw.get(OTHER_NAMES, [])],
        sorted({str(each["name"]) for each in attempt.providers}),
        is_live,
    )


def _accepted(attempt: Attempt) -> Step:
    seconds = (attempt.triggered_at - attempt.started_at).total_seconds() if attempt.triggered_at else None
    if attempt.run and attempt.run.run_id:
        return Step("Running in Clay", "done", seconds)
    return Step("Running in Clay", "waiting", note="The answer was lost. It may be running, and charged.")


def _came_back(attempt: Attempt) -> Step:
    label = "Came back"
    if attempt.status in OPEN_ATTEMPT:
        is_lost = attempt.run is not None and attempt.run.status == RunStatus.FAILED
        return Step(
            label, "failed" if is_lost else "waiting", note="Clay no longer keeps its results." if is_lost else ""
        )
    seconds = (attempt.finished_at - attempt.started_at).total_seconds() if attempt.finished_at else None
    if attempt.status == AttemptStatus.SUCCEEDED:
        return Step(label, "done", seconds)
    return Step(label, "failed", seconds, note=attempt.error_message or "It was given up.")


def _fields(lead: Lead, raw: dict[str, Any]) -> list[Field]:
    """Of the columns that are mapped, or of all that came where names tell."""
    unreadable = set(
        FieldConflict.objects.filter(lead=lead, reason=ConflictReason.UNREADABLE).values_list("field", flat=True)
    )
    mapped = [column for column in routine_setup.current().outputs.values() if column not in RUN_LABELS]
    columns = mapped or [column for column in sorted(COLUMNS - {"enriched_at"}) if column in raw]
    return [
        Field(output_label(column), "unreadable" if column in unreadable else "came" if column in raw else "empty")
        for column in columns
    ]
