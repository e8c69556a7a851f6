"""CSV that no spreadsheet takes for formulas, streamed line by line."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the machine's own code page
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """A file that gives back what is written, so that `csv` can serve a stream."""

    def write(self, text: str) -> str:
        return text


def cell(text: str) -> str:
    """`text` such that a spreadsheet takes it for text, never for a formula; a plain number stays one."""
    if text.startswith(FORMULA) and not text.removeprefix("-").replace(".", "", 1).isdecimal():
        return f"'{text}"
    return text


def lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A CSV file's lines, the head first; None is an empty cell."""
    writer = csv.writer(Echo())
    yield BYTE_ORDER_MARK + writer.writerow(head)
    for row in rows:
        yield writer.writerow([cell("" if value is None else str(value)) for value in row])


def attachment(head: Sequence[str], rows: Iterable[Sequence[object]], name: str) -> StreamingHttpResponse:
    """The file `name` as a download that is kept by no cache."""
    answer = StreamingHttpResponse(lines(head, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
