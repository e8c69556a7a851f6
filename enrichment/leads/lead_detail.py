"""What we know of one lead and whence: its fields in groups, each with provider, time, cost, pins, conflicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from enrichment.leads.sharing import SharedValue, shared_values
from enrichment.models import FieldConflict, FieldFact, Lead, Provider
from enrichment.pipeline.score.engine import Score, engine
from enrichment.pipeline.score.explained import explanation_of, version_of
from enrichment.pipeline.score.lift import Lift, next_tier
from swarm_admin.core.masking import mask

# kinds of `masking.mask`; a field that is not here shows nothing of itself when masked
MASKS = {
    "first_name": "name",
    "last_name": "name",
    "email_work": "email",
    "email_personal": "email",
    "phone": "phone",
}
# these find nobody by themselves and stay readable
OPEN_FIELDS = {
    "company_name", "company_domain", "company_industry", "company_size", "company_revenue", "company_location",
    "tech_stack", "funding_stage", "funding_amount", "title", "source_type", "source_name", "scraped_at",
    "received_at", "retention_until",
}  # fmt: skip

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Person",
        (
            ("first_name", "First name"),
            ("last_name", "Last name"),
            ("title", "Title"),
            ("linkedin_url", "LinkedIn"),
            ("linkedin_headline", "Headline"),
            ("linkedin_summary", "Summary"),
            ("linkedin_connections", "Connections"),
            ("mutual_connections", "Mutual connections"),
            ("recent_posts", "Recent posts"),
        ),
    ),
    (
        "Contact",
        (("email_work", "E-mail (work)"), ("email_personal", "E-mail (personal)"), ("phone", "Phone")),
    ),
    (
        "Company",
        (
            ("company_name", "Company"),
            ("company_domain", "Domain"),
            ("company_page", "Company page"),
            ("company_industry", "Industry"),
            ("company_size", "Employees"),
            ("company_revenue", "Revenue"),
            ("company_location", "Location"),
            ("tech_stack", "Tech stack"),
            ("funding_stage", "Funding stage"),
            ("funding_amount", "Funding amount"),
        ),
    ),
    (
        "Source",
        (
            ("source_type", "Source"),
            ("source_name", "Source name"),
            ("source_url", "Source URL"),
            ("engagement_action", "Engagement"),
            ("engagement_content", "Comment"),
            ("scraped_at", "Collected"),
            ("received_at", "Received"),
            ("retention_until", "Retained until"),
        ),
    ),
)
OURS = {"scraped_at", "received_at", "retention_until"}  # nobody supplied them
FROM_INTAKE = {name for name, _ in GROUPS[3][1] if name not in OURS} | {
    "linkedin_url",
    "first_name",
    "last_name",
    "company_name",
}
REFERENCES = (
    ("Clay row", "clay_row_id"),
    ("Clay table", "clay_table_id"),
    ("GoHighLevel contact", "ghl_contact_id"),
    ("Instantly lead", "instantly_lead_id"),
)


@dataclass
class DetailField:
    """One field. `facts`: who supplied it, the newest first; `of_intake`: it came with the lead itself."""

    name: str
    label: str
    value: Any
    link: str = ""
    pinned: bool = False
    of_intake: bool = False
    facts: list[FieldFact] = field(default_factory=list)
    conflicts: list[FieldConflict] = field(default_factory=list)
    shared: SharedValue | None = None

    @property
    def empty(self) -> bool:
        return self.value in ("", None)

    @property
    def of_system(self) -> bool:
        return self.name in OURS

    @property
    def is_time(self) -> bool:
        return hasattr(self.value, "tzinfo")


@dataclass(frozen=True)
class DetailGroup:
    label: str
    entries: list[DetailField]
    missing: list[str]


def detail_groups(lead: Lead, *, unmasked: bool) -> list[DetailGroup]:
    """The lead's fields; three queries, and one for each identifier. Conflicting values are masked with their field."""
    names = dict(Provider.objects.values_list("slug", "name"))
    facts: dict[str, list[FieldFact]] = {}
    for fact in lead.facts.order_by("-observed_at", "-id"):
        fact.provider_name = names.get(fact.provider, fact.provider)  # type: ignore[attr-defined]
        facts.setdefault(fact.field, []).append(fact)
    conflicts: dict[str, list[FieldConflict]] = {}
    for conflict in lead.conflicts.order_by("-observed_at"):
        conflict.shown = conflict.value if unmasked else mask(conflict.value)  # type: ignore[attr-defined]
        conflicts.setdefault(conflict.field, []).append(conflict)
    shared = shared_values(lead)
    groups = []
    for label, fields in GROUPS:
        entries = [_entry(lead, name, words, unmasked, facts, conflicts) for name, words in fields]
        for entry in entries:
            entry.shared = shared.get(entry.name)
        present = [e for e in entries if not e.empty or e.facts or e.conflicts or e.pinned]
        groups.append(DetailGroup(label, present, [e.label for e in entries if e not in present]))
    return groups


