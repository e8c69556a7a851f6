"""Cells that no spreadsheet computes, and files that are kept by no cache."""

import csv
import datetime
import io

import pytest

from swarm_admin.core import csv_export
from swarm_admin.core.csv_export import BYTE_ORDER_MARK, attachment, cell, dated_name, join_blocks, line, lines


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-x", "--1", "-1-1", "@sum", "\t=1", "\r=1", "\n=1", "-", "+1", "-1e5"]
)
def test_what_a_spreadsheet_may_compute_becomes_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "-5", "-1.25", "-.5", "5", "'=1", " =1", "ada@acme.example"])
def test_everything_else_stays_as_it_is(text):
    assert cell(text) == text


def test_a_line_is_quoted_where_it_must_be_and_nothing_is_empty():
    assert line(["a", None, 0, -1.5, 'x"y', "c,d", "=e\nf"]) == 'a,,0,-1.5,"x""y","c,d","\'=e\nf"\r\n'


def test_a_file_begins_with_its_mark_and_its_head():
    assert list(lines(("A", "=B"), [(1, 2), (3, None)])) == [f"{BYTE_ORDER_MARK}A,'=B\r\n", "1,2\r\n", "3,\r\n"]
    assert list(lines(("A",), [], mark=False)) == ["A\r\n"]


def test_each_row_is_read_only_when_its_line_is_taken():
    read = []
    taken = lines(("A",), ([read.append(n) or n] for n in range(3)))
    assert [next(taken), next(taken)] == [f"{BYTE_ORDER_MARK}A\r\n", "0\r\n"]
    assert read == [0]


def test_blocks_are_whole_lines_and_together_the_same(monkeypatch):
    monkeypatch.setattr(csv_export, "BLOCK", 9)
    assert list(join_blocks(["12345", "67890", "abc", "d"])) == ["1234567890", "abcd"]
    assert list(join_blocks(["123456789", "0"])) == ["1234567890", ""]


def test_a_download_is_named_and_kept_by_no_cache():
    answer = attachment(("A",), [["é"]], "x.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="x.csv"'
    assert answer["Cache-Control"] == "no-store"
    assert list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig")))) == [["A"], ["é"]]


def test_a_file_is_named_after_the_day_in_utc(monkeypatch):
    at = datetime.datetime.fromisoformat("2026-01-16T01:00:00+02:00")
    monkeypatch.setattr(csv_export.timezone, "now", lambda: at)
    assert dated_name("leads") == "leads-2026-01-15.csv"
