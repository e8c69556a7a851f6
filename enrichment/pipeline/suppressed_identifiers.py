"""Identifiers on the suppression list that others share too (D28): the lead stays, the identifier goes."""

from collections.abc import Callable, Iterable

from django.db import transaction
from django.utils import timezone

from enrichment.models import FieldConflict, Lead
from enrichment.models.provenance import ConflictReason
from swarm_admin.core.identifiers.emails import key as email_key

# Columns whose values several people may share, and how the gate names what they hold.
SHARED: dict[str, Callable[[str], str]] = {
    "phone": lambda value: f"phone:{value}",
    "email_work": lambda value: f"email:{email_key(value)}",
    "email_personal": lambda value: f"email:{email_key(value)}",
}


def columns_with(values: dict[str, object], listed: Iterable[str]) -> tuple[str, ...]:
    """The columns of `values` that hold one of the identifiers `listed`."""
    identifiers = set(listed)
    return tuple(name for name, key in SHARED.items() if values.get(name) and key(str(values[name])) in identifiers)


def drop_identifiers(found: Iterable[tuple[Lead, set[str]]]) -> None:
    """Take the identifiers off the leads, stored and given; their pages say so, and not whose they are."""
    now = timezone.now()
    for lead, listed in found:
        names = columns_with({name: getattr(lead, name) for name in SHARED}, listed)
        for name in names:
            setattr(lead, name, "")
        with transaction.atomic():
            Lead.objects.filter(pk=lead.pk).update(**dict.fromkeys(names, ""), updated_at=now)
            FieldConflict.objects.bulk_create(
                [
                    FieldConflict(lead=lead, field=name, reason=ConflictReason.SUPPRESSED, observed_at=now)
                    for name in names
                ],
                ignore_conflicts=True,
            )
