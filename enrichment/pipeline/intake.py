"""What the Hunter agent sends becomes a lead: validated, screened, and in the mirror once."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from enrichment.models import Lead
from enrichment.pipeline.intake_rows import FIELDS, LeadIn, parse_row
from gdpr.identity import Identity
from gdpr.suppression import gate
from swarm_admin.core.deadlocks import retried

# The upper 16 bits of the lock's 64-bit name; the lower 48 are an id. `pg_locks` shows the halves as two numbers.
NAMESPACE = 0x4C44
LAST_GIVEN = "(SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM enrichment_lead_id_seq)"
CHUNK = 1_000
MAX_IGNORED = 20  # names of unknown fields that are answered
# What a known lead may still learn from intake. Its source and engagement stay those of the first
# collection: mixing two sources in one lead would make its provenance false.
FILLED_IF_EMPTY = ("first_name", "last_name", "company_name")


@dataclass(frozen=True)
class Rejection:
    """Why a row was refused. A row has one for each field that breaks a rule; `field` may be empty."""

    index: int
    field: str
    sentence: str


@dataclass
class IntakeResult:
    """What became of each row. A suppressed row is counted and otherwise not spoken of (D18)."""

    accepted: list[tuple[int, int]] = field(default_factory=list)  # (index of the row, id of the new lead)
    known: list[tuple[int, int]] = field(default_factory=list)  # (index of the row, id of the lead it is)
    rejected: list[Rejection] = field(default_factory=list)
    suppressed: int = 0
    ignored_fields: list[str] = field(default_factory=list)  # names we do not know

    def add(self, other: "IntakeResult") -> None:
        """Count in what became of some of the rows."""
        self.accepted += other.accepted
        self.known += other.known
        self.rejected += other.rejected
        self.suppressed += other.suppressed

    @property
    def rejected_rows(self) -> int:
        return len({rejection.index for rejection in self.rejected})


def accept(rows: Sequence[Any], *, priority: int = 10, now: datetime.datetime | None = None) -> IntakeResult:
    """Take in rows of the specification's input shape; never raises for what a row holds.

    New leads are due for dispatch at once, at `priority` (higher goes first), and are kept for
    RETENTION_DAYS from `scraped_at` (D7). A person who is known already keeps the first row's values:
    only an empty name or company is filled in (unless it is pinned), retention is not extended and
    nothing is dispatched again. A constant number of queries per 1,000 rows; two concurrent calls with
    the same people neither fail nor make a second lead.
    """
    now = now or timezone.now()
    result = IntakeResult()
    for start in range(0, len(rows), CHUNK):
        valid = dict(_validated(rows[start : start + CHUNK], start, now, result))
        if valid:
            result.add(retried(partial(_insert_chunk, valid, priority, now)))
    return result


def _insert_chunk(valid: dict[int, LeadIn], priority: int, now: datetime.datetime) -> IntakeResult:
    """Take in {index: row} in a transaction of its own; what became of them."""
    result = IntakeResult()
    with transaction.atomic():
        announce_insert()
        _insert_valid(valid, priority, now, result)
    return result


def _validated(
    rows: Sequence[Any], start: int, now: datetime.datetime, result: IntakeResult
) -> Iterator[tuple[int, LeadIn]]:
    for index, row in enumerate(rows, start):
        lead = parse_row(row, now)
        if isinstance(lead, LeadIn):
            yield index, lead
        else:
            result.rejected += [Rejection(index, *rule) for rule in lead]
        if isinstance(row, dict) and not row.keys() <= FIELDS and len(result.ignored_fields) < MAX_IGNORED:
            unknown = {str(name) for name in row.keys() - FIELDS}
            result.ignored_fields = sorted(unknown.union(result.ignored_fields))[:MAX_IGNORED]


def _insert_valid(valid: dict[int, LeadIn], priority: int, now: datetime.datetime, result: IntakeResult) -> None:
    indexes = list(valid)
    blocked = gate.screen([Identity(linkedin_url=valid[i].linkedin_url) for i in indexes], "intake")
    result.suppressed += len(blocked)
    wanted = {index: valid[index] for place, index in enumerate(indexes) if place not in blocked}
    first: dict[str, LeadIn] = {}
    for lead in wanted.values():
        first.setdefault(lead.linkedin_url, lead)
    new = _insert(list(first.values()), priority, now)
    old = [url for url in first if url not in new]
    ids = dict(Lead.objects.filter(linkedin_url__in=old).values_list("linkedin_url", "id")) if old else {}
    for index, lead in wanted.items():
        url = lead.linkedin_url
        if first[url] is lead and url in new:
            result.accepted.append((index, new[url]))
        elif url in new or url in ids:
            result.known.append((index, new[url] if url in new else ids[url]))
        else:  # known when we inserted, erased before we looked
            result.rejected.append(Rejection(index, "", "The lead was removed during import. Send it again."))
    _fill(
        [lead for lead in wanted.values() if lead.linkedin_url in ids or first[lead.linkedin_url] is not lead],
        now,
    )


GIVEN = {name: "timestamptz" if name == "scraped_at" else "text" for name in LeadIn.model_fields}


def _insert(leads: list[LeadIn], priority: int, now: datetime.datetime) -> dict[str, int]:
    """Insert those that are not there; {URL: id} of those that were inserted.

    One statement over arrays: Django's bulk_create would bind all of a lead's columns for each row. In
    the order of the URL, so that two concurrent calls wait for each other instead of for ever.
    """
    if not leads:
        return {}
    leads = sorted(leads, key=lambda lead: lead.linkedin_url)
    constants, values = _constants()
    retention = datetime.timedelta(days=settings.RETENTION_DAYS)
    own: dict[str, Any] = {
        "received_at": now,
        "updated_at": now,
        "dispatch_after": now,
        "dispatch_priority": priority,
    }
    statement = (
        f"INSERT INTO enrichment_lead ({', '.join([*GIVEN, 'retention_until', *own, *constants])}) "  # noqa: S608 - names of our own columns
        f"SELECT {', '.join(GIVEN)}, scraped_at + %s, {', '.join('%s' for _ in own)}, {', '.join(constants.values())} "
        f"FROM unnest({', '.join(f'%s::{kind}[]' for kind in GIVEN.values())}) AS given ({', '.join(GIVEN)}) "
        "ON CONFLICT (linkedin_url) DO NOTHING RETURNING linkedin_url, id"
    )
    arrays = [[getattr(lead, name) for lead in leads] for name in GIVEN]
    parameters: list[Any] = [retention, *own.values(), *values, *arrays]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return dict(cursor.fetchall())


OWN = {"id", "retention_until", "received_at", "updated_at", "dispatch_after", "dispatch_priority"}


@cache
def _constants() -> tuple[dict[str, str], list[Any]]:
    """The model's default for every other column: {column: typed placeholder}, and the values."""
    fields = [f for f in Lead._meta.concrete_fields if f.name not in GIVEN and f.name not in OWN and not f.generated]
    columns = {str(f.column): f"%s::{f.db_type(connection)}" for f in fields}
    return columns, [f.get_db_prep_save(f.get_default(), connection) for f in fields]


