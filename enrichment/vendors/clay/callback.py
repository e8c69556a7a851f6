"""A row as a table's HTTP API column posts it, read by the words of our `template`, all of which may be missing.

Values come as text, numbers or lists as text; a column that did not run is missing.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any, Final

from enrichment.vendors.answers import UNREADABLE, decode
from enrichment.vendors.clay import template
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.reading import Unreadable, moment
from swarm_admin.core.clean_text import cleaned
from swarm_admin.core.identifiers.text import is_missing

COLUMNS: Final = frozenset(template.COLUMNS)
# What each waterfall fills; its words in a body begin with its name.
GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"email_work", "email_personal"}),
    "phone": frozenset({"phone"}),
    "company": frozenset(
        {
            "company_domain", "company_industry", "company_size", "company_revenue", "company_location",
            "funding_stage", "funding_amount",
        }
    ),
    "techstack": frozenset({"tech_stack"}),
}  # fmt: skip
LONGEST_WORD: Final = 300
MOST_PROVIDERS: Final = 20  # of one waterfall
NOBODY_TOLD: Final = "clay"  # whom a cost is booked to that no waterfall tells of
UNIT: Final = Decimal("0.0001")
# Clay's words for a cell of a column that is over; with any other it has not run, or not to its end.
ENDED: Final = frozenset({"success", "error", "empty"})


@dataclass(frozen=True)
class KnownProvider:
    """A provider of the catalogue, and the fields it can fill."""

    slug: str
    fields: frozenset[str]


# By their names in lower case; one that is not among them may have filled any field of its waterfall.
Known = Mapping[str, KnownProvider]


class NotARow(ValueError):
    """The body is no row."""


@dataclass(frozen=True)
class Callback:
    """`row`: as the mirror takes it, without an id. `columns`: those that came with a value.

    `error`: what the body says of the whole run. `cell_errors`: {column: its text}; `not_run`: columns that did not.
    `tells_time`: when it was enriched is its own word; else it is when it came.
    """

    reference: str
    linkedin_url: str
    row: ClayRow
    columns: frozenset[str]
    error: str = ""
    cell_errors: Mapping[str, str] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()
    tells_time: bool = True

    def of_run(self, started_at: datetime.datetime) -> "Callback":
        """As a result of the run begun then: where no time is told, its providers answered at that time.

        So what is told again, in another body, is the same answer, and costs once.
        """
        if self.tells_time:
            return self
        at = started_at.isoformat()
        providers = [{**entry, "timestamp": at} for entry in self.row.raw["providers_used"]]
        row = ClayRow(id=self.row.id, values=self.row.values, raw={**self.row.raw, "providers_used": providers})
        return replace(self, row=row)

    @property
    def trouble(self) -> str:
        """Why nothing may have been found: the run's error, else the first cell's; "" where everything ran well."""
        if self.error:
            return self.error
        if self.cell_errors:
            column, words = next(iter(self.cell_errors.items()))
            return f"{column}: {words}"
        return f"{', '.join(self.not_run[:5])} did not run" if self.not_run else ""


def read(body: bytes, received_at: datetime.datetime, known: Known) -> Callback:
    """Raises NotARow."""
    document = decode(body)
    if document is UNREADABLE or not isinstance(document, dict):
        raise NotARow
    return read_document(document, received_at, known)


def read_document(document: Mapping[str, Any], received_at: datetime.datetime, known: Known) -> Callback:
    """`read` of what is decoded already. Raises NotARow."""
    reference, url = _word(document.get(template.REFERENCE)), _word(document.get(template.PERSON), 2_000)
    values = {name: document[name] for name in COLUMNS if not is_missing(document.get(name))}
    if not (reference or url):
        raise NotARow
    came = frozenset(values)
    told = _moment(values.get(template.ENRICHED_AT))
    at = told or received_at
    values[template.ENRICHED_AT] = at.isoformat()
    raw = {**values, template.PERSON: url, "providers_used": _providers(document, set(values), at, known)}
    return Callback(
        reference=reference,
        linkedin_url=url,
        row=ClayRow(id="", values={**values, template.PERSON: url}, raw=raw),
        columns=came,
        error=_word(document.get(template.ERROR)),
        cell_errors=_words(document.get(template.ERRORS)),
        not_run=tuple(
            sorted(name for name, word in _words(document.get(template.STATUSES)).items() if word not in ENDED)
        ),
        tells_time=told is not None,
    )


def _word(value: Any, longest: int = LONGEST_WORD) -> str:
    """One line of text; "" for what is none, and for what only says that there is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or is_missing(value):
        return ""
    return cleaned(str(value)[: 4 * longest])[:longest].strip()


