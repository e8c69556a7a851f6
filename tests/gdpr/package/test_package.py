"""What an access request hands out: complete, honest about sources and recipients, and harmless to open."""

import csv
import datetime
import io
import json
import re
import zlib
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from gdpr.models import AuditEvent, RequestDocument
from gdpr.package import document, files, pdf, render
from gdpr.requests import message_actions
from gdpr.states import RequestStatus
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk

NASTY = {
    "title": '=HYPERLINK("http://evil.example","x")',
    "note": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "plus": "+49 30 1",
    "tab": "\t=1+1",
    "names": "Ада Łukasz Ωmega 山田",
    "list": ["a", "b"],
    "number": -12.5,
}


@pytest.fixture
def packed(desk: Desk):
    """An access request whose package lies ready."""
    for store in desk.places.values():
        store.records["1"].values |= NASTY
    return desk.work(desk.identified("access"))


def told(packed: Any) -> dict[str, Any]:
    return json.loads(files.download(packed.documents.get(kind="json"), by=None))


def test_all_items_of_the_article_are_there(packed):
    said = told(packed)
    assert said["a"] == {"purposes": ["sales outreach"], "legal_basis": document.LEGAL_BASIS}
    assert "Job title" in said["b"]
    recipient = said["c"][0]
    assert (recipient["recipient"], recipient["fields"], recipient["times"]) == ("A partner", ["email"], 1)
    assert {each["where"] for each in said["d"]} == {"Crm", "Mailer", "Mirror"}
    assert any("Art. 21" in right for right in said["e"])
    assert "supervisory authority" in said["f"]
    assert said["g"][0]["source"] == "apollo"
    assert said["h"]["rules"] == [{"rule": "Title", "matched": "VP", "points": 25}]
    assert len(said["records"]) == 3
    assert said["left_out"] == 1


def test_every_value_has_its_source_and_time(packed):
    for record in told(packed)["records"]:
        for datum in record["data"]:
            assert (datum["source"], datum["obtained_at"]) == ("apollo", "2026-01-15T10:00:00Z")


def test_the_neighbour_is_in_none_of_the_files(packed):
    for kept in packed.documents.all():
        content = files.download(kept, by=None)
        streams = b"".join(
            zlib.decompress(each) for each in re.findall(rb"stream\n(\x78.+?)\nendstream", content, re.S)
        )
        assert b"bob" not in (content + streams).lower()


def test_the_table_holds_no_formula(packed):
    content = files.download(packed.documents.get(kind="csv"), by=None).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert not [row for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "\t"))]
    assert "-12.5" in {row["value"] for row in rows}


def test_the_page_holds_no_markup_of_a_value(packed):
    page = files.download(packed.documents.get(kind="html"), by=None).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert "default-src 'none'" in page
    assert '<html lang="en">' in page
    assert page.count("<h2>") == 9


def test_the_pdf_is_tagged_titled_and_says_what_it_cannot_draw(packed):
    content = files.download(packed.documents.get(kind="pdf"), by=None)
    assert content.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in content
    assert b"/MarkInfo" in content
    assert b"/Lang" in content
    assert b"/Outlines" in content
    assert re.search(rb"/S /H1\b", content)
    page = pdf.Page("x")
    assert page.known("Łukasz Ада Ω 山") == "Łukasz Ада Ω [U+5C71]"
    page.close_fonts()


def test_a_long_value_goes_over_pages(packed):
    said = told(packed)
    said["records"][0]["data"][0]["value"] = "word " * 4_000
    content = pdf.as_pdf(said)
    assert int(re.search(rb"/Count (\d+)", content).group(1)) > 3


def test_nothing_held_is_said_plainly(desk: Desk):
    for store in desk.places.values():
        store.records.clear()
    request = desk.work(desk.identified("access"))
    page = files.download(request.documents.get(kind="html"), by=None).decode()
    assert "hold no data about you" in page
    assert pdf.as_pdf(told(request)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "yes"), (["a", 2], "a, 2"), ({"b": 1}, '{"b": 1}'), ([{"a": 1}], '[{"a": 1}]')],
)
def test_values_as_people_read_them(value: Any, text: str):
    assert render.as_text(value) == text


# ---------------------------------------------------------------- the files


def test_a_download_is_logged_and_counted(packed, officer):
    kept = packed.documents.get(kind="pdf")
    files.download(kept, by=officer)
    kept.refresh_from_db()
    assert (kept.downloads, kept.last_download_by) == (1, officer)
    event = AuditEvent.objects.get(verb="download_document")
    assert (event.actor_id, event.reason) == (officer.pk, "pdf")
    assert files.file_name(kept) == f"{packed.reference}-data.pdf"


def test_files_have_names_that_say_nothing(packed):
    for kept in packed.documents.all():
        assert re.fullmatch(r"requests/[0-9a-f]{32}\.\w+", kept.file.name)


def test_expired_files_are_erased_and_not_handed_out(packed):
    names = [kept.file.name for kept in packed.documents.all()]
    RequestDocument.objects.update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    kept = packed.documents.first()
    with pytest.raises(ActionNotAllowed, match="expired"):
        files.download(kept, by=None)
    assert files.expire_due() == 4
    assert not any(default_storage.exists(name) for name in names)
    assert set(packed.documents.values_list("file", flat=True)) == {""}
    assert files.expire_due() == 0


def test_a_file_that_was_changed_is_not_handed_out(packed):
    kept = packed.documents.get(kind="json")
    with open(kept.file.path, "ab") as opened:
        opened.write(b" ")
    with pytest.raises(ActionNotAllowed, match="This file was altered"):
        files.download(kept, by=None)


def test_a_package_made_twice_leaves_one(packed):
    before = {kept.file.name for kept in packed.documents.all()}
    files.build(packed)
    assert packed.documents.count() == 4
    assert not any(default_storage.exists(name) for name in before)


def test_the_copies_go_with_the_end_of_the_request(desk: Desk, packed):
    from gdpr.requests import forget

    message_actions.mark_copied(packed.messages.get(template__slug="completion"), by=desk.officer)
    request = desk.work(packed)
    assert request.status == RequestStatus.COMPLETED
    forget.drop_results()
    assert not request.steps.filter(action="export").exclude(result=None).exists()
