"""Sent against stored: what a delivery sends of each field, and which of them the other system holds otherwise."""

from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.vendors import registry
from enrichment.vendors.gohighlevel.fields import outdated_tags
from enrichment.vendors.lead_values import is_same_value


def sent_values(lead: Lead, system: str) -> dict[str, Any]:
    """{field: value} of what a delivery sends of the lead as it is now; custom fields and tags by their names."""
    return registry.delivery_to(system).sent(lead)


def differing_fields(lead: Lead, wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> set[str]:
    """The names of the fields of `stored` that are otherwise than sent."""
    names = {name for name, held in stored.items() if not is_same_value(name, wanted[name], held)}
    tags = {str(tag).casefold() for tag in stored.get("tags") or ()}
    return names | {"tags"} if tags & set(outdated_tags(lead)) else names