def _words(block: Any) -> dict[str, str]:
    """{column of ours: word} of a block; those that say something."""
    if not isinstance(block, dict):
        return {}
    return {name: word for name in sorted(COLUMNS & block.keys()) if (word := _word(block[name]))}


def _moment(value: Any) -> datetime.datetime | None:
    """None where no time that can be read is told."""
    try:
        return None if value is None else moment(value)
    except Unreadable:
        return None


# ---------------------------------------------------------------- who answered, and what it cost


def _providers(
    document: Mapping[str, Any], filled: set[str], at: datetime.datetime, known: Known
) -> list[dict[str, Any]]:
    """As a row of the rows API tells its providers. A total that is told is the sum of what they cost."""
    told = {group: _names(document.get(template.PROVIDERS[group])) for group in GROUPS}
    costs = _costs(document, [group for group, names in told.items() if names])
    entries = []
    for group, names in told.items():
        cost = costs.pop(group, None) if names else None
        for name in names:
            able = GROUPS[group] & filled
            fields = sorted(able & known[name].fields if name in known else able)
            entry = _entry(known[name].slug if name in known else name, fields, at, cost)
            entries.append({**entry, "waterfall": group})
            cost = None if cost is None else Decimal(0)
    left = sum((cost for cost in costs.values() if cost), Decimal(0))
    if left:
        entries.append(_entry(NOBODY_TOLD, [], at, left))
    return entries


def _names(value: Any) -> list[str]:
    """ "Apollo, Hunter" → ["apollo", "hunter"], each once."""
    words = [word.strip().lower()[:40] for word in _word(value).split(",")]
    return list(dict.fromkeys(word for word in words if word))[:MOST_PROVIDERS]


def _entry(slug: str, fields: list[str], at: datetime.datetime, cost: Decimal | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": slug, "fields_enriched": fields, "timestamp": at.isoformat()}
    return entry if cost is None else {**entry, "cost": str(cost)}


def _costs(document: Mapping[str, Any], with_providers: list[str]) -> dict[str, Decimal | None]:
    """{waterfall: US dollars}, None where only the catalogue tells; a total is shared by those that tell none."""
    costs = {group: _amount(document.get(f"{group}_{template.COST}")) for group in GROUPS}
    total = _amount(document.get(template.COST))
    if total is None:
        return costs
    rest = max(total - sum((cost for cost in costs.values() if cost is not None), Decimal(0)), Decimal(0))
    untold = [group for group in with_providers if costs[group] is None]
    if not untold:
        return {**costs, NOBODY_TOLD: rest}
    share = (rest / len(untold)).quantize(UNIT, ROUND_DOWN)
    costs |= dict.fromkeys(untold, share)
    costs[untold[0]] = rest - share * (len(untold) - 1)
    return costs


def _amount(value: Any) -> Decimal | None:
    """US dollars; None where nothing that can be one is told."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or is_missing(value):
        return None
    try:
        amount = Decimal(str(value).strip().removeprefix("$")[:40])
    except InvalidOperation:
        return None
    return amount.quantize(UNIT) if amount.is_finite() and 0 <= amount < 100_000 else None
