"""The list of leads as a CSV file: streamed from the server's cursor, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator, Sequence

from enrichment.leads.columns import Column, fields_of
from enrichment.models.lead import LeadQuerySet

CHUNK = 2_000
BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the machine's own code page
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that gives back what is written, so that `csv` can serve a stream."""

    def write(self, text: str) -> str:
        return text


def cell(text: str) -> str:
    """`text` such that a spreadsheet takes it for text, never for a formula; a plain number stays one."""
    if text.startswith(FORMULA) and not _is_number(text):
        return f"'{text}"
    return text


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def rows(leads: LeadQuerySet, columns: Sequence[Column], *, unmasked: bool) -> Iterator[str]:
    """The file's lines, `leads` in their order, read through a server-side cursor."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow([column.label for column in columns])
    for lead in leads.only(*fields_of(columns)).iterator(chunk_size=CHUNK):
        yield writer.writerow([cell(column.exported(lead, unmasked=unmasked)) for column in columns])
