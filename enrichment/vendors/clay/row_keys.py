"""How a row in Clay is named: "table/row" by its id, or "source:<source>/<reference>" by the reference of its run.

A row that went in through a table's webhook has no id that anybody told us; our reference stands in its column
`swarm_ref`. `<source>` is the key of the `ClaySource`, empty where it is not known any more.
"""

from typing import Final

PREFIX: Final = "source:"


def of_row(table: str, row_id: str) -> str:
    return f"{table}/{row_id}"


def of_submission(source_id: int | None, reference: str) -> str:
    return f"{PREFIX}{source_id or ''}/{reference}"


def is_submission(key: str) -> bool:
    return key.startswith(PREFIX)


def reference_of(key: str) -> str:
    """Of a submission."""
    return key.partition("/")[2]


def source_of(key: str) -> int | None:
    """Of a submission; None where it is not known any more."""
    source = key.removeprefix(PREFIX).partition("/")[0]
    return int(source) if source.isascii() and source.isdigit() else None
