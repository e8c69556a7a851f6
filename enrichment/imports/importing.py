"""Leads from a file: upload, preview, start, run in the worker, cancel; the file is gone afterwards.

A job is queued from its upload on, and due once it has `columns`: nobody starts it before a person has
said which column is which field.
"""

import datetime
import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from django.core.files import File
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from enrichment.imports.import_files import EXTRA, Unreadable, guess_mapping, open_rows
from enrichment.jobs.kinds import Kind, Verbs
from enrichment.jobs.outcomes import Counts, Outcome, Parts, nothing_to_do, outcome_of_done, partly_done
from enrichment.models import BulkJob, RejectedRow
from enrichment.models.job import JobKind
from enrichment.pipeline import intake
from enrichment.pipeline.intake_rows import LeadIn, parse_row
from gdpr import audit
from swarm_admin.core import jobs
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.jobs import ENDED, Chunks, JobStatus
from swarm_admin.core.states import advance
from swarm_admin.core.work import Values

logger = logging.getLogger(__name__)

PERMISSION = "enrichment.import_lead"
CHUNK = 1_000
SAMPLE = 1_000  # rows that a preview validates
SHOWN = 10
PRIORITY = 0  # an import lets what the API sends go first
FORGOTTEN_AFTER = datetime.timedelta(days=1)  # an upload that nobody started is removed
REQUIRED = tuple(name for name, each in LeadIn.model_fields.items() if each.is_required())
TOO_WIDE = "The row has more cells than the header."


class NotStartable(Exception):
    """A mapping of columns that cannot work, with a sentence."""


@dataclass
class PreviewRow:
    """One of the first rows as it would come in; `sentences` is empty where it would be taken."""

    number: int
    values: dict[str, str]
    sentences: list[str]


@dataclass
class Preview:
    columns: list[str]
    mapping: dict[str, str]  # column → field
    total: int  # rows of the file, empty ones included
    rows: list[PreviewRow] = field(default_factory=list)
    checked: int = 0  # rows of the sample that were validated
    valid: int = 0
    reasons: dict[str, int] = field(default_factory=dict)  # sentence → rows of the sample
    missing: list[str] = field(default_factory=list)  # required fields without a column

    @property
    def refused(self) -> int:
        return self.checked - self.valid


# ---------------------------------------------------------------- before the start


def upload(file: Any, *, name: str, by: Any = None) -> BulkJob:
    """Keep the file and count its rows; the job waits for `start_import`.

    Raises:
        Unreadable: and nothing is kept.
    """
    job = BulkJob(kind=JobKind.IMPORT, created_by=by, file_name=name[-200:].replace("\x00", ""))
    job.file.save(f"{uuid4().hex}.dat", File(file), save=False)  # the person's name for it stays off the disk
    try:
        with open_rows(job.file.path) as (_, rows):
            job.total = _count(rows)
        with transaction.atomic():
            job.save(force_insert=True)
            audit.record(Verb.UPLOAD_IMPORT, by=by, on=job, counts={"rows": job.total})
    except BaseException:
        job.file.delete(save=False)
        raise
    return job


def _count(rows: Iterable[Any]) -> int:
    total = sum(1 for _ in rows)
    if not total:
        raise Unreadable("The file has no rows below the header.")
    return total


def preview(job: BulkJob, mapping: Mapping[str, str] | None = None) -> Preview:
    """What would come of the first thousand rows under `mapping` (None: the one guessed from the headers).

    Raises:
        Unreadable
    """
    now = timezone.now()
    with open_rows(job.file.path) as (columns, rows):
        chosen = dict(guess_mapping(columns) if mapping is None else mapping)
        result = Preview(columns, chosen, job.total, missing=[f for f in REQUIRED if f not in chosen.values()])
        for number, row in enumerate(itertools.islice(rows, SAMPLE), 1):
            if row is not None:
                _check_row(result, number, _mapped(row, chosen), now)
    return result


def _check_row(result: Preview, number: int, row: Any, now: datetime.datetime) -> None:
    lead = [("", TOO_WIDE)] if row is EXTRA else parse_row(row, now)
    sentences = [sentence for _, sentence in lead] if isinstance(lead, list) else []
    result.checked += 1
    result.valid += not sentences
    for sentence in sentences:
        result.reasons[sentence] = result.reasons.get(sentence, 0) + 1
    if len(result.rows) < SHOWN:
        values = {name: str(value)[:80] for name, value in row.items()} if isinstance(row, dict) else {}
        result.rows.append(PreviewRow(number, values, sentences))


def start_import(job: BulkJob, *, columns: Mapping[str, str], by: Any = None) -> None:
    """Let the job run with this mapping of columns to fields.

    Raises:
        NotStartable: a required field has no column, a field has two, or the job does not wait any more.
    """
    fields = list(columns.values())
    if missing := [name for name in REQUIRED if name not in fields]:
        raise NotStartable(f"Map a column to {', '.join(missing)}: it is required.")
    if twice := sorted({name for name in fields if fields.count(name) > 1}):
        raise NotStartable(f"Two columns are mapped to {', '.join(twice)}. Choose one.")
    if unknown := sorted(set(fields) - set(LeadIn.model_fields)):
        raise NotStartable(f"{len(unknown)} of the chosen fields don't exist.")
    with transaction.atomic():
        waiting = BulkJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED, columns={})
        if not waiting.update(columns=dict(columns)):
            raise NotStartable("This import was already started or cancelled.")
        audit.record(Verb.START_IMPORT, by=by, on=job, fields=fields, counts={"rows": job.total})
    job.columns = dict(columns)


