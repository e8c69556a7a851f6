"""Identifiers of a lead that others hold too, or an office: its page says so, for nobody may be told by them (D28)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q

from enrichment.models import Lead, lead_search
from swarm_admin.core.identifiers.emails import is_role

NAMED = 5
MOST = 50  # others that are counted


@dataclass(frozen=True)
class SharedValue:
    """`others`: keys of the leads that hold it too, the oldest NAMED; `count`: how many there are, up to MOST."""

    field: str
    others: tuple[int, ...]
    count: int
    is_office: bool

    @property
    def sentence(self) -> str:
        """What follows from it, as the gate, requests and deliveries have it."""
        if self.field == "phone":
            return "A phone number alone never identifies a person for matching or suppression."
        if self.is_office:
            return "A shared mailbox never identifies a person for matching or suppression."
        return "Suppressing this address applies to all of these leads."

    @property
    def how_many(self) -> str:
        many = f"more than {MOST}" if self.count > MOST else str(self.count)
        return f"{many} other lead{'' if self.count == 1 else 's'}"


def shared_values(lead: Lead) -> dict[str, SharedValue]:
    """{field: who else holds its value}, of the fields that are shared; a query along an index for each there is."""
    return {each.field: each for each in _shared_values(lead)}


def _shared_values(lead: Lead) -> Iterator[SharedValue]:
    for field in ("email_work", "email_personal", "phone"):
        if value := getattr(lead, field):
            others = _other_leads(lead, field, value)
            is_office = field != "phone" and is_role(value)
            if others or is_office:
                yield SharedValue(field, tuple(others[:NAMED]), len(others), is_office)


def _other_leads(lead: Lead, field: str, value: str) -> list[int]:
    same = [Q(phone=value)] if field == "phone" else lead_search.with_address(value.lower())
    return lead_search.matching_ids(Lead.objects.exclude(pk=lead.pk), same, MOST + 1)
