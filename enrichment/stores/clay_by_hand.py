"""What a person does in Clay where no call can: which table, which row, what to press, and what proves it."""

from collections.abc import Iterable

from enrichment.models import ClaySource
from enrichment.stores import clay_submissions, people, texts
from enrichment.vendors.clay import row_keys
from enrichment.vendors.clay.record import CLAY
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.clay.template import REFERENCE
from gdpr.stores import Capability, Record

_FIND = (
    f"In Clay, open {{table}} and search it for {{reference}}. The row with it in the column {REFERENCE} is the one."
)
SUBMISSION = {
    Capability.EXPORT: (
        f"{_FIND} Enter below what its cells hold, a line for each column, and as proof when you looked and who did."
    ),
    Capability.RECTIFY: (
        f"{_FIND} Note what its cells hold now, then double-click each cell and enter the new value. Enter the old "
        "values below, and as proof when you changed them and what the row shows now."
    ),
    Capability.ERASE: (
        f"{_FIND} If the row is still being enriched, wait until it is not. Select the row, press Delete row and "
        "confirm. If there is no such row, say so. Enter as proof when you deleted it and who did."
    ),
    Capability.VERIFY: (
        "In Clay, reload {table} and search it for {reference} again. If the row is there, delete it and search once "
        "more. Enter as proof when you searched and that nothing was found."
    ),
}


def instructions(capability: Capability, record: Record | None) -> str:
    """Of the person only what a search needs: the step that keeps the words is blanked with its request."""
    if capability == Capability.LOCATE and record is not None and not record.key:
        return _search(record)
    if record is not None and row_keys.is_submission(record.key) and capability in SUBMISSION:
        return SUBMISSION[capability].format(table=_table_of(record.key), reference=row_keys.reference_of(record.key))
    return texts.instructions(CLAY.by_hand, capability, record)


def _search(record: Record) -> str:
    """Tables by name, values one by one, and how a row that is found is named."""
    circle = people.known_person(record.identity)
    references = [row_keys.reference_of(each.key) for each in clay_submissions.submissions(circle)]
    values = [*circle.urls, *circle.addresses, *circle.phones, *references]
    lines = [
        f"In Clay, open {_tables()} and every other table of the workspace that holds people. Clear its filters, then "
        "search it for each of these values:",
        *(f"• {value}" for value in values),
        f"Enter every row you find as “table/{REFERENCE}”, or “table/row” with the number of the row "
        f"where it has no {REFERENCE}, and what you see there.",
    ]
    if references:
        lines.append(f"Rows with these references are listed already: {', '.join(references)}.")
    lines.append("Enter as proof which tables you searched, when, and how many rows each search showed.")
    return "\n".join(lines)


def _table_of(key: str) -> str:
    source = row_keys.source_of(key)
    named = ClaySource.objects.filter(pk=source).values_list("name", flat=True).first() if source else None
    return _quoted(named or "") or "each table that leads were sent to"


def _tables() -> str:
    """Those we send rows to, closed ones too: their rows are still there."""
    names: Iterable[str] = ClaySource.objects.order_by("position", "id").values_list("name", flat=True)
    named = [_quoted(name) for name in dict.fromkeys([*names, clay_table()]) if name]
    return ", ".join(named) if named else "each table that leads were sent to"


def _quoted(name: str) -> str:
    return f"the table “{name}”" if name else ""