# ---------------------------------------------------------------- in the worker


class ImportJob(Kind):
    """Row by row of a file, from where the job stands: the file is the frozen plan."""

    name = JobKind.IMPORT
    icon = "file-import"
    work = "Rows read"
    verbs = Verbs(Verb.START_IMPORT, Verb.END_IMPORT, Verb.CANCEL_IMPORT)
    stop_right = open_right = PERMISSION
    no_stop = "You don't have permission to manage imports. Ask an admin."
    page = "import_job"
    tick = "run_imports"

    def live(self) -> QuerySet[BulkJob]:
        return super().live().exclude(columns={})  # an upload that nobody has started

    def chunks(self, job: BulkJob) -> Chunks:
        with open_rows(job.file.path) as (_, rows):
            rest = enumerate(itertools.islice(rows, job.position, None), job.position)
            while chunk := list(itertools.islice(rest, CHUNK)):
                yield partial(_accept_chunk, job, chunk)

    def why_stopped(self, error: Exception, job: BulkJob) -> str:
        """A fault of ours, or of the database's, is raised: the lease runs out, and the rest is tried again."""
        if isinstance(error, Unreadable):
            return str(error)
        return "The file is no longer on this server." if isinstance(error, OSError) else ""

    def after(self, job: BulkJob) -> None:
        if job.status in ENDED:
            _remove_file(job)

    def counts(self, job: BulkJob) -> dict[str, int]:
        names = ("position", "accepted", "known", "rejected", "suppressed")
        return {name: getattr(job, name) for name in names}

    def about(self, job: BulkJob) -> str:
        return "Import of leads"

    def parts(self, job: BulkJob, counts: Counts) -> Parts:
        return (
            (job.accepted, "accepted"),
            (job.known, "already existed"),
            (job.rejected, "rejected"),
            (job.suppressed, "suppressed"),
        )

    def final_outcome(self, job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
        if not job.total:
            return nothing_to_do(parts, "The file has no rows.")
        if job.rejected:
            none_came = not (job.accepted or job.known or job.suppressed)
            return partly_done(job.rejected, job.total, "rejected", parts, all_of_it=none_came)
        if not job.accepted:
            return Outcome("Finished: nothing new", "circle-minus", "grey", parts, "No new leads.")
        return outcome_of_done(job, parts, f"{job.accepted:,} new lead{'' if job.accepted == 1 else 's'}.")


def run_due() -> int:
    """Give every import that was started its turn, and clear up; returns how many had one."""
    had = jobs.run_due([ImportJob()])
    imports = BulkJob.objects.filter(kind=JobKind.IMPORT)
    forgotten = imports.filter(status=JobStatus.QUEUED, columns={}, created_at__lt=timezone.now() - FORGOTTEN_AFTER)
    advance(forgotten, JobStatus.CANCELLED, finished_at=timezone.now(), error="Not started within a day.")
    for job in imports.filter(status__in=ENDED).exclude(file=""):
        _remove_file(job)
    return had


def _accept_chunk(job: BulkJob, chunk: list[tuple[int, Any]]) -> Values:
    mapped = [(index, _mapped(row, job.columns)) for index, row in chunk if row is not None]
    good = [(index, row) for index, row in mapped if row is not EXTRA]
    result = intake.accept([row for _, row in good], priority=PRIORITY)
    rejected = [RejectedRow(job=job, index=index, sentence=TOO_WIDE) for index, row in mapped if row is EXTRA]
    wide = len(rejected)
    rejected += [
        RejectedRow(job=job, index=good[r.index][0], field=r.field, sentence=r.sentence) for r in result.rejected
    ]
    RejectedRow.objects.bulk_create(rejected)
    return {
        "position": chunk[-1][0] + 1,
        "accepted": F("accepted") + len(result.accepted),
        "known": F("known") + len(result.known),
        "rejected": F("rejected") + wide + result.rejected_rows,
        "suppressed": F("suppressed") + result.suppressed,
    }


def _mapped(row: Any, columns: Mapping[str, str]) -> Any:
    """The row by the lead's field names, without empty cells; EXTRA where it is wider than the header."""
    if not isinstance(row, dict):
        return row
    if EXTRA in row:
        return EXTRA
    return {name: row[column] for column, name in columns.items() if row.get(column) not in (None, "")}


def _remove_file(job: BulkJob) -> None:
    """From disk first: were we killed in between, the next tick finds the name and goes on here."""
    if not job.file:
        return
    job.file.delete(save=False)
    with transaction.atomic():
        BulkJob.objects.filter(pk=job.pk).update(file="")
        audit.record(Verb.REMOVE_IMPORT_FILE, on=job)
    logger.info("Import %s: file removed", job.pk)
