"""Reading an import file: CSV in the usual encodings and dialects, or JSON; streamed, one row at a time."""

import codecs
import contextlib
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, TextIO

from enrichment.pipeline.intake_rows import LeadIn
from swarm_admin.core.clean_text import cleaned

PIECE = 1 << 16
MAX_NAME = 100  # characters of a column's name
MAX_COLUMNS = 1_000
MAX_CELL = 1_000_000  # characters; past it a quote was opened and never closed
MAX_DOCUMENT = 10_000_000  # characters of one JSON row, and of one line of any file
DELIMITERS = ",;\t"
DECODER = json.JSONDecoder()
SPACE = re.compile(r"[ \t\r\n]*")
EXTRA = "\x00extra"  # key under which a row says that it has more cells than the header
csv.field_size_limit(MAX_CELL)

ALIASES = {
    "linkedin_url": "linkedin linkedinprofile linkedinprofileurl profileurl publicprofileurl personlinkedinurl "
    "linkedinlink profile url",
    "first_name": "firstname first givenname forename vorname prenom",
    "last_name": "lastname last surname familyname nachname nom",
    "company_name": "companyname company organisation organization employer firma account",
    "source_type": "sourcetype leadtype type",
    "source_name": "sourcename source leadsource",
    "source_url": "sourceurl sourcelink",
    "engagement_action": "engagementaction action engagement",
    "engagement_content": "engagementcontent comment commenttext content",
    "scraped_at": "scrapedat scraped scrapedate scrapedtime collectedat timestamp date",
}


class Unreadable(Exception):
    """A file that cannot be read, with a sentence that holds nothing of its contents."""


Rows = Iterator[Any]


@contextlib.contextmanager
def open_rows(path: str | Path) -> Iterator[tuple[list[str], Rows]]:
    """The names of the columns and every row as {column: value}, while the file is open.

    An empty row is None, so that the numbers of the others stay what the person sees in the file; a JSON
    value that is no object comes as it is. JSON has the columns of its first thousand rows.

    Raises:
        Unreadable: at once for what the beginning shows, while iterating for the rest.
    """
    _refuse_what_is_no_text(path)
    with open(path, encoding=_encoding(path), errors="replace", newline="") as text:
        start = _peek(text).lstrip()
        if not start:
            raise Unreadable("The file is empty.")
        yield _json(text, start) if start[0] in "[{" else _csv(text)


# What people choose by mistake, by the bytes that such a file begins with.
NO_TABLES = {
    b"PK\x03\x04": "an Excel workbook or an archive. Save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "compressed. Unpack it first",
}
CONTROLS = frozenset(range(32)) - frozenset(b"\x00\t\n\x0b\x0c\r")  # NUL is every other byte of UTF-16
MOST_CONTROLS = 0.04  # of the first bytes; noise has a tenth, text none


def _refuse_what_is_no_text(path: str | Path) -> None:
    with open(path, "rb") as file:
        start = file.read(4096)
    for mark, what in NO_TABLES.items():
        if start.startswith(mark):
            raise Unreadable(f"This file is {what}.")
    if sum(byte in CONTROLS for byte in start) > MOST_CONTROLS * len(start):
        raise Unreadable("This file isn't text. Choose a CSV or JSON file.")


def guess_mapping(columns: Iterable[str]) -> dict[str, str]:
    """{column: field of the lead} for the headers we know; each field once, exact names first."""
    left = {name: _normalised_header(name) for name in columns}
    mapping: dict[str, str] = {}
    for known in ({n: _normalised_header(n) for n in LeadIn.model_fields}, ALIASES):
        for field, spellings in known.items():
            if field in mapping.values():
                continue
            # In the order of the aliases: "LinkedIn URL" is meant before "URL".
            match = next((c for s in spellings.split() for c, plain in left.items() if plain == s), None)
            if match is not None:
                mapping[match] = field
                del left[match]
    return mapping