def _fill(again: list[LeadIn], now: datetime.datetime) -> None:
    """Names and companies that a known lead lacks; the first row that has one gives it."""
    offers: dict[str, dict[str, str]] = {}
    for lead in again:
        given = {name: value for name in FILLED_IF_EMPTY if (value := getattr(lead, name))}
        if given:
            offers[lead.linkedin_url] = given | offers.get(lead.linkedin_url, {})
    if not offers:
        return
    urls = sorted(offers)
    lacks = {n: f"(lead.{n} = '' AND offer.{n} <> '' AND '{n}' <> ALL(lead.pinned_fields))" for n in FILLED_IF_EMPTY}
    changes = ", ".join(f"{n} = CASE WHEN {test} THEN offer.{n} ELSE lead.{n} END" for n, test in lacks.items())
    lacking = f"lead.linkedin_url = offer.url AND ({' OR '.join(lacks.values())})"
    # Locked in the order of the ids, as everybody does who locks several leads.
    statement = (
        f"WITH offer (url, {', '.join(lacks)}) AS MATERIALIZED (SELECT * "  # noqa: S608 - names of our own columns
        f"FROM unnest(%s::text[], {', '.join('%s::text[]' for _ in lacks)})), "
        f"locked AS MATERIALIZED (SELECT lead.id FROM enrichment_lead AS lead, offer WHERE {lacking} "
        "ORDER BY lead.id FOR UPDATE OF lead) "
        f"UPDATE enrichment_lead AS lead SET {changes}, updated_at = %s "
        f"FROM offer, locked WHERE lead.id = locked.id AND {lacking}"
    )
    arrays = [[offers[url].get(name, "") for url in urls] for name in lacks]
    with connection.cursor() as cursor:
        cursor.execute(statement, [urls, *arrays, now])


# ---------------------------------------------------------------- who may be seen while others still come in


def announce_insert() -> None:
    """Say that this transaction is going to insert leads; before the first of them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared((%s::bigint << 48) + {LAST_GIVEN})", [NAMESPACE])


def visible_up_to() -> int:
    """The highest id at or below which no lead can still appear.

    The last id is read first: whoever announces itself afterwards gives out higher ones. And it is read apart
    from the leads, whose snapshot must be taken after the locks were looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LAST_GIVEN}")
        last = int(cursor.fetchone()[0])
        cursor.execute(
            "SELECT min(((classid::bigint & 65535) << 32) + objid::bigint) FROM pg_locks "
            "WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = %s "
            "AND granted AND pid <> pg_backend_pid() "  # one's own rows can be seen
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [NAMESPACE],
        )
        (lowest,) = cursor.fetchone()
    return last if lowest is None else min(last, int(lowest))
