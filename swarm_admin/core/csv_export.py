"""CSV that no spreadsheet takes for formulas, streamed line by line: the one place that writes it.

Why not defusedcsv: it leaves cells that begin with a tab or a line break to be computed, changes what it makes inert
(| becomes \\|) and takes nearly three times as long; and PostgreSQL, which copies long lists, needs the rule in SQL.
"""

import csv
import datetime
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse
from django.utils import timezone

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the machine's own code page
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # OWASP, CSV injection
BLOCK = 64_000  # characters


class _EchoFile:
    """A file that gives back what is written, so that `csv` can serve a stream."""

    def write(self, text: str) -> str:
        return text


def cell(text: str) -> str:
    """`text` such that a spreadsheet takes it for text, never for a formula; a plain number stays one."""
    if text.startswith(FORMULA) and not text.removeprefix("-").replace(".", "", 1).isdecimal():
        return f"'{text}"
    return text


def line(values: Iterable[object]) -> str:
    """One line and its end; None is an empty cell."""
    written: str = csv.writer(_EchoFile()).writerow([cell("" if value is None else str(value)) for value in values])
    return written


def lines(head: Sequence[str], rows: Iterable[Iterable[object]], *, mark: bool = True) -> Iterator[str]:
    """A file's lines, the head first. `mark`: with the byte order mark, for those who open it in Excel."""
    yield (BYTE_ORDER_MARK if mark else "") + line(head)
    yield from map(line, rows)


def join_blocks(text: Iterable[str]) -> Iterator[str]:
    """The same in fewer and longer pieces: each costs its way through the server."""
    block, size = [], 0
    for each in text:
        block.append(each)
        size += len(each)
        if size > BLOCK:
            yield "".join(block)
            block, size = [], 0
    yield "".join(block)


def attachment(head: Sequence[str], rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """The file `name` as a download that is kept by no cache."""
    return download(lines(head, rows), name)


def download(text: Iterable[str], name: str) -> StreamingHttpResponse:
    """`attachment` of lines that are written elsewhere: PostgreSQL copies the long lists."""
    answer = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def dated_name(name: str) -> str:
    """ "leads" → "leads-2026-01-15.csv", by the day in UTC."""
    return f"{name}-{timezone.now().astimezone(datetime.UTC):%Y-%m-%d}.csv"