def _entry(
    lead: Lead,
    name: str,
    label: str,
    unmasked: bool,
    facts: dict[str, list[FieldFact]],
    conflicts: dict[str, list[FieldConflict]],
) -> DetailField:
    return DetailField(
        name=name,
        label=label,
        value=value_of(lead, name, unmasked=unmasked),
        link=lead.linkedin_url if name == "linkedin_url" and unmasked else "",
        pinned=name in lead.pinned_fields,
        of_intake=name in FROM_INTAKE and not facts.get(name),
        facts=facts.get(name, []),
        conflicts=conflicts.get(name, []),
    )


def value_of(lead: Lead, name: str, *, unmasked: bool) -> Any:
    """The field as text, or as a time where it is one; "" where it is missing."""
    value = getattr(lead, name)
    if name == "source_type":
        return lead.get_source_type_display()
    if name in ("scraped_at", "received_at", "retention_until"):
        return value
    text = ", ".join(_texts_of(value)) if isinstance(value, list) else _as_text(value)
    if unmasked or name in OPEN_FIELDS:
        return text
    return mask(text, MASKS.get(name, "text"))


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,}"
    return str(value)


def _texts_of(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield str(value.get("text") or value.get("content") or value.get("title") or "")
        else:
            yield str(value)


def references(lead: Lead) -> list[tuple[str, str]]:
    """(label, id) of the lead in each other system; "" where it is not there."""
    return [(label, getattr(lead, name) or "") for label, name in REFERENCES]


@dataclass(frozen=True)
class ComponentPoints:
    """One component of the score. `share`: percent of its maximum; `matched`: texts that were found."""

    label: str
    points: float
    most: float
    rule: str
    matched: list[tuple[str, str]]

    @property
    def share(self) -> int:
        return round(100 * self.points / self.most) if self.most else 0


def component_points(lead: Lead, *, unmasked: bool) -> list[ComponentPoints]:
    """The score, component by component; what was found is masked as the rest."""
    version = version_of(lead)
    card = version.document if version else {}
    looks_at = {part.get("id"): part.get("field") for part in card.get("components", [])}
    components = []
    for award in explanation_of(lead):
        matched = award.get("matched") or []
        pairs = [(str(m.get("text", "")), str(m.get("value", ""))) for m in matched if isinstance(m, dict)]
        readable = unmasked or looks_at.get(award.get("component")) in OPEN_FIELDS
        components.append(
            ComponentPoints(
                label=str(award.get("label", "")),
                points=float(award.get("points") or 0),
                most=float(award.get("max") or 0),
                rule=str(award.get("rule") or ""),
                matched=pairs if readable else [(mask(text), mask(value)) for text, value in pairs],
            )
        )
    return components


def tier_lifts(lead: Lead) -> list[Lift]:
    """The nearest changes that lift the tier, by the card that scored the lead."""
    version = version_of(lead)
    if version is None or lead.icp_score is None or not lead.icp_tier:
        return []
    scorer = engine(version.pk)
    return next_tier(Score(lead.icp_score, lead.icp_tier, explanation_of(lead)), scorer.card, scorer)
