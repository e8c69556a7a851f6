"""The list of leads as a CSV file: streamed by COPY, safe to open in a spreadsheet."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, DateTimeField, F, Func, TextField

from enrichment.leads.columns import Column
from enrichment.models import Lead
from enrichment.models.lead_queries import LeadQuerySet
from swarm_admin.core.csv_export import BYTE_ORDER_MARK, line
from swarm_admin.core.masking import DOTS

BLOCK = 64_000  # bytes


def rows(leads: LeadQuerySet, columns: Sequence[Column], *, unmasked: bool) -> Iterator[str]:
    """The file: its head, then lines in blocks, `leads` in their order; those that are only kept left out.

    PostgreSQL writes the lines (COPY): a million leads are no million objects of ours.
    """
    yield BYTE_ORDER_MARK + line(column.label for column in columns)
    cells = {f"cell_{place}": _cell(column, unmasked) for place, column in enumerate(columns)}
    try:
        sql, params = leads.usable().annotate(**cells).values_list(*cells).query.sql_with_params()
    except EmptyResultSet:
        return
    block: list[bytes] = []
    size = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as lines:
        for each in lines:  # a whole one
            block.append(bytes(each))
            size += len(each)
            if size > BLOCK:
                yield b"".join(block).decode()
                block, size = [], 0
    yield b"".join(block).decode()


def _cell(column: Column, unmasked: bool) -> Any:
    """What `Column.value` gives, as text; masked as `masking.mask` does; NULL where there is nothing."""
    if column.copied is None:
        field = Lead._meta.get_field(column.needs[0])
        if isinstance(field, DateTimeField):
            return Moment(F(field.name))
        if not isinstance(field, CharField | TextField):
            return F(field.name)
    value: Any = column.copied or F(column.needs[0])
    if column.right:
        return value
    return Text(value if unmasked or not column.mask else MASKS[column.mask](value))


class Moment(Func):
    """ISO 8601 in UTC."""

    template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    output_field = TextField()


class Text(Func):
    """A text that a spreadsheet takes for text, as `cell` has it; nothing is NULL."""

    template = r"nullif(regexp_replace(%(expressions)s, '^(?=[-=+@\t\r\n])(?!-?(\d+\.?\d*|\.\d+)$)', ''''), '')"
    output_field = TextField()


class MaskedName(Func):
    template = r"upper(regexp_replace(%(expressions)s, '(\S)\S*', '\1.', 'g'))"
    output_field = TextField()


class MaskedEmail(Func):
    template = rf"regexp_replace(%(expressions)s, '^(.).*$', '\1{DOTS}@{DOTS}')"
    output_field = TextField()


class MaskedPhone(Func):
    template = rf"regexp_replace(%(expressions)s, '^.*?(.?.)$', '{DOTS} \1')"
    output_field = TextField()


class MaskedText(Func):
    template = f"regexp_replace(%(expressions)s, '^.+$', '{DOTS}')"
    output_field = TextField()


MASKS = {"name": MaskedName, "email": MaskedEmail, "phone": MaskedPhone, "text": MaskedText}
