"""The suppression list as officers work with it: looked up, added to, released; and how far a key's rotation is."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from gdpr import audit
from gdpr.identity import Identity, digests, keys
from gdpr.models import Suppression
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text


@dataclass(frozen=True)
class KeyUse:
    """How many live suppressions stand under one key; a key without any can be taken out of the environment.

    `is_live` is False for a key that is not in the environment any more: what stands under it blocks nobody.
    """

    key_id: str
    count: int
    writes: bool
    is_live: bool


def figures() -> dict[str, int]:
    """identifiers on the list, released ones, and how often a gate refused somebody."""
    live = Suppression.objects.filter(released_at=None)
    return {
        "live": live.count(),
        "released": Suppression.objects.exclude(released_at=None).count(),
        "blocked": Suppression.objects.aggregate(sum=Sum("blocked_count"))["sum"] or 0,
    }


def key_use() -> list[KeyUse]:
    """Every key that stands anywhere, the writing one first."""
    known = [key_id for key_id, _ in keys()]
    live = Suppression.objects.filter(released_at=None).values_list("key_id")
    counts: dict[str, int] = dict(live.annotate(count=Count("pk")))
    strange = sorted(set(counts) - set(known))
    return [KeyUse(key_id, counts.get(key_id, 0), key_id == known[0], key_id in known) for key_id in (*known, *strange)]


def look_up(identity: Identity, *, by: Any) -> list[Suppression]:
    """The live suppressions of a person, by any identifier. Looking is an event; whom for is not kept."""
    found = Suppression.objects.filter(identifier_hash__in=digests(identity.spellings()), released_at=None).order_by(
        "created_at"
    )
    audit.record(Verb.LOOK_UP_SUPPRESSION, by=by, counts={"found": len(found)})
    return list(found)


def add(identity: Identity, *, reason: str, by: Any) -> int:
    """Block a person without a request of theirs, such as after a call; returns how many identifiers are new.

    Raises:
        ActionNotAllowed: nothing that tells who, or no reason.
    """
    reason = require_text(reason, "a reason without naming the person", longest=64)
    if not identity.identifiers():
        raise ActionNotAllowed("Enter an e-mail address, a LinkedIn URL or a phone number.")
    return gate.suppress(identity, reason=reason, by=by)


def release(ids: list[int], *, reason: str, by: Any) -> int:
    """Let these in again; returns how many were on the list.

    Raises:
        ActionNotAllowed: no reason.
    """
    reason = require_text(reason, "a reason for the release")
    with transaction.atomic():
        chosen = Suppression.objects.filter(pk__in=ids, released_at=None)
        list(chosen.order_by("pk").select_for_update().values_list("pk"))  # as the gate that counts them does
        released = chosen.update(released_at=timezone.now())
        if released:
            audit.record(Verb.RELEASE_SUPPRESSION, by=by, counts={"identifiers": released}, reason=reason)
    return released
