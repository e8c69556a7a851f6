"""What came of a routine's run, onto its leads: each result is its attempt's, whatever else happened meanwhile.

Results are matched by our references. One that is nobody's any more, because its person was erased, is kept nowhere.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from enrichment.clay_routines import results as reading
from enrichment.clay_routines import setup as routine_setup
from enrichment.clay_routines.results import Outcome
from enrichment.leases import all_or_each, server_is_away
from enrichment.models import Attempt, ClayRun, Lead
from enrichment.pipeline import suppressed_rows
from enrichment.pipeline.dispatch.intents import OPEN_ATTEMPT, release_unrun
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.provenance import known_providers
from enrichment.pipeline.receive import triage
from enrichment.pipeline.receive.triage import OTHER_PROFILE
from enrichment.pipeline.unanswered import fail_unanswered
from enrichment.states import AttemptStatus, EnrichmentStatus
from enrichment.vendors.clay.wire import ClayRow, FilePage, RunResult
from enrichment.vendors.errors import Recovery
from swarm_admin.core.states import advance

log = logging.getLogger(__name__)
AT_ONCE = 100  # leads in one transaction
READABLE = (*OPEN_ATTEMPT, AttemptStatus.ABANDONED)  # one that was given up for another has its result all the same
CONTACTS = ("email_work", "email_personal", "phone")
OTHER_PROFILE_SENTENCE = "The result names another LinkedIn profile than the lead's."
NOT_IN_RESULTS = "Clay's results don't include this lead"


@dataclass(frozen=True)
class Result:
    """What came of the lead of an attempt."""

    attempt: Attempt
    lead: Lead
    outcome: Outcome


def apply(run: ClayRun, results: Iterable[RunResult]) -> bool:
    """All that came of a run that is over; `run.finished_at` is set. False: some leads may not be changed now.

    Read again, it changes nothing more.
    """
    told = {result.id: result for result in results}
    attempts = list(
        Attempt.objects.filter(reference__in=told, status__in=READABLE, lead__isnull=False)
        .select_related("lead")
        .defer("lead__search")
    )
    adopt(run, attempts)
    kept = [attempt for attempt in attempts if attempt.lead and attempt.lead.restriction]
    ready = _read(run, [attempt for attempt in attempts if attempt not in kept], told)
    stopped = triage.suppressed_places([(each.lead, each.outcome.row) for each in ready])
    all_or_each([ready[place] for place in sorted(stopped)], _reject, _poisoned)
    allowed = [each for place, each in enumerate(ready) if place not in stopped]
    for each in allowed:
        if each.outcome.other_person and each.attempt.status in OPEN_ATTEMPT:
            fail_unanswered(each.attempt, each.lead, OTHER_PROFILE, OTHER_PROFILE_SENTENCE)
    same_person = [each for each in allowed if not each.outcome.other_person]
    for part in _parts(same_person):
        all_or_each(part, _apply, _poisoned)
    _fail_missing(run, set(told))
    return not kept


def adopt(run: ClayRun, attempts: Sequence[Attempt]) -> None:
    """A run that only its webhook told of is the one whose answer was lost: its leads are this run's from now on."""
    others = [attempt.run_id for attempt in attempts if attempt.run_id not in (None, run.pk)]
    lost = ClayRun.objects.filter(pk__in=[pk for pk in others if pk is not None], run_id=None)
    for each in list(lost):
        Attempt.objects.filter(run=each).update(run=run)
        run.items, run.batch_id, run.routine_id = run.items + each.items, each.batch_id, each.routine_id
        run.save(update_fields=["items", "batch", "routine_id"])
        each.delete()


def _read(run: ClayRun, attempts: Sequence[Attempt], told: dict[str, RunResult]) -> list[Result]:
    setup, known = routine_setup.current(), known_providers()
    at = run.finished_at or timezone.now()
    ready = []
    for attempt in attempts:
        lead = attempt.lead
        if lead is None:
            continue
        try:
            outcome = reading.read(told[attempt.reference], setup, linkedin_url=lead.linkedin_url, at=at, known=known)
        except Exception as error:  # whatever a library makes of nonsense: the others are read all the same
            _fail_unread(attempt, lead, error)
        else:
            ready.append(Result(attempt, lead, outcome))
    return ready


