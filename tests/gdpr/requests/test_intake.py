"""Requests by form, list and pasted e-mail: what is taken, and what is said of the rest."""

import datetime

import pytest
from django.utils import timezone
from pydantic import ValidationError

from gdpr.identity.validation import sentences
from gdpr.models import SubjectRequest
from gdpr.requests import intake, intake_csv, intake_email
from gdpr.requests.intake import RequestIn
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk

ROW = {"kind": "access", "emails": "Ada@Acme.example ada@home.example", "phone": "+49 30 123456"}


def test_a_row_is_read_and_normalised():
    entry = intake.read(ROW)
    assert entry.emails == ["ada@acme.example", "ada@home.example"]
    assert entry.phone == "+4930123456"
    assert (entry.regime, entry.calendar) == ("eu", "DE")


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"emails": "", "phone": ""}, "", "Enter at least one of"),
        ({"emails": "not-an-address"}, "emails.0", "isn't a valid e-mail address"),
        ({"phone": "12"}, "phone", "isn't a valid phone number"),
        ({"kind": "curiosity"}, "kind", "isn't a valid request type"),
        ({"received_at": "2026-01-01T10:00:00"}, "received_at", "needs a date, a time and a UTC offset, as in"),
        ({"received_at": "1764495000"}, "received_at", "needs a date, a time and a UTC offset, as in"),
        ({"received_at": 1764495000}, "received_at", "needs a date, a time and a UTC offset, as in"),
        ({"concerns": -5}, "concerns", "greater than or equal to 1"),
        ({"concerns": 10**30}, "concerns", "less than or equal to"),
        ({"received_at": "2999-01-01T10:00:00Z"}, "received_at", "future"),
        ({"name": "n" * 201}, "name", "name is invalid: string should have at most 200"),
        ({"calendar": "Atlantis"}, "calendar", "calendar"),
        ({"kind": "rectification"}, "", "at least one field"),
        ({"kind": "rectification", "values": {"shoe": "43"}}, "", "Unknown field"),
        ({"values": {"title": "x"}}, "", "Only a rectification"),
        ({"kind": "withdrawal"}, "", "Enter the request"),
        ({"shoe": "43"}, "shoe", "isn't a request field"),
        ({"name": "a\x00b"}, "name", "can't be stored"),
    ],
)
def test_what_cannot_be_taken_is_said_without_repeating_it(change: dict, field: str, sentence: str):
    with pytest.raises(ValidationError) as refused:
        intake.read({**ROW, **change})
    told = sentences(refused.value)
    assert any(name == field and sentence in text for name, text in told), told
    assert "not-an-address" not in str(told)


def test_values_are_cleaned_by_who_knows_the_field():
    entry = intake.read({**ROW, "kind": "rectification", "values": {"name": "ada lovelace"}})
    assert entry.values == {"name": "Ada Lovelace"}


def test_the_schema_of_the_api_names_every_field():
    names = set(RequestIn.model_json_schema()["properties"])
    assert {*intake_csv.COLUMNS, "values"} == names


# ---------------------------------------------------------------- lists

LIST = """kind,received_at,name,emails,linkedin_url,value:title
erasure,2026-01-15T10:00:00Z,Ada,ada@acme.example,,
rectification,2026-01-15T10:00:00+01:00,Bob,bob@acme.example,,VP
access,,Eve,,,
"""


def test_a_list_is_read_row_by_row():
    rows = intake_csv.parse(LIST.encode())
    assert [row.number for row in rows] == [2, 3, 4]
    assert rows[0].entry is not None
    assert rows[0].entry.kind == "erasure"
    assert rows[1].entry is not None
    assert rows[1].entry.values == {"title": "VP"}
    assert rows[2].entry is None
    assert "Enter at least one of" in rows[2].errors[0][1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no rows"),
        (b"kind,emails\n", "no rows"),
        (b"what,emails\nx,y\n", "The header has no .kind. column"),
        (b"kind,shoe\naccess,43\n", "Unknown column .shoe"),
        (b'kind,emails\naccess,"open\n', "Invalid CSV"),
        ("kind,name\naccess,\xe4\n".encode("latin-1"), "isn't UTF-8"),
        (b"kind,emails\n" + b"access,a@b.example\n" * 501, "up to 500 requests at once"),
        (b"kind," * 300 + b"\n" + b"access\n" * 100_000, "more than 200 columns"),
    ],
)
def test_a_file_that_is_no_list_is_refused(content: bytes, sentence: str):
    with pytest.raises(ActionNotAllowed, match=sentence):
        intake_csv.parse(content)


