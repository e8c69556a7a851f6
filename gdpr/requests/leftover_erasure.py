"""What a search found in one row is erased: its column is emptied, or it goes as whoever owns the table says.

A key of the cache is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection, transaction
from psycopg import sql

from gdpr import audit
from gdpr.kinds import Action
from gdpr.leftovers import memory, tables
from gdpr.leftovers.names import RECORD
from gdpr.leftovers.tables import Column, Table
from gdpr.models import AuditContext, RequestStep, SubjectRequest
from gdpr.requests.pipeline import refresh_status
from gdpr.states import StepStatus
from gdpr.stores import RetryLater
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text

Erase = Callable[[int], bool]
# Told to nobody but the machine, and what proves something must not change.
PROTECTED = ("gdpr_auditevent", "gdpr_auditseal", "gdpr_auditanchor", "gdpr_suppression", "django_migrations")
# What an emptied column that must hold something holds, by its type.
EMPTY = {"text": "", "varchar": "", "bpchar": "", "bytea": b"", "json": "{}", "tsvector": ""}
_KEY = re.compile(r"[0-9]{1,18}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_erasers: dict[str, Erase] = {}


def register_eraser(table: str, erase: Erase) -> None:
    """How a row of `table` is erased: given its number, whether there was one. It may raise gdpr.stores.RetryLater."""
    _erasers[table] = erase


def erase_value(table: str, column: str, row: str, *, by: Any, reason: str, on: SubjectRequest | None = None) -> None:
    """Empty one column of one row, named by its key; the event says which, and why.

    `table` may be the cache (gdpr.leftovers.memory.IN_CACHE), without a column; `row` is then one of its keys.

    Raises:
        ActionNotAllowed: there is no such row, it is protected, or the table does not allow it.
    """
    reason = require_text(reason, "a reason without personal data", longest=300)
    if table == memory.IN_CACHE and not column:
        _delete_cached(row, by=by, reason=reason, on=on)
        return
    if table in PROTECTED:
        raise ActionNotAllowed("Proof records can't be changed.")
    found = next((each for each in tables.tables() if each.label == table), None)
    if found is None or column not in {each.name for each in found.columns}:
        raise ActionNotAllowed("No such table and column.")
    if not found.key or not _KEY.fullmatch(row):
        raise ActionNotAllowed("Rows of this table have no ID. Ask your database administrator to erase it there.")
    try:
        with transaction.atomic():
            if not _erase(found, column, row):
                raise ActionNotAllowed("This row no longer exists.")
            audit.record(Verb.ERASE_LEFTOVER, by=by, on=on, fields=[column], reason=f"{table} {row}: {reason}")
    except RetryLater as later:
        raise ActionNotAllowed(f"{later}. Try again in a moment.") from None
    except DatabaseError:
        raise ActionNotAllowed("The table doesn't allow it: another record depends on this value.") from None


def _delete_cached(name: str, *, by: Any, reason: str, on: SubjectRequest | None) -> None:
    """The event comes first: where it cannot be written, the key stays."""
    with transaction.atomic():
        note = f"{memory.IN_CACHE} {name}: {reason}"
        audit.record(Verb.ERASE_LEFTOVER, by=by, on=on, fields=["value"], reason=note)
        if not memory.delete_cached(name):
            raise ActionNotAllowed("This cache key no longer exists. Run the search again.")


def erase_found(step: RequestStep, *, place: str, row: str, reason: str, by: Any) -> None:
    """As `erase_value`, of a place that this step of a request found.

    Raises:
        ActionNotAllowed: the step did not find it, or as `erase_value`.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(step.request_id)
        check_can_erase(step)
        hit = next((each for each in leftovers_found(step) if each["place"] == place and row in each["where"]), None)
        if hit is None:
            raise ActionNotAllowed("This row isn't in the search results.")
        erase_value(hit["table"], hit["column"], row, by=by, reason=reason, on=request)
        _record_erased(step, place, row)


def check_can_erase(step: RequestStep) -> None:
    """Raises ActionNotAllowed where the request is over, or the search runs again."""
    if not step.request.is_open:
        raise ActionNotAllowed("This request is closed.")
    if step.status != StepStatus.MANUAL:
        raise ActionNotAllowed("Wait for the search to finish before you erase.")


def leftovers_found(step: RequestStep) -> list[dict[str, Any]]:
    """The hits of a step that looked for what is left, as its result keeps them."""
    result = step.result if step.action == Action.SCAN and isinstance(step.result, dict) else {}
    hits = [*result.get("rows", ()), *(result.get("names") or ())]
    return [hit for hit in hits if RECORD not in hit["what"]]


def _record_erased(step: RequestStep, place: str, row: str) -> None:
    """The page does not offer it again; the search that follows says whether it is gone."""
    step.refresh_from_db()
    for hit in leftovers_found(step):
        if hit["place"] == place and row in hit["where"]:
            hit["where"].remove(row)
            hit["count"] -= 1
    step.save(update_fields=["result"])


def _erase(table: Table, column: str, row: str) -> bool:
    if eraser := _erasers.get(table.label):
        return eraser(int(row))
    one = next(each for each in table.columns if each.name == column)
    statement = sql.SQL("UPDATE ONLY {} SET {} = {} WHERE {} = %s").format(
        table.identifier, sql.Identifier(column), _empty_value(table, one), sql.Identifier(table.key)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [row])
        return bool(cursor.rowcount)


def _empty_value(table: Table, column: Column) -> sql.Composable:
    """NULL, or what is empty of the type. Raises ActionNotAllowed for a number or a date that must be there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attnotnull, attgenerated <> '' FROM pg_attribute WHERE attrelid = %s AND attname = %s",
            [table.oid, column.name],
        )
        needed, generated = cursor.fetchone()
    if generated:
        raise ActionNotAllowed("This column is computed from others. Erase those instead.")
    if column.type.startswith("_"):
        return sql.SQL("'{{}}'")
    if not needed:
        return sql.SQL("NULL")
    if column.type == "jsonb":
        return sql.SQL("CASE jsonb_typeof({}) WHEN 'array' THEN '[]'::jsonb ELSE '{{}}' END").format(
            sql.Identifier(column.name)
        )
    if column.type not in EMPTY:
        raise ActionNotAllowed("This column requires a value that can't be empty.")
    return sql.Literal(EMPTY[column.type])


def _erase_context(pk: int) -> bool:
    """The ledger holds the context's salted digest: it verifies without it."""
    return bool(AuditContext.objects.filter(pk=pk).delete()[0])


register_eraser(AuditContext._meta.db_table, _erase_context)
