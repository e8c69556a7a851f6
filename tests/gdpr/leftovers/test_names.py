"""A name in texts: found in each spelling, never taken out of another word, told apart from a namesake's record."""

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from gdpr.leftovers import scan
from gdpr.leftovers.names import MENTION, RECORD, NameFinder, fold, parts

ADA = NameFinder(["Ada Lovelace"])
ZOE = NameFinder(["Zoë Kowalska-Łukasiewicz"])


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, Ada Lovelace!", "ADA LOVELACE", "Lovelace, Ada", "Ada King Lovelace", "ada.lovelace_2024.csv",
        "Adá Lovelacé", "A\u0301da Lovelace", '{"text": "\\u0041da Lovelace"}', "Ada\nLovelace",
    ],
)  # fmt: skip
def test_a_name_is_found_as_people_write_it(text):
    assert ADA.find(text.encode()) == MENTION
    assert ADA.may_hold([b"nothing", text.encode()]) == [1]


@pytest.mark.parametrize(
    "text",
    ["Zoe Kowalska Lukasiewicz", "ZOË ŁUKASIEWICZ", "zoe\u0308 lukasiewicz", "Zo\\u00eb \\u0141ukasiewicz"],
)
def test_accents_do_not_matter(text):
    assert ZOE.find(text.encode()) == MENTION
    assert ZOE.may_hold([text.encode()]) == [0]


@pytest.mark.parametrize(
    "text", ["Adam Lovelace", "Ada Lovelacey", "Lovelace", "Ada " + "x" * 41 + " Lovelace", "Canada Lovelace"]
)
def test_what_is_not_the_name_is_not_found(text):
    assert ADA.find(text.encode()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "7\x1fAda\x1fLovelace\x1fada@other.example",
        '{"first_name":"ADA","last_name":"Lovelace"}',
        "Ada,Lovelace,CEO",
    ],
)
def test_a_record_with_both_as_its_values_is_of_somebody_of_this_name(text):
    assert ADA.find(text.encode()) == RECORD


@pytest.mark.parametrize(
    ("name", "two"), [("Ada", None), ("", None), ("A. B.", None), ("Dr. Ada Lovelace", ("dr", "lovelace"))]
)
def test_a_name_needs_two_words(name, two):
    assert parts(name) == two


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_is_found_was_held_possible(before, after):
    text = f"{before} Ada Lovelace {after}".encode()
    assert ADA.find(text)
    assert ADA.may_hold([b"", text]) == [1]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "ada " * 500_000 + " " * 50 + "lovelace " * 100_000,
        "\u0301\u0327" * 500_000 + "ada lovelace",
        "\\u0041" * 300_000,
    ],
)
def test_the_search_is_linear_in_the_text(text):
    ADA.may_hold([text.encode()])
    ADA.find(text.encode())


@pytest.mark.django_db
def test_names_are_found_in_rows_and_files_and_told_apart(tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE people (id int PRIMARY KEY, first_name text, last_name text, comment text)")
        cursor.execute(
            "INSERT INTO people VALUES (1, 'Ada', 'Lovelace', 'hello'), (2, 'Bob', 'Ray', 'Ada Lovelace says')"
        )
        cursor.execute("CREATE TABLE views (id int PRIMARY KEY, name text, body bytea)")
        cursor.execute("INSERT INTO views VALUES (3, 'Ada Lovelace', NULL), (4, '', %s)", [b"by Ada Lovelace"])
    (tmp_path / "Ada Lovelace.pdf").write_bytes(b"")
    (tmp_path / "import.csv").write_text("first,last\nAda,Lovelace\nBob,Ray\n")
    report = scan.scan([("name", "Ada Lovelace")], roots=[tmp_path])
    assert {(hit.place, hit.what, hit.where) for hit in report.names} == {
        ("people.(row)", (RECORD,), ("1",)), ("people.comment", (MENTION,), ("2",)),
        ("views.name", (MENTION,), ("3",)), ("views.body", (MENTION,), ("4",)),
        ("Ada Lovelace.pdf", (MENTION,), ()), ("import.csv", (RECORD,), ()),
    }  # fmt: skip
    assert len(report.mentions) == 4
    assert report.is_clean, "a name may be another person's"
    assert "lovelace" not in str(report.document()).replace("Ada Lovelace.pdf", "").lower()


def test_half_of_a_pair_in_a_body_is_read_over():
    finder = NameFinder(["Ada Lovelace"])
    body = b'{"row_id": "\\ud800", "text": "Ada Lovelace \\u00e9"}'
    assert finder.may_hold([body]) == [0]
    assert finder.find(body) == MENTION