def test_semicolons_and_short_rows():
    rows = intake_csv.parse("\ufeffkind;emails\r\nAccess;ada@acme.example\r\naccess\r\n".encode())
    assert rows[0].entry is not None
    assert rows[1].errors == [("", "The row and the header have different numbers of cells.")]


def test_good_rows_are_opened_together(desk: Desk):
    opened = intake_csv.open_requests(intake_csv.parse(LIST.encode()), by=desk.officer)
    assert [(each.kind, each.channel) for each in opened] == [("erasure", "csv"), ("rectification", "csv")]
    with pytest.raises(ActionNotAllowed, match="None of these rows is valid"):
        intake_csv.open_requests(intake_csv.parse(b"kind,emails\naccess,\n"), by=desk.officer)


def test_one_row_that_cannot_be_opened_opens_none(desk: Desk):
    rows = intake_csv.parse(b"kind,emails,concerns\naccess,a@b.example,\nwithdrawal,,99\n")
    with pytest.raises(ActionNotAllowed, match="Row 3: No request with this number"):
        intake_csv.open_requests(rows, by=desk.officer)
    assert not SubjectRequest.objects.exists()


# ---------------------------------------------------------------- pasted e-mail

RAW = """Received: from mail.example by mx.controller.example; Thu, 15 Jan 2026 11:00:05 +0100
From: =?utf-8?q?Ada_L=C3=B6velace?= <Ada@Acme.example>
To: privacy@controller.example
Date: Thu, 15 Jan 2026 11:00:00 +0100
Subject: My data
Message-ID: <1@acme.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

Please delete everything you hold about me, Article 17.
My profile: https://www.linkedin.com/in/ada, phone +49 30 123456. I also use ada@home.example.

On 14 January 2026 Sales wrote:
> Unsubscribe by writing to sales@controller.example
--b
Content-Type: text/html; charset="utf-8"

<p>ignored</p>
--b--
"""


def test_a_raw_message_is_read():
    draft = intake_email.parse(RAW)
    assert (draft.kind, draft.name, draft.contact_email) == ("erasure", "Ada Lövelace", "ada@acme.example")
    assert draft.received_at == datetime.datetime(2026, 1, 15, 10, tzinfo=datetime.UTC)
    assert draft.linkedin_url == "https://www.linkedin.com/in/ada"
    assert draft.emails == ["ada@acme.example", "ada@home.example"], "what is quoted is not the person's"
    assert draft.phone == "+4930123456"
    entry = intake.read(draft.initial() | {"received_at": draft.received_at.isoformat()})
    assert entry.kind == "erasure"


def test_what_a_mail_program_copies_is_read_too():
    draft = intake_email.parse(
        "Von: Ada Example <ada@acme.example>\nGesendet: heute\nBetreff: Werbung\n\nIch widerspreche der Nutzung."
    )
    assert (draft.kind, draft.contact_email, draft.received_at) == ("objection", "ada@acme.example", None)
    assert any("read the date of receipt. Enter it" in note for note in draft.notes)


def test_html_only_is_read_as_text_and_scripts_are_not():
    draft = intake_email.parse(
        "MIME-Version: 1.0\nFrom: a@b.example\nContent-Type: text/html\n\n"
        "<style>p{}</style><script>erase()</script><p>What data do you hold?</p>"
    )
    assert draft.kind == "access"
    assert "erase" not in draft.text


