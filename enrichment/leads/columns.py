"""The columns of the list of leads: what each shows, needs from the database, and hands to an export."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, Func, Q, TextField, Value, When
from django.db.models.functions import Concat, Replace, Trim

from enrichment.labels import LIST_LABELS
from enrichment.models import Lead, SourceType
from enrichment.models.lead_queries import FILL_IN


@dataclass(frozen=True)
class Column:
    """`needs`: the fields it is made of. `sort`: the sort its header asks for. `mask`: a kind of `masking.mask`.

    `look` picks the cell of the template; `always` cannot be left out. `copied`: an expression by which PostgreSQL
    makes the same value for a file; None where it is the first of `needs` as it is.
    """

    key: str
    label: str
    needs: tuple[str, ...]
    value: Callable[[Lead], Any]
    sort: str = ""
    mask: str = ""
    look: str = "text"
    default: bool = False
    always: bool = False
    copied: Any = None

    @property
    def right(self) -> bool:
        return self.look in {"number", "money", "drift"}


def _plain_column(key: str, *, sort: str = "", mask: str = "", look: str = "text", default: bool = False) -> Column:
    return Column(key, LIST_LABELS[key], (key,), lambda lead: getattr(lead, key), sort, mask, look, default)


_SLUGS = Func("only_providers", Value(", "), function="array_to_string", output_field=TextField())

COLUMNS: tuple[Column, ...] = (
    Column(
        "name",
        "Name",
        ("first_name", "last_name", "restriction"),  # the last for the mark beside the name
        lambda lead: lead.full_name,
        sort="name",
        mask="name",
        look="name",
        default=True,
        always=True,
        copied=Trim(Concat("first_name", Value(" "), "last_name")),
    ),
    _plain_column("company_name", sort="company", default=True),
    _plain_column("title", default=True),
    Column(
        "icp_tier",
        LIST_LABELS["icp_tier"],
        ("icp_tier", "icp_score", "scorecard", "restriction"),  # the others for the mark of an older version
        lambda lead: lead.icp_tier,
        look="tier",
        default=True,
    ),
    _plain_column("icp_score", sort="score", look="score", default=True),
    Column(
        "enrichment_status",
        LIST_LABELS["enrichment_status"],
        ("enrichment_status", "only_providers", "dispatch_after", "restriction"),  # the others for a fill-in's mark
        lambda lead: lead.enrichment_status,
        sort="status",
        look="status",
        default=True,
    ),
    Column(
        "source",
        "Source",
        ("source_type",),
        lambda lead: lead.get_source_type_display(),
        default=True,
        copied=Case(
            *(When(source_type=value, then=Value(str(label))) for value, label in SourceType.choices),
            default=F("source_type"),
        ),
    ),
    _plain_column("source_name"),
    _plain_column("received_at", sort="received", look="time", default=True),
    _plain_column("email_work", mask="email"),
    _plain_column("email_personal", mask="email"),
    _plain_column("phone", mask="phone"),
    _plain_column("company_domain"),
    _plain_column("company_industry"),
    _plain_column("company_size", look="number"),
    _plain_column("company_location"),
    Column(
        "drift", LIST_LABELS["drift"], ("icp_score", "clay_score", "clay_rewritten_at"), lambda lead: lead.drift,
        look="drift",
        copied=Case(
            When(Q(clay_rewritten_at=None) | Q(clay_score=F("icp_score")), then=F("clay_score") - F("icp_score"))
        ),
    ),
    _plain_column("enrichment_cost", look="money"),
    _plain_column("enriched_at", look="time"),
    Column(
        "fill_in", "Waiting for", ("only_providers", "enrichment_status", "restriction"),
        lambda lead: ", ".join(lead.only_providers) if lead.awaits_fill_in else "",
        copied=Case(When(FILL_IN, then=_SLUGS), default=Value(""), output_field=TextField()),
    ),
    Column(
        "error", "Last error", ("error_kind", "error_provider"), lambda lead: _error_words(lead),
        copied=Concat(
            Replace("error_kind", Value("_"), Value(" ")),
            Case(When(error_provider="", then=Value("")), default=Concat(Value(" ("), "error_provider", Value(")"))),
        ),
    ),
    _plain_column("linkedin_url", mask="text"),
)  # fmt: skip
BY_KEY = {column.key: column for column in COLUMNS}


def _error_words(lead: Lead) -> str:
    words = lead.error_kind.replace("_", " ")
    return f"{words} ({lead.error_provider})" if lead.error_provider else words


def chosen_columns(keys: Iterable[str] | None) -> list[Column]:
    """The columns with these keys, in the table's order; those shown at first where `keys` is None."""
    if keys is None:
        return [column for column in COLUMNS if column.default]
    wanted = set(keys)
    return [column for column in COLUMNS if column.always or column.key in wanted]


def fields_of(columns: Iterable[Column]) -> list[str]:
    """What has to be fetched for them: `.only(*fields_of(columns))`."""
    return sorted({"id", *(name for column in columns for name in column.needs)})
