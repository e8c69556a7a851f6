"""A file becomes leads: whatever its encoding and dialect, resumable after a kill, and gone afterwards."""

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from enrichment.imports import importing
from enrichment.imports.import_files import Unreadable, guess_mapping, open_rows
from enrichment.jobs import jobs
from enrichment.models import BulkJob, Lead
from enrichment.pipeline import intake
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression.gate import suppress
from swarm_admin.core.states import InvalidTransition
from tests.factories import LeadFactory, lead_row, lead_rows

pytestmark = pytest.mark.django_db
COLUMNS = list(lead_row())


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media" / "imports"


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",", columns: list[str] = COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def uploaded(content: str | bytes) -> BulkJob:
    data = content.encode() if isinstance(content, str) else content
    return importing.upload(io.BytesIO(data), name="leads.csv")


def imported(content: str | bytes) -> BulkJob:
    job = uploaded(content)
    importing.start_import(job, columns=importing.preview(job).mapping)
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def counts(job: BulkJob) -> tuple[int, int, int, int]:
    return job.accepted, job.known, job.rejected, job.suppressed


def refused(job: BulkJob) -> list[tuple[int, str]]:
    return list(job.rejected_rows.values_list("index", "field"))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters(encoding: str, delimiter: str) -> None:
    rows = [lead_row(first_name="Jürgen", company_name="Société, Générale; & Söhne")]
    job = imported(as_csv(rows, delimiter).encode(encoding))
    assert (job.status, job.total, counts(job)) == ("done", 1, (1, 0, 0, 0))
    assert Lead.objects.get().values("first_name", "company_name") == {
        "first_name": "Jürgen",
        "company_name": "Société, Générale; & Söhne",
    }


def test_cp1252_is_found_wherever_its_first_letter_stands() -> None:
    rows = [*lead_rows(600), lead_row(first_name="René")]
    imported(as_csv(rows).encode("cp1252"))
    assert Lead.objects.filter(first_name="René").exists()


@pytest.mark.parametrize(
    "render",
    [
        json.dumps,
        lambda rows: json.dumps(rows, indent=2),
        lambda rows: json.dumps({"leads": rows}),
        lambda rows: "\ufeff" + json.dumps(rows, ensure_ascii=False),
        lambda rows: "\n".join(map(json.dumps, rows)),
        lambda rows: "\r\n\r\n".join(map(json.dumps, rows)) + "\r\n",
    ],
)
def test_json_shapes(render: Callable[[Any], str]) -> None:
    job = imported(render(lead_rows(700, first_name="Zoë")))
    assert (job.status, job.total, counts(job)) == ("done", 700, (700, 0, 0, 0))
    assert Lead.objects.filter(first_name="Zoë").count() == 700


def test_one_json_lead_over_many_lines() -> None:
    assert counts(imported(json.dumps(lead_row(), indent=4))) == (1, 0, 0, 0)


def test_json_values_that_are_no_lead_are_refused_in_their_place() -> None:
    job = imported(json.dumps([lead_row(), 5, None, "x", [], lead_row(first_name=7)]))
    assert counts(job) == (1, 0, 5, 0)
    assert refused(job) == [(1, ""), (2, ""), (3, ""), (4, ""), (5, "first_name")]


def test_a_bad_line_of_json_lines_is_one_refused_row() -> None:
    lines = [json.dumps(row) for row in lead_rows(3)]
    job = imported("\n".join([lines[0], '{"linkedin_url": ', *lines[1:]]))
    assert counts(job) == (3, 0, 1, 0)
    assert refused(job) == [(1, "")]


def test_quoted_line_breaks_and_excels_hint() -> None:
    columns = [*COLUMNS, "engagement_content"]
    job = imported("sep=;\r\n" + as_csv([lead_row(engagement_content='one\ntwo "2"')], ";", columns))
    assert counts(job) == (1, 0, 0, 0)
    assert Lead.objects.get().engagement_content == 'one\ntwo "2"'


def test_ragged_and_empty_rows() -> None:
    lines = as_csv(lead_rows(3)).splitlines()
    lines[1] += ",,"
    lines[2] += ",more"
    job = imported("\n".join([lines[0], lines[1], "", ",,,", lines[2], lines[3], "https://x.example"]))
    assert job.total == 6
    assert counts(job) == (2, 0, 2, 0)
    assert refused(job)[0] == (3, "")
    assert {index for index, _ in refused(job)} == {3, 5}
    assert job.rejected_rows.first().sentence == importing.TOO_WIDE


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "The file is empty."),
        (" \n\n", "The file is empty."),
        (as_csv([]), "no rows below the header"),
        ("[]", "no rows"),
        ("linkedin_url\n" + "https://www.linkedin.com/in/a\n" + '"' + "x" * 1_000_001, "after row 1"),
        ('"' + "x" * 1_000_001, "a quotation mark is never closed"),
        ("https://www.linkedin.com/in/johndoe,John\n", "must be a header"),
        ('[{"linkedin_url": "x"}, {"linked', "isn't valid JSON after row 1"),
        ('[{"linkedin_url": "x"} {"y": 1}]', "isn't valid JSON after row 0"),
        ("{broken", "isn't valid JSON"),
    ],
)
def test_what_cannot_be_read_leaves_nothing_behind(content: str, sentence: str, files: Path) -> None:
    with pytest.raises(Unreadable, match=sentence) as refusal:
        uploaded(content)
    assert "johndoe" not in str(refusal.value)
    assert not BulkJob.objects.exists()
    assert not list(files.glob("*"))


