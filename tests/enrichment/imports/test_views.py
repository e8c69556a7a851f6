"""Import in the browser: upload, preview, start, progress, cancel, result; and who may."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from enrichment.imports import importing
from enrichment.models import BulkJob, Lead, RejectedRow
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from tests.factories import ImportJobFactory, lead_row, lead_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "imports"


def send(client: Client, rows: Any, name: str = "leads.json") -> HttpResponse:
    content = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    return client.post(reverse("import"), {"file": SimpleUploadedFile(name, content)})


def uploaded(client: Client, rows: Any) -> BulkJob:
    response = send(client, rows)
    job = BulkJob.objects.get()
    assert response.url == reverse("import_preview", args=[job.pk])
    return job


def mapping(**changes: str) -> dict[str, str]:
    return {name: name for name in lead_row()} | changes


def start(client: Client, job: BulkJob) -> HttpResponse:
    return client.post(reverse("import_preview", args=[job.pk]), mapping(action="start"))


def text(response: HttpResponse) -> str:
    return response.content.decode()


# ---------------------------------------------------------------- who may

PAGES = ["import_preview", "import_job", "import_progress", "import_rejections"]


@pytest.mark.parametrize("name", PAGES)
def test_who_may_see(
    name: str, client: Client, nobody_client: Client, compliance_client: Client, sales_client: Client
) -> None:
    job = uploaded(sales_client, lead_rows(1))
    for url in (reverse("import"), reverse(name, args=[job.pk])):
        assert client.get(url).status_code == 302
        assert client.get(url).url.startswith(reverse("account_login"))
        assert nobody_client.get(url).status_code == 403
        assert compliance_client.get(url).status_code == 403
        assert sales_client.get(url).status_code == 200


def test_who_may_change(client: Client, nobody_client: Client, sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    for each in (client, nobody_client):
        for name in ("import_preview", "import_cancel"):
            assert each.post(reverse(name, args=[job.pk]), mapping(action="start")).status_code in (302, 403)
        send(each, lead_rows(1))
    job.refresh_from_db()
    assert (job.status, job.columns, BulkJob.objects.count()) == ("queued", {}, 1)


def test_cancelling_is_no_get(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    assert sales_client.get(reverse("import_cancel", args=[job.pk])).status_code == 405


def test_another_persons_file_is_shown_to_those_who_may_see_personal_data(
    sales_client: Client, make_client: Callable[..., Client]
) -> None:
    job = uploaded(sales_client, [lead_row(first_name="Wilhelmina")])
    importer = make_client(name="importer")
    person = User.objects.get(email="importer@example.com")
    person.user_permissions.add(Permission.objects.get(codename="import_lead"))
    page = reverse("import_preview", args=[job.pk])
    assert "Wilhelmina" in text(sales_client.get(page))
    assert "Wilhelmina" not in text(importer.get(page))
    assert "Valid" in text(importer.get(page))


# ---------------------------------------------------------------- upload and preview


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "The file is empty."), (b"a,b\n", "no rows below the header"), (b"{x", "isn&#x27;t valid JSON")],
)
def test_an_unreadable_file_is_told_at_its_field(sales_client: Client, content: bytes, sentence: str) -> None:
    response = send(sales_client, content)
    assert response.status_code == 422
    assert sentence in text(response)
    assert not BulkJob.objects.exists()


def test_no_file_and_too_large_a_file(sales_client: Client, settings: Any) -> None:
    assert "Choose a file." in text(sales_client.post(reverse("import"), {}))
    settings.IMPORT_MAX_BYTES = 10
    assert "larger than" in text(send(sales_client, lead_rows(1)))


def test_preview_tells_what_would_happen(sales_client: Client) -> None:
    rows = [*lead_rows(11), lead_row(source_type="webinar", first_name="<b>x</b>")]
    job = uploaded(sales_client, rows)
    page = text(sales_client.get(reverse("import_preview", args=[job.pk])))
    assert "Import 12 rows" in page
    assert "source_type must be one of: competitor_follower" in page
    assert "of the first 12 rows" in page
    assert "person-9<" in page
    assert "person-10<" not in page
    assert '<option value="first_name" selected>' in page
    assert "<script>" not in page.split("<main", 1)[1]
    assert not Lead.objects.exists()


def test_mapping_can_be_corrected_and_checked(sales_client: Client) -> None:
    rows = (
        b"Adresse,Art,Quelle,Wann\n"
        + ",".join(lead_row()[name] for name in ("linkedin_url", "source_type", "source_name", "scraped_at")).encode()
    )
    job = uploaded(sales_client, rows)
    url = reverse("import_preview", args=[job.pk])
    assert "No column recognised for linkedin_url" in text(sales_client.get(url))
    refused = sales_client.post(url, {"action": "start", "linkedin_url": "Adresse"})
    assert refused.status_code == 422
    assert "Choose a column" in text(refused)
    chosen = {"linkedin_url": "Adresse", "source_type": "Art", "source_name": "Quelle", "scraped_at": "Wann"}
    checked = sales_client.post(url, chosen | {"action": "check"})
    assert checked.status_code == 200
    assert "Valid" in text(checked)
    twice = sales_client.post(url, chosen | {"action": "start", "first_name": "Quelle"})
    assert "already mapped" in text(twice)
    sales_client.post(url, chosen | {"action": "start"})
    job.refresh_from_db()
    assert job.columns == {column: field for field, column in chosen.items()}


# ---------------------------------------------------------------- running and afterwards


def test_from_upload_to_result(sales_client: Client, files: Path) -> None:
    job = uploaded(sales_client, [*lead_rows(3), lead_row(source_type="webinar")])
    response = start(sales_client, job)
    assert response.url == reverse("import_job", args=[job.pk])
    waiting = text(sales_client.get(response.url))
    assert f'hx-get="{reverse("import_progress", args=[job.pk])}"' in waiting
    assert "Waiting for a worker." in waiting
    importing.run_due()
    done = text(sales_client.get(reverse("import_progress", args=[job.pk])))
    assert "hx-trigger" not in done
    assert "4 of 4" in done
    assert "<td>Source type</td><td>Must be one of: competitor_follower" in done
    assert Lead.objects.count() == 3
    assert not list(files.glob("*"))
    person = User.objects.get(email="sales@example.com")
    assert AuditEvent.objects.get(verb="start_import").actor_id == person.pk
    assert "leads.json" in text(sales_client.get(reverse("import")))


def test_a_started_import_has_no_preview(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    start(sales_client, job)
    for response in (sales_client.get(reverse("import_preview", args=[job.pk])), start(sales_client, job)):
        assert response.url == reverse("import_job", args=[job.pk])


def test_cancel_and_cancel_again(sales_client: Client, files: Path) -> None:
    job = uploaded(sales_client, lead_rows(1))
    start(sales_client, job)
    url = reverse("import_cancel", args=[job.pk])
    assert "Cancelled" in text(sales_client.post(url, follow=True))
    assert "has already finished" in text(sales_client.post(url, follow=True))
    assert importing.run_due() == 0
    assert not Lead.objects.exists()
    assert not list(files.glob("*"))


def test_time_left_is_told_while_it_runs(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(2))
    start(sales_client, job)
    BulkJob.objects.filter(pk=job.pk).update(
        status="running", position=1, accepted=1, started_at=job.created_at, in_flight_since=job.created_at
    )
    assert "s left" in text(sales_client.get(reverse("import_progress", args=[job.pk])))


def test_rejections_as_csv_hold_no_formula(sales_client: Client) -> None:
    job = ImportJobFactory(status="done", rejected=2)
    RejectedRow.objects.create(job=job, index=0, field="=cmd()", sentence="+1, -1")
    RejectedRow.objects.create(job=job, index=4, field="source_name", sentence="source_name is required.")
    response = sales_client.get(reverse("import_rejections", args=[job.pk]))
    assert response["Content-Type"].startswith("text/csv")
    assert f'filename="import-{job.pk}-rejections.csv"' in response["Content-Disposition"]
    assert list(csv.reader(io.StringIO(response.getvalue().decode()))) == [
        ["\ufeffrow", "field", "reason"],
        ["1", "'=cmd()", "'+1, -1"],
        ["5", "source_name", "source_name is required."],
    ]


def test_no_such_import(sales_client: Client) -> None:
    assert all(sales_client.get(reverse(name, args=[1])).status_code == 404 for name in PAGES)


def test_pages_keep_the_strict_policy(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    for url in (
        reverse("import"),
        reverse("import_preview", args=[job.pk]),
        reverse("import_job", args=[job.pk]),
    ):
        page = text(sales_client.get(url))
        assert " style=" not in page
        assert " onclick=" not in page


# ---------------------------------------------------------------- what is no table, or has no lead


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "This file is an image."),
        (b"PK\x03\x04" + bytes(range(256)), "Save the sheet as CSV"),
        (bytes(range(1, 256)) * 20, "This file isn&#x27;t text"),
        (b"[1, 2, null]", "The file contains no leads"),
    ],
)
def test_what_is_no_table_is_refused(sales_client: Client, content: bytes, sentence: str) -> None:
    response = send(sales_client, content)
    assert response.status_code == 422
    assert sentence in text(response)
    assert not BulkJob.objects.exists()


def test_a_preview_without_a_valid_row_cannot_be_started(sales_client: Client) -> None:
    job = uploaded(sales_client, [lead_row(source_type="webinar")])
    page = text(sales_client.get(reverse("import_preview", args=[job.pk])))
    assert "No row can be imported" in page
    assert 'value="start"' not in page
    assert "of the first row" in page
    assert "Import 1 row<" in page
    assert start(sales_client, job).status_code == 422
    job.refresh_from_db()
    assert job.columns == {}


def test_no_two_landmarks_of_the_preview_share_their_name(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    page = text(sales_client.get(reverse("import_preview", args=[job.pk])))
    names = re.findall(r'aria-labelledby="(import-[a-z]+)"', page)
    assert names
    assert len(names) == len(set(names))


def test_an_upload_that_waits_for_its_columns_waits_for_a_person(sales_client: Client) -> None:
    job = uploaded(sales_client, lead_rows(1))
    for address in (reverse("import"), reverse("jobs"), reverse("import_job", args=[job.pk])):
        assert "Waiting for you" in text(sales_client.get(address))
    assert "1 upload waiting for you to map columns." in text(sales_client.get(reverse("jobs")))
    start(sales_client, job)
    for address in (reverse("import"), reverse("jobs"), reverse("import_job", args=[job.pk])):
        assert "Waiting for you" not in text(sales_client.get(address))
