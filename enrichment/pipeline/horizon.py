"""Up to which id every lead can be seen, while others are still coming in; nobody waits for anybody.

Ids are given out before their rows are committed, so a reader who pages by id could pass one that appears later.
Whoever inserts leads says beforehand, in the name of a shared advisory lock, the last id that was given out when
it began: its own are all higher. The lock goes with the transaction, after its rows can be seen. A reader looks
which are held, and goes no further than the lowest.
"""

from django.db import connection

# The upper 16 bits of the lock's 64-bit name; the lower 48 are an id. `pg_locks` shows the halves as two numbers.
NAMESPACE = 0x4C44
LAST_GIVEN = "(SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM enrichment_lead_id_seq)"


def announce() -> None:
    """Say that this transaction is going to insert leads; before the first of them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared((%s::bigint << 48) + {LAST_GIVEN})", [NAMESPACE])


def settled() -> int:
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
