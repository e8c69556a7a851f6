"""The door to the audit ledger: `record` writes an event.

seal      → events into the chain, in the order in which they became visible
check     → the chain verified, all of it and for ever
anchor    → its head, sent out of the house
verifier  → what an event is digested as: one file, handed out, that verifies the ledger without us
pack      → the ledger to take away
reading   → what the audit page shows
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from gdpr.audit.verifier import canonical
from gdpr.models import AuditContext, AuditEvent
from swarm_admin.core.audit_verbs import Verb, require_known


def record(
    verb: Verb,
    *,
    by: Any = None,
    on: Any = None,
    object_type: str = "",
    object_id: str = "",
    fields: Iterable[str] = (),
    counts: Mapping[str, int] | None = None,
    reason: str = "",
    context: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one event, inside the caller's transaction. Raises ValueError for a verb that is not in `Verb`.

    `by` is a staff user or None for the system; `on` is a model instance, named by its type and primary
    key. No personal value may be given: field names, counts and ids only. Where one has to be kept, it goes into
    `context`, which stands in a row of its own: the event holds its salted digest, so the row can be erased and
    the ledger still verifies.
    """
    if on is not None:
        object_type, object_id = on._meta.model_name, str(on.pk)
    salt = secrets.token_hex(16) if context else ""
    event = AuditEvent.objects.create(
        verb=require_known(verb),
        actor_id=getattr(by, "pk", None),
        object_type=object_type,
        object_id=object_id,
        fields=sorted(fields),
        counts=dict(counts or {}),
        reason=reason,
        commitment=commitment(salt, context) if context else "",
    )
    if context:
        AuditContext.objects.create(event_id=event.pk, salt=salt, document=dict(context))
    return event


def commitment(salt: str, context: Mapping[str, Any]) -> str:
    """What an event holds of its context; the salt keeps a short context from being guessed."""
    return hashlib.sha256(salt.encode() + canonical(context)).hexdigest()