def _normalised_header(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _encoding(path: str | Path) -> str:
    """By its mark, else UTF-16 where every other byte is NUL, else UTF-8 if all of it is, else cp1252."""
    with open(path, "rb") as file:
        start = file.read(PIECE)
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        even, odd = start[0:200:2].count(0), start[1:200:2].count(0)
        if len(start) > 1 and max(even, odd) > len(start[:200]) // 4 and not min(even, odd):
            return "utf-16-le" if odd else "utf-16-be"
        return "utf-8" if _is_utf8(start, file) else "cp1252"


def _is_utf8(start: bytes, file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
        while piece := file.read(PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _peek(text: TextIO) -> str:
    start = text.read(PIECE)
    text.seek(0)
    return start


# ---------------------------------------------------------------- CSV


def _csv(text: TextIO) -> tuple[list[str], Rows]:
    start = _peek(text)
    delimiter = _delimiter(start)
    if re.match(r"sep=.\r?\n", start, re.IGNORECASE):  # Excel's hint to itself
        text.readline()
    reader = csv.reader(_bounded_lines(text), delimiter=delimiter)
    try:
        header = next(filter(any, reader), [])
    except csv.Error:
        raise Unreadable("The first row is unreadable: a quotation mark is never closed.") from None
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"The first row has more than {MAX_COLUMNS:,} columns.")
    if any("linkedin.com/" in cell.lower() for cell in header):
        raise Unreadable("The first row must be a header, but it contains a lead.")
    columns = _distinct(header)
    return columns, _csv_rows(reader, columns)


def _bounded_lines(text: TextIO) -> Iterator[str]:
    """The lines of a file, none of which may fill the memory."""
    while line := text.readline(MAX_DOCUMENT + 1):
        if len(line) > MAX_DOCUMENT:
            raise Unreadable(f"A line is longer than {MAX_DOCUMENT:,} characters.")
        yield line


def _delimiter(start: str) -> str:
    """The one under which most headers are known to us, then most columns."""
    if match := re.match(r"sep=(.)\r?\n", start, re.IGNORECASE):
        return match[1]

    def score(delimiter: str) -> tuple[int, int]:
        header = next(filter(any, csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)), [])
        return len(guess_mapping(_distinct(header[:MAX_COLUMNS]))), len(header)

    try:
        return max(DELIMITERS, key=score)
    except csv.Error:
        return ","


def _distinct(header: list[str]) -> list[str]:
    columns: list[str] = []
    used_names: set[str] = set()
    for number, cell in enumerate(header, 1):
        name = cleaned(cell)[:MAX_NAME] or f"Column {number}"
        columns.append(name if name not in used_names else f"{name} ({number})")
        used_names.add(columns[-1])
    return columns


def _csv_rows(reader: Iterator[list[str]], columns: list[str]) -> Rows:
    width = len(columns)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):  # noqa: B007 - told when the next one cannot be read
            if not any(cells):
                yield None
                continue
            row: dict[str, Any] = dict(zip(columns, cells, strict=False))
            if any(cells[width:]):
                row[EXTRA] = True
            yield row
    except csv.Error:
        raise Unreadable(f"Nothing after row {number} is readable: a quotation mark is never closed.") from None


# ---------------------------------------------------------------- JSON


def _json(text: TextIO, start: str) -> tuple[list[str], Rows]:
    """An array, an object with the array "leads", JSON lines, or one lead."""
    opening = re.match(r'\ufeff?\s*(?:\[|\{\s*"leads"\s*:\s*\[)', start)
    columns: dict[str, None] = {}
    number = -1
    for number, row in enumerate(_json_rows(text, opening)):
        columns.update(dict.fromkeys(row if isinstance(row, dict) else ()))
        if number >= 1000:
            break
    if number >= 0 and not columns:
        raise Unreadable("The file contains no leads: none of its values is an object with named fields.")
    text.seek(0)
    return [name for name in columns if name.isprintable() and len(name) <= MAX_NAME], _json_rows(text, opening)


def _json_rows(text: TextIO, opening: re.Match[str] | None) -> Rows:
    for value in _array(text) if opening else _lines(text):
        yield "" if value is None else value  # null is no empty row: it is refused


def _array(text: TextIO) -> Rows:
    """The elements of the first array of the text, decoded as they are read."""
    buffer, number = "", 0
    while "[" not in buffer:
        buffer += text.read(PIECE)
    at = _after_space(buffer, buffer.index("[") + 1)
    while not buffer.startswith("]", at):
        element = _element(buffer, at)
        if element is None:
            buffer = buffer[at:]
            piece = text.read(max(PIECE, len(buffer)))
            if not piece or len(buffer) > MAX_DOCUMENT:
                raise Unreadable(f"The file isn't valid JSON after row {number}.")
            buffer += piece
            at = _after_space(buffer, 0)
            continue
        value, at = element
        number += 1
        yield value


def _element(buffer: str, at: int) -> tuple[Any, int] | None:
    """The element at `at` and where the next one begins; None where the buffer does not hold all of it."""
    try:
        value, end = DECODER.raw_decode(buffer, at)
    except (ValueError, RecursionError):
        return None
    end = _after_space(buffer, end)
    if buffer[end : end + 1] not in (",", "]"):  # a number may go on in the next piece
        return None
    return value, _after_space(buffer, end + 1) if buffer[end] == "," else end


def _after_space(buffer: str, at: int) -> int:
    return SPACE.match(buffer, at).end()  # type: ignore[union-attr]


def _lines(text: TextIO) -> Iterator[Any]:
    """A value for each line; a line that is none comes as null."""
    try:
        whole = json.loads(_peek(text))
    except (ValueError, RecursionError):
        whole = None
    text.seek(0)
    if whole is not None:
        yield whole
        return
    good = 0
    for line in _bounded_lines(text):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
            if not good:
                raise Unreadable("The file isn't valid JSON: use an array or one lead per line.") from None
        good += 1
        yield value
