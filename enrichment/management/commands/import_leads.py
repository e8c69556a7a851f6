from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from enrichment.imports import importing
from enrichment.imports.import_files import Unreadable
from enrichment.jobs import jobs
from enrichment.models import BulkJob
from swarm_admin.core.jobs import JobStatus

TOLD = 20  # refused rows that are named; the screen has all of them


class Command(BaseCommand):
    help = "Import leads from a CSV or JSON file. Columns are recognised by name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: object) -> None:
        try:
            with file.open("rb") as opened:
                job = importing.upload(opened, name=file.name)
        except (OSError, Unreadable) as error:
            sentence = str(error) if isinstance(error, Unreadable) else f"{error.strerror}."
            raise CommandError(f"Can't read {file}: {sentence}") from None
        try:
            importing.start_import(job, columns=importing.preview(job).mapping)
        except importing.NotStartable as error:
            jobs.cancel(job)
            raise CommandError(str(error)) from None
        jobs.run(job.pk)
        job.refresh_from_db()
        self._tell(job)

    def _tell(self, job: BulkJob) -> None:
        for row in job.rejected_rows.all()[:TOLD]:
            self.stderr.write(f"row {row.index + 1}: {row.sentence}")
        self.stdout.write(
            f"Import {job.pk}: {job.accepted} accepted, {job.known} known, {job.rejected} rejected, "
            f"{job.suppressed} suppressed, of {job.total} rows."
        )
        if job.status == JobStatus.QUEUED or job.status == JobStatus.RUNNING:
            self.stdout.write("A worker has taken over this job.")
        elif job.status != JobStatus.DONE:
            raise CommandError(job.error or "The import was cancelled.")
