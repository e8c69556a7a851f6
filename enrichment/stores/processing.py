"""Our part of the record of processing (Art. 30): from the catalogue, the waterfalls and the vendors in use now."""

from django.conf import settings

from enrichment.documents.waterfall import active_waterfall
from enrichment.labels import field_labels
from enrichment.models import Provider
from enrichment.personal import PERSONAL
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay import chosen
from gdpr.records.processing import Activity, Recipient

# Keys in other systems, and what is derived: no categories of their own.
_NOT_TOLD = {"raw", "search", "clay_row_id", "ghl_contact_id", "instantly_lead_id", "clay_score", "clay_tier"}
_CRMS = (("GoHighLevel", "manages contacts for sales"), ("Instantly", "sends campaigns to Tier 1 and 2"))


def enrichment_of_leads() -> Activity:
    """Collection, enrichment, scoring and hand-over of business contacts."""
    days = settings.RETENTION_DAYS
    names = sorted(PERSONAL["Lead"] - _NOT_TOLD)
    return Activity(
        "Enrichment and scoring of business contacts",
        "Checking whether an offer fits a company, and whom to contact there",
        "Legitimate interest (Art. 6(1)(f))",
        "People active in public business networks, events and groups",
        tuple(name.strip() for name in field_labels(names).split(",")),
        (*_systems(), *_providers()),
        f"{days} days after collection. Re-enrichment never extends it. Removed everywhere and verified.",
    )


def _systems() -> tuple[Recipient, ...]:
    return tuple(Recipient(name, purpose, "processor") for name, purpose in (("Clay", _at_clay()), *_CRMS))


def _at_clay() -> str:
    """By what the connector in use can do; rows that earlier ones left are in the tables as well."""
    if chosen.can(Can.FETCH):
        return "holds leads during enrichment"
    if chosen.can(Can.RECEIVE_ROW):
        return "enriches leads in a table, where their rows stay until they are deleted by hand"
    return "enriches leads in runs of a routine, and keeps its run history about a day"


def _providers() -> tuple[Recipient, ...]:
    """The data providers of the published waterfalls, who are asked through Clay."""
    document = active_waterfall()
    asked: dict[str, list[str]] = {}
    for kind, waterfall in document.waterfalls().items():
        for slug in waterfall.providers:
            asked.setdefault(slug, []).append(kind)
    names = dict(Provider.objects.values_list("slug", "name"))
    return tuple(
        Recipient(names.get(slug, slug), f"provides {', '.join(kinds)} data", "through Clay")
        for slug, kinds in sorted(asked.items())
    )
