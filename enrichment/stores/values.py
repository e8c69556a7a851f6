"""New values of a rectification, read by the rules of intake and of the mirror before anything is written."""

from collections.abc import Callable, Mapping
from typing import Any

from enrichment.labels import field_label
from enrichment.models import Lead, WaterfallVersion
from enrichment.vendors.clay.fields import readers
from enrichment.vendors.lead_values import as_text
from enrichment.vendors.reading import Unreadable, text
from gdpr import rectifiable
from swarm_admin.core.clean_text import cleaned
from swarm_admin.core.identifiers import linkedin
from swarm_admin.core.identifiers.text import is_missing, is_missing_text

_OWN: dict[str, Callable[[Any], Any]] = {
    "linkedin_url": linkedin.canonical,
    "company_page": text(2000),
    "source_name": text(200),
    "source_url": text(2000),
    "engagement_action": text(500),
    "engagement_content": text(5000, lines=True),
}
# What is made or kept by us and is not corrected, as the person is told of it.
_OURS = {
    "icp_score": "Score against our ideal customer profile",
    "icp_tier": "Tier by that score",
    "clay_score": "Score as Clay computed it",
    "clay_tier": "Tier as Clay computed it",
    "raw": "Everything in Clay's row about you",
    "written_back": "What we wrote into Clay's row",
    "clay_row_id": "ID of your row in Clay",
    "ghl_contact_id": "ID of your contact in GoHighLevel",
    "instantly_lead_id": "ID of your record in Instantly",
    "source_type": "Type of place where we found you",
    "scraped_at": "When we found you",
}
_COMPUTED = ("icp_score", "icp_tier", "enriched_at")
_FIELDS = (set(readers("US")) - set(_COMPUTED)) | set(_OWN)
_ORDER = (
    "first_name",
    "last_name",
    "title",
    "company_name",
    "email_work",
    "email_personal",
    "phone",
    "linkedin_url",
)
_NOTHING = "only says that there is no value. Leave it empty to clear the field."
_NEEDED = ("linkedin_url", "source_name")


def _readers() -> dict[str, Callable[[Any], Any]]:
    read = readers(WaterfallVersion.active().phone_country)
    return {**{name: each for name, each in read.items() if name not in _COMPUTED}, **_OWN}


def register_fields() -> None:
    """Tell the law's side what can be corrected; its forms check values as the stores will."""
    for name in (*_ORDER, *sorted(set(_FIELDS) - set(_ORDER))):
        label = field_label(name)
        rectifiable.register(name, label[:1].upper() + label[1:], _cleaner(name))
    for name, label in _OURS.items():
        rectifiable.set_label(name, label)


def _cleaner(name: str) -> Callable[[str], str]:
    return lambda value: as_text(validated({name: value})[name])


def validated(values: Mapping[str, str]) -> dict[str, Any]:
    """`values` in the mirror's types; an empty text empties the field.

    Raises:
        ValueError: a sentence that names the field and the rule, never the value.
    """
    read = _readers()
    found: dict[str, Any] = {}
    for name, given in values.items():
        if name not in read:
            raise ValueError(f"{name} can't be corrected.")
        if not cleaned(given):
            if name in _NEEDED:
                raise ValueError(f"{name} must not be empty.")
            found[name] = getattr(Lead(), name)
            continue
        if is_missing_text(given):
            raise ValueError(f"{name} {_NOTHING}")
        try:
            found[name] = read[name](given)
        except Unreadable:
            raise ValueError(f"{name} isn't a valid value for this field.") from None
        except ValueError as rule:
            raise ValueError(f"{name} {rule}") from None
        if is_missing(found[name]):
            raise ValueError(f"{name} {_NOTHING}")
    return found
