"""Stored e-mail addresses and phones in the one form by which they are compared, beside working processes.

A phone that nobody can have becomes a conflict. Whoever is suppressed under an address as it was spelt is suppressed
under its key too; the old entry stays.
"""

from typing import Any

from django.db import migrations, models

from swarm_admin.core.identifiers import emails, phones
from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 5_000
FIND = """
SELECT id, email_work, email_personal, phone FROM enrichment_lead
WHERE id > %s AND (phone <> '' OR email_work <> '' OR email_personal <> '') ORDER BY id LIMIT %s
"""
# Only where the row still holds what was read: a worker may have written since. In the order of the keys.
CHANGE = """
WITH given AS (
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS given (id, old_work, old_own, old_phone, work, own, phone)
), locked AS (
  SELECT lead.id FROM enrichment_lead AS lead JOIN given USING (id)
  WHERE (lead.email_work, lead.email_personal, lead.phone) = (old_work, old_own, old_phone)
  ORDER BY lead.id FOR NO KEY UPDATE OF lead
)
UPDATE enrichment_lead AS lead SET email_work = work, email_personal = own, phone = given.phone
FROM given, locked WHERE lead.id = given.id AND lead.id = locked.id
"""
CONFLICT = """
INSERT INTO enrichment_fieldconflict (lead_id, field, reason, value, observed_at)
SELECT lead.id, 'phone', 'unreadable', given.value, now()
FROM unnest(%s::bigint[], %s::text[]) AS given (id, value) JOIN enrichment_lead AS lead USING (id)
WHERE lead.phone = '' ORDER BY lead.id
ON CONFLICT DO NOTHING
"""
SUPPRESS = """
INSERT INTO gdpr_suppression (identifier_hash, key_id, reason, created_at, blocked_count)
SELECT given.new, %s, live.reason, live.created_at, 0
FROM unnest(%s::text[], %s::text[]) AS given (old, new)
JOIN gdpr_suppression AS live ON live.identifier_hash = given.old AND live.released_at IS NULL
ORDER BY given.new ON CONFLICT DO NOTHING
"""


def bring_over(cursor: Any, after: int) -> int | None:
    """A stretch of the leads; answers the last one's key, or None where there was none."""
    cursor.execute(FIND, [after, AT_ONCE])
    rows = cursor.fetchall()
    changed = [(row, new) for row in rows if (new := _canonical(row[1:])) != row[1:]]
    if changed:
        _suppress_again(cursor, changed)
        _write(cursor, changed)
    return rows[-1][0] if rows else None


def _canonical(values: tuple[str, str, str]) -> tuple[str, str, str]:
    work, own, phone = values
    return _email(work), _email(own), _phone(phone)


def _email(address: str) -> str:
    return address if not address or _is_plain(address) else emails.key(address)


def _is_plain(address: str) -> bool:
    """Already the key: the usual address, for which no library has to be asked."""
    return address.isascii() and address == address.lower().strip() and "xn--" not in address


def _phone(number: str) -> str:
    if not number:
        return ""
    try:
        return phones.canonical(number, "ZZ")  # E.164 names its country
    except ValueError:
        return ""


def _write(cursor: Any, changed: list[Any]) -> None:
    old = list(zip(*(row for row, _ in changed), strict=True))
    new = list(zip(*(values for _, values in changed), strict=True))
    cursor.execute(CHANGE, [*map(list, old), *map(list, new)])
    lost = [(row[0], row[3]) for row, values in changed if row[3] and not values[2]]
    if lost:
        cursor.execute(CONFLICT, [[pk for pk, _ in lost], [number for _, number in lost]])


def _suppress_again(cursor: Any, changed: list[Any]) -> None:
    """Before the address goes: its old spelling may be all that tells whom a keyed hash is of."""
    # The law's side knows the keys; at a migration's import they need not be there yet.
    from gdpr.identity import digest, keys

    pairs = {
        (f"email:{old.strip().casefold()}", f"email:{new}")
        for row, values in changed
        for old, new in zip(row[1:3], values[:2], strict=True)
        if old and old != new
    }
    writing, first = keys()[0]
    hashed = [(digest(old, key), digest(new, first)) for old, new in pairs for _, key in keys()]
    if hashed:
        cursor.execute(SUPPRESS, [writing, [old for old, _ in hashed], [new for _, new in hashed]])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0022_search_indexes"), ("gdpr", "0006_standing_duties")]
    operations = [
        migrations.AlterField(
            "fieldconflict",
            "reason",
            models.CharField(
                choices=[
                    ("unreadable", "Could not be read as this field's type"),
                    ("pinned", "The field is pinned by a rectification"),
                    ("suppressed", "On the do-not-contact list for another person: left out"),
                ],
                max_length=16,
            ),
        ),
        InBatches(bring_over),
    ]
