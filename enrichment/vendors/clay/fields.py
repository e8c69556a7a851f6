"""The columns of Clay's table that the mirror takes, each read as its field's type (D24)."""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.vendors.reading import (
    OnSharedHost,
    at_most,
    clean,
    domain,
    email,
    moment,
    phone,
    posts,
    text,
    texts,
    whole_number,
)
from swarm_admin.core.identifiers.text import is_missing

MOST_EMPLOYEES = 10_000_000  # the largest employers of all have some three million
MOST_POINTS = 1_000_000  # of a score, which is a sum of tens of points


def readers(country: str) -> Mapping[str, Callable[[Any], Any]]:
    """{column of Clay's table: its reader}, for the columns the mirror takes from Clay."""
    return {
        "first_name": text(100),
        "last_name": text(100),
        "company_name": text(200),
        "email_personal": email,
        "email_work": email,
        "phone": phone(country),
        "title": text(500),
        "company_domain": domain,
        "company_industry": text(200),
        "company_size": at_most(MOST_EMPLOYEES),
        "company_revenue": text(100),
        "company_location": text(300),
        "tech_stack": texts,
        "funding_stage": text(100),
        "funding_amount": text(100),
        "linkedin_headline": text(),
        "linkedin_summary": text(lines=True),
        "linkedin_connections": whole_number,
        "recent_posts": posts,
        "mutual_connections": whole_number,
        "icp_score": at_most(MOST_POINTS),
        "icp_tier": text(32),
        "enriched_at": moment,
    }


def normalise(row: Mapping[str, Any], country: str) -> tuple[dict[str, Any], dict[str, str]]:
    """`row` as (values in the mirror's types, {column: what could not be read}); missing columns are absent.

    A company's address on a host that many share is `company_page`, and not its domain.
    """
    values: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    for column, read in readers(country).items():
        given = row.get(column)
        if is_missing(given):
            continue
        try:
            value = read(given)
        except OnSharedHost as shared:
            values["company_page"] = shared.page
            continue
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            # Unreadable is one of these; so is whatever a library makes of nonsense. None says the value in a log.
            unreadable[column] = clean(given if isinstance(given, str) else reprlib.repr(given))[:500]
            continue
        if not is_missing(value):
            values[column] = value
    return values, unreadable


def row_of(lead: Lead) -> dict[str, object]:
    """The input fields Clay's table has; the others are carried in the mirror only (D6)."""
    values = lead.values("first_name", "last_name", "company_name", "source_type", "source_name")
    filled = {name: value for name, value in values.items() if value}
    return {"linkedin_url": lead.linkedin_url, "scraped_at": lead.scraped_at, **filled}