def _parts(results: Sequence[Result]) -> Iterable[list[Result]]:
    """At most AT_ONCE in each, and no lead twice: an earlier run's result comes before a later one's."""
    rest = sorted(results, key=lambda each: (each.attempt.started_at, each.attempt.pk))
    while rest:
        part: dict[int, Result] = {}
        later = []
        for each in rest:
            if len(part) == AT_ONCE or part.setdefault(each.lead.pk, each) is not each:
                later.append(each)
        yield list(part.values())
        rest = later


def _apply(results: Sequence[Result]) -> list[None]:
    applying.apply_all([_update_of(each) for each in results])
    return []


def _update_of(result: Result) -> applying.RowUpdate:
    """The run is as new as its start, whenever its result comes: what a later one brought is not overwritten."""
    row, error = result.outcome.row, result.outcome.error
    if not result.outcome.succeeded:
        # Nothing of it is taken over but what it cost: what Clay said last stays as it was.
        row = ClayRow(id="", values={}, raw={**result.lead.raw, **_costs(row)})
    elif any(row.values.get(name) for name in CONTACTS):
        error = None
    return applying.RowUpdate(
        result.lead.pk,
        row,
        result.attempt.started_at,
        error,
        attempt_id=result.attempt.pk,
    )


def _costs(row: ClayRow) -> dict[str, object]:
    return {"providers_used": row.raw["providers_used"]} if row.raw.get("providers_used") else {}


def _reject(results: Sequence[Result]) -> list[None]:
    """The second gate (D18): of a blocked person only what the run cost is kept."""
    for each in results:
        suppressed_rows.handle_return(each.lead.pk, each.outcome.row)
    return []


def _poisoned(result: Result, error: Exception) -> None:
    _fail_unread(result.attempt, result.lead, error)


def _fail_unread(attempt: Attempt, lead: Lead, error: Exception) -> None:
    if server_is_away(error):
        raise error
    log.error("result of lead %s: %s", lead.pk, type(error).__name__)
    if attempt.status in OPEN_ATTEMPT:
        fail_unanswered(attempt, lead, "internal_error", "the result couldn't be read")


def _fail_missing(run: ClayRun, told: set[str]) -> None:
    for attempt, lead in _open(run):
        if attempt.reference not in told:
            fail_unanswered(attempt, lead, "no_answer", NOT_IN_RESULTS)


def _open(run: ClayRun) -> list[tuple[Attempt, Lead]]:
    """In the order in which they were sent."""
    attempts = Attempt.objects.filter(run=run, status__in=OPEN_ATTEMPT).select_related("lead").order_by("pk")
    return [(attempt, attempt.lead) for attempt in attempts if attempt.lead is not None]


# ---------------------------------------------------------------- runs that brought nothing


def fail_all(run: ClayRun, sentence: str, kind: str = Recovery.NEEDS_PERSON) -> None:
    """The run ended without results; it may have been charged, so a person decides."""
    for attempt, lead in _open(run):
        fail_unanswered(attempt, lead, kind, sentence)


def refuse_lines(run: ClayRun, page: FilePage) -> None:
    """Clay did not take the file, so nothing ran: leads whose lines it names wait for a person, the others go again."""
    sent = _open(run)
    named = page.invalid if len(sent) == run.items else {}
    if not named and len(sent) == run.items:
        fail_all(run, f"Clay refused the file: {page.error}"[:300], Recovery.SET_ASIDE)
        return
    again = []
    for number, (attempt, lead) in enumerate(sent, 1):
        if number in named:
            fail_unanswered(attempt, lead, Recovery.SET_ASIDE, f"Clay refused this lead: {named[number]}")
        else:
            again.append((attempt.pk, lead.pk))
    leads = Lead.objects.filter(pk__in=[lead for _, lead in again])
    leads.lock()
    release_unrun(Attempt.objects.filter(pk__in=[attempt for attempt, _ in again]))
    advance(
        leads.filter(enrichment_status=EnrichmentStatus.IN_PROGRESS),
        EnrichmentStatus.PENDING,
        field="enrichment_status",
        in_progress_since=None,
    )
    leads.update(dispatch_after=timezone.now(), updated_at=timezone.now())
