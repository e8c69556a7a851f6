"""A CSV file of leads through the whole import, beside COPY of the same rows into the same table."""

import csv
import datetime
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.filling import TABLE
from tests.bench.people import people
from tests.bench.registry import Figure, at_least, benchmark, ratio_at_most

COLUMNS = (
    "linkedin_url", "first_name", "last_name", "company_name", "source_type", "source_name", "source_url",
    "engagement_action", "engagement_content", "scraped_at",
)  # fmt: skip
CHUNK = 50_000
AGAIN = 50  # every so many rows, one is a person who came before
BROKEN = 200  # every so many, one breaks a rule
SUPPRESSED = 1_000  # people in the file who must not come in


@benchmark("import", aim="≤ 5 times COPY of the same rows into the same table")
def import_file(bench: Bench) -> Iterator[Figure]:
    """Upload, preview, validation, suppression, de-duplication and insertion, by the code the worker runs."""
    from enrichment.imports import importing
    from enrichment.jobs import jobs
    from enrichment.models import BulkJob, Lead
    from gdpr.identity import Identity
    from gdpr.suppression import gate

    with tempfile.TemporaryDirectory() as folder, bench.empty() as database:
        path = Path(folder) / "leads.csv"
        rows, urls = _write(path, bench.size)
        for url in urls[: min(SUPPRESSED, bench.size // 100)]:
            gate.suppress(Identity(url), reason="benchmark")
        started = time.perf_counter()
        with path.open("rb") as file:
            job = importing.upload(file, name=path.name)
        importing.start_import(job, columns=importing.preview(job).mapping)
        jobs.run(job.pk)
        seconds = time.perf_counter() - started
        job = BulkJob.objects.get(pk=job.pk)
        taken = Lead.objects.count()
        copied = _copied(bench, database.name, Path(folder) / "rows.bin")
    accounted = job.accepted + job.known + job.rejected + job.suppressed
    note = f"{job.accepted:,} new, {job.known:,} known, {job.rejected:,} rejected, {job.suppressed:,} suppressed"
    yield Figure("import", seconds, "s", reference=copied, aim=ratio_at_most(5.0), note=note)
    yield Figure("import, rows a second", rows / seconds, "/s", reference=taken / copied)
    yield Figure("import, rows accounted for", 100 * accounted / rows, "%", aim=at_least(100.0))


def _write(path: Path, size: int) -> tuple[int, list[str]]:
    """The file; how many rows it has, and the addresses of its first people."""
    now = datetime.datetime.now(datetime.UTC)
    urls: list[str] = []
    written = 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for start in range(0, size, CHUNK):
            frame = people(start, min(CHUNK, size - start), now=now, of=size).select(COLUMNS)
            for row in frame.iter_rows():
                cells = [*row[:-1], row[-1].isoformat()]
                if written % BROKEN == BROKEN - 1:
                    cells[4] = "hearsay"
                elif written % AGAIN == AGAIN - 1:
                    cells[0] = urls[written % len(urls)]
                elif len(urls) < 2 * SUPPRESSED:
                    urls.append(cells[0])
                writer.writerow(cells)
                written += 1
    return written, urls


def _copied(bench: Bench, database: str, path: Path) -> float:
    """Seconds of COPY for the rows that are in the table now, into the same table emptied, in one transaction."""
    from enrichment.models import Lead

    names = ", ".join(f.column for f in Lead._meta.concrete_fields if not f.generated)
    with bench.databases.connect(database) as connection:
        with (
            path.open("wb") as file,
            connection.cursor().copy(f"COPY {TABLE} ({names}) TO STDOUT (FORMAT binary)") as out,
        ):
            for piece in out:
                file.write(piece)
        connection.execute(f"TRUNCATE {TABLE} CASCADE")
        connection.execute("CHECKPOINT")
        started = time.perf_counter()
        with (
            path.open("rb") as file,
            connection.cursor().copy(f"COPY {TABLE} ({names}) FROM STDIN (FORMAT binary)") as into,
        ):
            while piece := file.read(1 << 20):
                into.write(piece)
        return time.perf_counter() - started
