"""The gate of suppression: asked at intake, at the mirror, before each delivery (D18) and each enrichment."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, QuerySet

from gdpr import audit
from gdpr.identity import Identity, digest, digests, keys
from gdpr.models import Suppression

PURPOSES = ("intake", "enrichment", "mirror", "delivery")


def screen(identities: Sequence[Identity], purpose: str) -> set[int]:
    """The positions in `identities` that are suppressed; counted, and otherwise nothing is kept of them.

    `purpose` is one of PURPOSES. One query for any number of identities.
    """
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}")
    found, positions = _found(identities)
    for times in set(found.values()):
        refused = [pk for pk, count in found.items() if count == times]
        Suppression.objects.filter(pk__in=refused).update(blocked_count=F("blocked_count") + times)
    return positions


def look_up(identities: Sequence[Identity]) -> set[int]:
    """The positions that are suppressed, without counting: a plan or a preview refuses nobody."""
    return _found(identities)[1]


def _found(identities: Sequence[Identity]) -> tuple[dict[int, int], set[int]]:
    """({id of a suppression that applies: to how many}, positions in `identities` they apply to)."""
    owners, live = _live(identities)
    found = dict(live.values_list("pk", "identifier_hash"))
    counts = {pk: len(owners[hashed]) for pk, hashed in found.items()}
    return counts, {position for hashed in found.values() for position in owners[hashed]}


def reasons(identities: Sequence[Identity]) -> dict[int, set[str]]:
    """{position: why it is suppressed} of those that are; counts nothing."""
    owners, live = _live(identities)
    found: dict[int, set[str]] = {}
    for hashed, reason in live.values_list("identifier_hash", "reason"):
        for position in owners[hashed]:
            found.setdefault(position, set()).add(reason)
    return found


def _live(identities: Sequence[Identity]) -> tuple[dict[str, list[int]], QuerySet[Suppression]]:
    """({hash: positions that have it}, the suppressions that apply to any of them)."""
    owners: dict[str, list[int]] = {}
    for position, identity in enumerate(identities):
        for hashed in digests(identity.identifiers()):
            owners.setdefault(hashed, []).append(position)
    return owners, Suppression.objects.filter(identifier_hash__in=owners.keys(), released_at__isnull=True)


def suppress(identity: Identity, *, reason: str, by: object = None) -> int:
    """Block every identifier of `identity` from now on; returns how many are newly blocked."""
    key_id, key = keys()[0]
    rows = [
        Suppression(identifier_hash=digest(identifier, key), key_id=key_id, reason=reason)
        for identifier in identity.identifiers()
    ]
    with transaction.atomic():
        before = Suppression.objects.count()
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        new = Suppression.objects.count() - before
        audit.record("suppress", by=by, counts={"identifiers": new}, reason=reason)
    return new
