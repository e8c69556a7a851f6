"""Data providers and columns as people call them; the tables keep slugs and names of columns."""

import re
from collections.abc import Iterable

from django.core.cache import cache

from enrichment.models import Provider, ScorecardVersion

_WORD = re.compile(r"(?<![\w.@/-])[a-z][a-z0-9]+(?!\.*[\w@/-])")  # no part of an address or a name
KEPT, KEEP_SECONDS = "provider-names", 60
# Columns of the mirror: as the list of leads heads them, then those that it does not show.
LIST_LABELS = {
    "company_name": "Company",
    "title": "Title",
    "icp_tier": "Tier",
    "icp_score": "Score",
    "enrichment_status": "Status",
    "source_name": "Source name",
    "received_at": "Received",
    "email_work": "E-mail (work)",
    "email_personal": "E-mail (personal)",
    "phone": "Phone",
    "company_domain": "Domain",
    "company_industry": "Industry",
    "company_size": "Employees",
    "company_location": "Location",
    "drift": "Score difference",
    "enrichment_cost": "Cost",
    "enriched_at": "Enriched",
    "linkedin_url": "LinkedIn",
}
EVENT_LABELS = {"row.enriched": "Row enriched", "row.enrichment_failed": "Enrichment failed"}
LABELS = LIST_LABELS | {
    "linkedin_url": "LinkedIn URL",
    "icp_score": "ICP score",
    "icp_tier": "ICP tier",
    "linkedin_headline": "LinkedIn headline",
    "linkedin_summary": "LinkedIn summary",
    "linkedin_connections": "LinkedIn connections",
    "clay_score": "Clay's score",
    "clay_tier": "Clay's tier",
}


def provider_name(slug: str) -> str:
    """ "apollo" → "Apollo", by the catalogue; one that it does not have keeps its slug."""
    return _names().get(slug, slug)


def _names() -> dict[str, str]:
    names: dict[str, str] | None = cache.get(KEPT)
    if names is None:
        names = dict(Provider.objects.values_list("slug", "name"))
        cache.set(KEPT, names, KEEP_SECONDS)
    return names


def with_provider_names(message: str) -> str:
    """The vendor's words with the providers' slugs in them as people call them: "504 apollo" → "504 Apollo"."""
    names = _names()
    return _WORD.sub(lambda found: names.get(found.group(), found.group()), message)


def tier_names() -> list[str]:
    """The names of the published scorecard's tiers, from the best down."""
    return [str(tier["name"]) for tier in ScorecardVersion.active().document["tiers"]]


def tier_label(tier: int) -> str:
    """ "Tier 1", and with a name of its own "Tier 1 (Hot)"."""
    name = tier_name(tier)
    return f"Tier {tier} ({name})" if name else f"Tier {tier}"


def tier_name(tier: int) -> str:
    """The name that the published scorecard gives a tier; "" where that only numbers it, or has no such tier."""
    names = tier_names()
    name = names[tier - 1] if 0 < tier <= len(names) else ""
    return "" if name == f"Tier {tier}" else name


def field_label(name: str) -> str:
    """ "email_personal" → "e-mail (personal)": the label of the list's column, else the name in words."""
    label = LABELS.get(name) or name.replace("_", " ")
    as_it_is = label[1:2].isupper() or label.startswith(("LinkedIn", "Clay"))
    return label if as_it_is else label[:1].lower() + label[1:]


def field_labels(names: Iterable[str]) -> str:
    """The labels of these columns, as a list in a sentence."""
    return ", ".join(field_label(str(name)) for name in names)


# status → (icon, colour); one meaning has one look in every machine. Colour is news: what is as it should be is grey,
# and green is kept for what has just succeeded.
LOOKS: dict[str, tuple[str, str]] = {
    "pending": ("clock", "grey"),
    "planned": ("clock", "grey"),
    "queued": ("clock", "grey"),
    "intended": ("clock", "grey"),
    "received": ("inbox", "grey"),
    "draft": ("pencil", "grey"),
    "trial": ("test-pipe", "blue"),
    "in_progress": ("loader-2", "blue"),
    "in_flight": ("send", "blue"),
    "waits_for_person": ("user-exclamation", "amber"),
    "running": ("loader-2", "blue"),
    "processing": ("loader-2", "blue"),
    "completed": ("circle-check", "grey"),
    "done": ("circle-check", "grey"),
    "succeeded": ("circle-check", "grey"),
    "processed": ("circle-check", "grey"),
    "accepted": ("circle-check", "grey"),
    "published": ("circle-check", "grey"),
    "partial": ("circle-half-2", "amber"),
    "unknown": ("help-circle", "amber"),
    "again": ("rotate", "amber"),
    "stale": ("history", "amber"),
    "unknown_row": ("help-circle", "amber"),
    "unknown_event": ("help-circle", "amber"),
    "failed": ("alert-triangle", "red"),
    "malformed": ("alert-triangle", "red"),
    "set_aside": ("alert-triangle", "red"),
    "unenrichable": ("user-off", "violet"),
    "withheld": ("hand-stop", "violet"),
    "suppressed": ("hand-stop", "violet"),
    "restricted": ("lock", "violet"),
    "erased": ("eraser", "violet"),
    "test": ("flask", "grey"),
    "cancelled": ("circle-x", "grey"),
    "left_out": ("circle-minus", "grey"),
    "abandoned": ("circle-x", "grey"),
    "superseded": ("archive", "grey"),
    "unchanged": ("equal", "grey"),
    "discarded": ("trash", "grey"),
    "waiting": ("clock", "amber"),
    "delivered": ("send", "grey"),
    "dismissed": ("circle-minus", "grey"),
    "overtaken": ("history", "grey"),
    "duplicate": ("copy", "grey"),
    "verifying": ("user-question", "blue"),
    "locating": ("search", "blue"),
    "awaiting_approval": ("user-check", "amber"),
    "executing": ("loader-2", "blue"),
    "needs_action": ("hand-stop", "amber"),
    "refused": ("circle-x", "grey"),
    "withdrawn": ("circle-minus", "grey"),
    "manual": ("hand-stop", "amber"),
    "held": ("lock", "violet"),
    "sending": ("send", "blue"),
    "sent": ("mail-check", "grey"),
    "copied": ("mail-check", "grey"),
    "given": ("file-export", "amber"),
    "dropped": ("circle-minus", "grey"),
    "passed": ("user-check", "grey"),
    "open": ("clock", "amber"),
    "included": ("user-check", "grey"),
    "excluded": ("user-off", "grey"),
}
UNKNOWN_LOOK = ("help-circle", "grey")
