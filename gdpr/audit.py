"""The door to the audit ledger."""

from collections.abc import Iterable, Mapping
from typing import Any

from gdpr.models import AuditEvent


def record(
    verb: str,
    *,
    by: Any = None,
    on: Any = None,
    object_type: str = "",
    object_id: str = "",
    fields: Iterable[str] = (),
    counts: Mapping[str, int] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Write one event, inside the caller's transaction.

    `by` is a staff user or None for the system; `on` is a model instance, named by its type and primary
    key. No personal value may be given in any argument: field names, counts and ids only.
    """
    if on is not None:
        object_type, object_id = on._meta.model_name, str(on.pk)
    return AuditEvent.objects.create(
        verb=verb,
        actor_id=getattr(by, "pk", None),
        object_type=object_type,
        object_id=object_id,
        fields=sorted(fields),
        counts=dict(counts or {}),
        reason=reason,
    )