def test_columns_without_a_name_or_twice_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,,a\n1,2,3\n")
    with open_rows(path) as (columns, rows):
        assert columns == ["a", "Column 2", "a (3)"]
        assert list(rows) == [{"a": "1", "Column 2": "2", "a (3)": "3"}]


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (["URL", "LinkedIn URL", "First Name"], {"LinkedIn URL": "linkedin_url", "First Name": "first_name"}),
        (["Profile URL", "Surname"], {"Profile URL": "linkedin_url", "Surname": "last_name"}),
        (["company", "company_name"], {"company_name": "company_name"}),
        (["Source", "Source-Type", "Scraped At", "Comment", "Other"], {
            "Source": "source_name",
            "Source-Type": "source_type",
            "Scraped At": "scraped_at",
            "Comment": "engagement_content",
        }),
    ],
)  # fmt: skip
def test_headers_are_recognised(columns: list[str], mapping: dict[str, str]) -> None:
    assert guess_mapping(columns) == mapping


# ---------------------------------------------------------------- preview and start


def test_preview_says_what_would_come_of_it_and_takes_nothing() -> None:
    job = uploaded(as_csv([*lead_rows(11), lead_row(source_type="webinar"), lead_row(source_type="fair")]))
    preview = importing.preview(job)
    assert (preview.total, preview.checked, preview.valid, preview.refused) == (13, 13, 11, 2)
    assert len(preview.rows) == 10
    assert preview.rows[0].values["first_name"] == "John"
    assert [count for sentence, count in preview.reasons.items() if sentence.startswith("source_type")] == [2]
    assert preview.missing == []
    assert not Lead.objects.exists()
    assert not AuditEvent.objects.exclude(verb="upload_import").exists()


def test_missing_and_doubled_columns_do_not_start() -> None:
    job = uploaded(as_csv(lead_rows(1)))
    mapping = importing.preview(job).mapping
    assert importing.preview(job, {}).missing == list(importing.REQUIRED)
    with pytest.raises(importing.NotStartable, match="source_name"):
        importing.start_import(job, columns={c: f for c, f in mapping.items() if f != "source_name"})
    with pytest.raises(importing.NotStartable, match="Two columns are mapped to first_name"):
        importing.start_import(job, columns=mapping | {"other": "first_name"})
    with pytest.raises(importing.NotStartable, match="don't exist"):
        importing.start_import(job, columns=mapping | {"other": "icp_score"})
    importing.start_import(job, columns=mapping)
    with pytest.raises(importing.NotStartable, match="already"):
        importing.start_import(job, columns=mapping)


def test_nobody_runs_what_was_not_started() -> None:
    job = uploaded(as_csv(lead_rows(1)))
    jobs.run(job.pk)
    assert importing.run_due() == 0
    job.refresh_from_db()
    assert (job.status, Lead.objects.count()) == ("queued", 0)


# ---------------------------------------------------------------- running


def test_result_counts_and_refusals_without_values(files: Path) -> None:
    suppress(Identity(linkedin_url="https://www.linkedin.com/in/gone"), reason="erasure")
    known = LeadFactory(linkedin_url="https://www.linkedin.com/in/known")
    rows = [
        lead_row(),
        lead_row(linkedin_url=known.linkedin_url),
        lead_row(linkedin_url="https://evil.example/in/secret", source_name=""),
        lead_row(linkedin_url="https://www.linkedin.com/in/gone"),
    ]
    job = imported(as_csv(rows))
    assert (job.status, job.position, counts(job)) == ("done", 4, (1, 1, 1, 1))
    assert refused(job) == [(2, "linkedin_url"), (2, "source_name")]
    assert not any("secret" in row.sentence for row in job.rejected_rows.all())
    assert Lead.objects.get(linkedin_url=lead_row()["linkedin_url"]).dispatch_priority == importing.PRIORITY
    assert not job.file
    assert not list(files.glob("*"))
    assert list(AuditEvent.objects.order_by("id").values_list("verb", flat=True).exclude(verb="suppress")) == [
        "upload_import",
        "start_import",
        "end_import",
        "remove_import_file",
    ]
    assert AuditEvent.objects.get(verb="end_import").counts["accepted"] == 1


