"""The gate of suppression: asked at intake, at the mirror, before each delivery (D18) and each enrichment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from gdpr import audit
from gdpr.identity import Identity, digest, digests, keys
from gdpr.models import Suppression
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.identifiers.emails import is_role

PURPOSES = ("intake", "enrichment", "mirror", "delivery")


@dataclass(frozen=True)
class Screening:
    """What the list says of some identities, by their positions.

    `blocked`: suppressed. `shared`: not the person, but some of the identifiers, {position: those on the list}: a
    number or an office's address that others have too is no identity by itself (D28). The person goes on without.
    """

    blocked: set[int]
    shared: dict[int, set[str]]


def examine(identities: Sequence[Identity], purpose: str) -> Screening:
    """Ask the list, and count the refusals; otherwise nothing is kept of whoever is on it.

    `purpose` is one of PURPOSES. One query for any number of identities. Counted once the caller's transaction
    is committed: until then it would keep everyone waiting who refuses the same people. A process that is killed
    between the two loses the count, and nothing else.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}")
    hits, screening = _hits(identities)
    if hits:
        counts = Counter(hit.pk for hit in hits)
        transaction.on_commit(lambda: _count(counts))
    return screening


def screen(identities: Sequence[Identity], purpose: str) -> set[int]:
    """The positions in `identities` that are suppressed; see `examine`."""
    return examine(identities, purpose).blocked


def _count(refused: Mapping[int, int]) -> None:
    """Add to the counters, {id: times}; locked in the order of their ids, so that two who do it never deadlock."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [list(refused), list(refused.values())])


COUNT = """
WITH refused (id, times) AS (SELECT * FROM unnest(%s::bigint[], %s::int[])),
locked AS MATERIALIZED (
    SELECT each.id, refused.times FROM gdpr_suppression AS each JOIN refused USING (id)
    ORDER BY each.id FOR UPDATE OF each
)
UPDATE gdpr_suppression AS each SET blocked_count = each.blocked_count + locked.times
FROM locked WHERE each.id = locked.id
"""


def look_up(identities: Sequence[Identity]) -> set[int]:
    """The positions that are suppressed, without counting: a plan or a preview refuses nobody."""
    return shared_on_list(identities).blocked


def shared_on_list(identities: Sequence[Identity]) -> Screening:
    """What `examine` answers, without counting."""
    return _hits(identities)[1]


def reasons(identities: Sequence[Identity]) -> dict[int, set[str]]:
    """{position: why it is suppressed} of those that are; counts nothing."""
    hits, screening = _hits(identities)
    found: dict[int, set[str]] = {}
    for hit in hits:
        if hit.position in screening.blocked:
            found.setdefault(hit.position, set()).add(hit.reason)
    return found


@dataclass(frozen=True)
class _Hit:
    """One suppression that applies to one identifier of one identity."""

    pk: int
    reason: str
    position: int
    identifier: str


def _hits(identities: Sequence[Identity]) -> tuple[list[_Hit], Screening]:
    owners: dict[str, list[tuple[int, str]]] = {}
    for position, identity in enumerate(identities):
        for hashed, identifier in digests(identity.spellings()).items():
            owners.setdefault(hashed, []).append((position, identifier))
    live = Suppression.objects.filter(identifier_hash__in=owners.keys(), released_at__isnull=True)
    hits = [
        _Hit(pk, reason, position, identifier)
        for pk, hashed, reason in live.values_list("pk", "identifier_hash", "reason")
        for position, identifier in owners[hashed]
    ]
    blocked = {
        hit.position
        for hit in hits
        if not is_shared(hit.identifier) or all(map(is_shared, identities[hit.position].identifiers()))
    }
    shared: dict[int, set[str]] = {}
    for hit in hits:
        if hit.position not in blocked:
            shared.setdefault(hit.position, set()).add(hit.identifier)
    return hits, Screening(blocked, shared)


def is_shared(identifier: str) -> bool:
    """Whether others may have this identifier too: a phone, which may be a switchboard, or an office's address."""
    kind, _, value = identifier.partition(":")
    return kind == "phone" or (kind == "email" and is_role(value))


def suppress(identity: Identity, *, reason: str, by: object = None) -> int:
    """Block every identifier of `identity` from now on; returns how many are newly blocked."""
    key_id, key = keys()[0]
    rows = [
        Suppression(identifier_hash=digest(identifier, key), key_id=key_id, reason=reason)
        for identifier in identity.spellings()
    ]
    rows.sort(key=lambda row: row.identifier_hash)  # two who block the same person wait for each other in turn
    with transaction.atomic():
        before = Suppression.objects.count()
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        new = Suppression.objects.count() - before
        audit.record(Verb.SUPPRESS, by=by, counts={"identifiers": new}, reason=reason)
    return new
