"""Why a record is removed; and stored requests under the one key of each address, beside working processes.

A request whose person is still known is found by its keyed hashes: those of an address in an older spelling are
replaced by that of its key. Whoever is suppressed under the older spelling is suppressed under the key too.
"""

import json
from typing import Any

from django.db import migrations, models

from swarm_admin.core.identifiers import emails
from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 2_000
# With the addresses of the records that were found for it: these are suppressed as well.
FIND = """
SELECT request.id, request.emails, request.identity_hashes,
       coalesce(jsonb_agg(record.identifiers -> 'emails')
                FILTER (WHERE jsonb_typeof(record.identifiers -> 'emails') = 'array'), '[]')
FROM (SELECT * FROM gdpr_subjectrequest WHERE id > %s ORDER BY id LIMIT %s) AS request
LEFT JOIN gdpr_foundrecord AS record ON record.request_id = request.id
GROUP BY request.id, request.emails, request.identity_hashes ORDER BY request.id
"""
# Only where the request still holds what was read: an officer may have worked on it since.
CHANGE = """
UPDATE gdpr_subjectrequest SET identity_hashes = %s WHERE id = %s AND identity_hashes = %s
"""
SUPPRESS = """
INSERT INTO gdpr_suppression (identifier_hash, key_id, reason, created_at, blocked_count)
SELECT DISTINCT ON (given.new) given.new, %s, live.reason, live.created_at, 0
FROM unnest(%s::text[], %s::text[]) AS given (old, new)
JOIN gdpr_suppression AS live ON live.identifier_hash = given.old AND live.released_at IS NULL
ORDER BY given.new, live.created_at ON CONFLICT DO NOTHING
"""


def bring_over(cursor: Any, after: int) -> int | None:
    """A stretch of the requests; answers the last one's key, or None where there was none."""
    # At a migration's import the keys need not be there yet.
    from gdpr.identity import digest, keys

    cursor.execute(FIND, [after, AT_ONCE])
    rows = cursor.fetchall()
    known, (writing, first) = keys(), keys()[0]
    fresh: dict[str, str] = {}
    for pk, given, hashes, found in rows:
        pairs = _changed(given)
        moved = {digest(old, key): digest(new, first) for old, new in pairs for _, key in known}
        after_it = sorted({moved.get(each, each) for each in hashes} | set(moved.values()))
        if moved and after_it != sorted(hashes):
            cursor.execute(CHANGE, [after_it, pk, hashes])
        records = _changed(_flat(found)) - pairs
        fresh |= moved | {digest(old, key): digest(new, first) for old, new in records for _, key in known}
    if fresh:
        cursor.execute(SUPPRESS, [writing, list(fresh), list(fresh.values())])
    return rows[-1][0] if rows else None


def _changed(addresses: list[str]) -> set[tuple[str, str]]:
    """(identifier as it was hashed, as it is now) of the addresses that have another key."""
    pairs = ((each.strip().casefold(), emails.key(each)) for each in addresses)
    return {(f"email:{old}", f"email:{new}") for old, new in pairs if new and old != new}


def _flat(found: Any) -> list[str]:
    lists = json.loads(found) if isinstance(found, str) else found
    return [each for addresses in lists for each in addresses if isinstance(each, str)]


class Migration(migrations.Migration):
    # What may be broken off comes first: it does no harm when it is done twice.
    atomic = False
    dependencies = [("gdpr", "0008_leases_that_lapse")]

    operations = [
        InBatches(bring_over),
        migrations.AddField(
            model_name="purge",
            name="reason",
            field=models.CharField(
                choices=[
                    ("retention", "End of its retention"),
                    ("returned", "Suppressed person who came back"),
                ],
                db_default="retention",
                default="retention",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="purge",
            name="kept_until",
            field=models.DateTimeField(help_text="the end of its retention, or when it came back"),
        ),
    ]