@pytest.mark.parametrize(
    "pasted",
    ["", "\x00", "From: \n\n", "From: <>\nDate: x\n\n" + "a" * 300_000, "MIME-Version: 1.0\nFrom: @\n\n"],
)
def test_nothing_pasted_breaks_it(pasted: str):
    draft = intake_email.parse(pasted)
    assert draft.kind is None
    assert len(draft.text) <= 20_000


@pytest.mark.parametrize(
    "date", ["Mon, 1 Jan 2024 00:00:00 +99999999999999", "Mon, 1 Jan 99999 00:00:00 +0000", "1" * 5_000]
)
def test_a_date_that_cannot_be_is_left_to_the_officer(date: str):
    assert intake_email.parse(f"From: a@b.example\nDate: {date}\n\nHello").received_at is None


@pytest.mark.parametrize(
    "line",
    [
        "On Monday Sales wrote:",
        "Am 1. Mai schrieb Ada:",
        "-- Original Message",
        "--- Ursprüngliche Nachricht",
    ],
)
def test_what_stands_behind_the_line_before_a_quote_is_not_the_persons(line: str):
    draft = intake_email.parse(f"From: a@b.example\n\nHello\n{line}\nDelete me, says bob@acme.example")
    assert (draft.kind, draft.emails) == (None, ["a@b.example"])


@pytest.mark.parametrize("line", ["On wrote:", "Am schrieb :", "On Monday we wrote: this", "Am Montag schrieb er"])
def test_a_sentence_that_looks_like_such_a_line_is(line: str):
    assert intake_email.parse(f"From: a@b.example\n\n{line}\nDelete me").kind == "erasure"


def test_a_header_of_any_length_and_depth_is_read_as_far_as_it_can_be():
    for sender in ("(" * 100_000, '"Ada" <ada@acme.example>' + " (x)" * 50_000):
        draft = intake_email.parse(f"MIME-Version: 1.0\nFrom: {sender}\nSubject: My data\n\nDelete me")
        assert len(draft.name) <= 200
    many = "MIME-Version: 1.0\n" + "Content-Type: text/plain\n" * 300
    assert intake_email.parse(f"{many}\nDelete me").kind == "erasure"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Please send me a copy of my data", "access"),
        ("I object to your e-mails", "objection"),
        ("My job title is wrong", "rectification"),
        ("Please restrict the processing", "restriction"),
        ("I want data portability", "portability"),
        ("I withdraw my request", "withdrawal"),
        ("Bitte löschen Sie meine Daten", "erasure"),
        ("Hello, how are you?", None),
    ],
)
def test_the_kind_is_guessed_by_the_words(words: str, kind: str | None):
    assert intake_email.guess_kind(words) == kind


def test_the_time_of_receipt_is_never_in_the_future():
    draft = intake_email.parse("From: a@b.example\nDate: Thu, 15 Jan 2099 11:00:00 +0100\n\nHello")
    assert draft.received_at is not None
    assert draft.received_at <= timezone.now()


@pytest.mark.parametrize(
    "spelt",
    [
        "stay-away@acme.example\u200b",
        "stay-away@acme.example\u202e",
        "Stay-Away@ACME.example",
        "mailto:stay-away@acme.example",
    ],
)
def test_an_address_in_any_spelling_comes_in_as_its_one_key(spelt):
    asked = RequestIn(kind="objection", emails=[spelt], contact_email=spelt)
    assert (asked.emails, asked.contact_email) == (["stay-away@acme.example"], "stay-away@acme.example")


@pytest.mark.parametrize("number", ["+1 111 111 1111", "000-000-0000", "555-0134", "0170 1234567"])
def test_a_number_that_nobody_has_is_refused(number):
    with pytest.raises(ValidationError, match="isn't a valid phone number"):
        RequestIn(kind="objection", phone=number)


def test_a_number_with_the_digit_for_home_is_the_same_number():
    assert RequestIn(kind="objection", phone="+1 (0) 415 555 1234").phone == "+14155551234"
