"""Import files that wait: where a person may stand before they are a lead.

A file is never rewritten: it would not be what was uploaded any more. A waiting import that names a person who
must be forgotten is cancelled and its file removed as a whole; whoever needs the rest uploads it again without
them. One that runs ends within minutes, and its file with it, so it is waited for.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.imports.import_files import Unreadable, open_rows
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from enrichment.stores.text_match import SearchPatterns
from gdpr import audit
from gdpr.stores import RetryLater
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.jobs import JobStatus
from swarm_admin.core.states import advance
from swarm_admin.core.timing import in_seconds

WAIT_SECONDS = 10.0
CANCELLED = "Cancelled, and its file removed: it contained a person who must be erased. Upload it again without them."


def jobs_about(traces: SearchPatterns) -> list[BulkJob]:
    """Imports whose file is on disk and names the person."""
    imports = BulkJob.objects.filter(kind=JobKind.IMPORT).exclude(file="").order_by("pk")
    return [job for job in imports if traces and any(rows_about(job, traces))]


def rows_about(job: BulkJob, traces: SearchPatterns) -> Iterator[dict[str, Any]]:
    """The file's rows that name the person, as {column: value}; none where the file cannot be read any more."""
    with contextlib.suppress(OSError, Unreadable, ValueError), open_rows(job.file.path) as (_, rows):
        for row in rows:
            text = "\n".join(str(value) for value in row.values()) if isinstance(row, dict) else str(row or "")
            if traces.kinds(text):
                yield row if isinstance(row, dict) else {"row": row}


def cancel_import(job: BulkJob) -> None:
    """Cancel the import where it waits, and remove its file. Raises RetryLater while it runs."""
    with transaction.atomic():
        live = BulkJob.objects.filter(pk=job.pk, status__in=[JobStatus.QUEUED, JobStatus.RUNNING])
        if live.exclude(columns={}).exists():
            raise RetryLater(f"Import {job.pk} is running", in_seconds(WAIT_SECONDS))
        advance(live, JobStatus.CANCELLED, finished_at=timezone.now(), in_flight_since=None, error=CANCELLED)
        # Its name was given by a person and may be of one.
        BulkJob.objects.filter(pk=job.pk).update(file_name="")
        audit.record(Verb.ERASE_IMPORT_FILE, on=job)
    job.file.delete(save=False)
    BulkJob.objects.filter(pk=job.pk).update(file="")


def is_gone(job_id: int) -> bool:
    job = BulkJob.objects.filter(pk=job_id).first()
    return job is None or not job.file or not job.file.storage.exists(str(job.file.name))
