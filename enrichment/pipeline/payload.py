"""What the other systems are sent of a lead, and the hash that tells whether it was sent already."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from enrichment.models import Lead
from enrichment.vendors import registry


def is_deliverable(lead: Lead, system: str) -> bool:
    """Whether the lead belongs in the system: a contact needs an e-mail or a phone, a campaign an e-mail and its tier.

    One that has fallen out of the campaign's tiers stays there as it is: nothing more is sent of it (specification,
    webhook handler: Tier 1 and 2 go to the campaign). One that is only kept, or past its retention, belongs nowhere.
    """
    if lead.restriction or lead.retention_until <= timezone.now():
        return False
    return registry.delivery_to(system).takes(lead)


def payload(lead: Lead, system: str) -> dict[str, Any]:
    return registry.delivery_to(system).payload(lead)


def payload_hash(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