def killed_after(chunks: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Intake that dies as a killed worker does; calling the answer mends it."""
    real, calls = intake.accept, iter(range(chunks))

    def accept(*args: Any, **kwargs: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(intake, "accept", accept)
    return lambda: monkeypatch.setattr(intake, "accept", real)


def test_a_killed_import_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    rows = lead_rows(2500)
    rows[2100] = lead_row(source_type="webinar")
    job = uploaded(as_csv(rows))
    importing.start_import(job, columns=importing.preview(job).mapping)
    mend = killed_after(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, job.position, job.accepted, Lead.objects.count()) == ("running", 2000, 2000, 2000)
    mend()
    assert importing.run_due() == 0  # its lease still holds
    settings.LEASE_SECONDS = 0
    assert importing.run_due() == 1
    job.refresh_from_db()
    assert (job.status, job.position, counts(job)) == ("done", 2500, (2499, 0, 1, 0))
    assert refused(job) == [(2100, "source_type")]


def test_a_cancelled_import_keeps_what_came_in(monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    job = uploaded(as_csv(lead_rows(2500)))
    importing.start_import(job, columns=importing.preview(job).mapping)
    real, calls = intake.accept, iter([False, True])

    def accept(*args: Any, **kwargs: Any) -> Any:
        if next(calls):
            jobs.cancel(BulkJob.objects.get(pk=job.pk))
        return real(*args, **kwargs)

    monkeypatch.setattr(intake, "accept", accept)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.position, job.accepted, Lead.objects.count()) == (1000, 1000, 1000)


def test_cancel_before_the_start_removes_the_file(files: Path) -> None:
    job = uploaded(as_csv(lead_rows(1)))
    jobs.cancel(job)
    job.refresh_from_db()
    assert (job.status, job.file.name, list(files.glob("*"))) == ("cancelled", "", [])
    with pytest.raises(InvalidTransition):
        jobs.cancel(job)


def test_one_of_two_workers_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    job = uploaded(as_csv(lead_rows(1)))
    importing.start_import(job, columns=importing.preview(job).mapping)
    real, seen = intake.accept, []

    def accept(*args: Any, **kwargs: Any) -> Any:
        jobs.run(job.pk)  # the other worker, at the same time
        seen.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(intake, "accept", accept)
    jobs.run(job.pk)
    assert seen == [1]


def test_a_file_that_breaks_half_way_fails_with_its_place(files: Path) -> None:
    job = uploaded(as_csv(lead_rows(1500)))
    with open(job.file.path, "a") as file:
        file.write('"' + "x" * 1_000_001)
    importing.start_import(job, columns=importing.preview(job).mapping)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error.startswith("Nothing after row 1500 is readable")
    assert not list(files.glob("*"))


def test_a_lost_file_fails_with_a_sentence() -> None:
    job = uploaded(as_csv(lead_rows(1)))
    importing.start_import(job, columns=importing.preview(job).mapping)
    Path(job.file.path).unlink()
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error) == ("failed", "The file is no longer on this server.")


def test_forgotten_uploads_and_left_files_are_cleared(files: Path) -> None:
    forgotten, fresh = uploaded(as_csv(lead_rows(1))), uploaded(as_csv(lead_rows(1)))
    BulkJob.objects.filter(pk=forgotten.pk).update(created_at=timezone.now() - datetime.timedelta(days=2))
    importing.run_due()
    forgotten.refresh_from_db()
    assert (forgotten.status, forgotten.file.name) == ("cancelled", "")
    assert [path.name for path in files.glob("*")] == [Path(fresh.file.name).name]


# ---------------------------------------------------------------- the command


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "leads.csv"


def test_command_imports_and_tells(path: Path) -> None:
    path.write_text(as_csv([*lead_rows(2), lead_row(source_type="webinar")]))
    out, err = io.StringIO(), io.StringIO()
    call_command("import_leads", str(path), stdout=out, stderr=err)
    assert "2 accepted, 0 known, 1 rejected, 0 suppressed, of 3 rows." in out.getvalue()
    assert err.getvalue().startswith("row 3: source_type must be one of")
    assert path.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "No such file"), ("", "The file is empty"), ("name\nJohn\n", "Map a column to linkedin_url")],
)
def test_command_says_what_is_wrong(path: Path, files: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=sentence):
        call_command("import_leads", str(path))
    assert not list(files.glob("*"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "linkedin_url," + ",".join(f"c{number}" for number in range(60_000)) + "\n",
            "more than 1,000 columns",
        ),
        ("linkedin_url\n" + "r" * 10_000_001, "longer than 10,000,000 characters"),
        ('{"linkedin_url": "x"}\n' + "r" * 10_000_001, "longer than 10,000,000 characters"),
    ],
)
def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path, content: str, sentence: str):
    path = tmp_path / "leads"
    path.write_text(content)
    with pytest.raises(Unreadable, match=sentence), open_rows(path) as (_, rows):
        list(rows)
