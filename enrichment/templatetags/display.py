"""How values look, the same everywhere: `{% load display %}`.

{% status_badge lead.enrichment_status %}   any status of `states.py`, or a webhook's verdict
{% tier_badge lead.icp_tier %}              1, 2, 3 or None
{% score_bar lead.icp_score %}              0 to 100 or None
{% ago lead.received_at %}                  relative, the exact UTC time on hover
{{ lead.enrichment_cost|money:4 }}          US dollars (the catalogue's currency), two decimals unless said
{{ count|number }}                          12,345
{{ "unknown_row"|words }}                   unknown row
{% personal lead.full_name "name" %}        masked without `enrichment.view_personal_data`; kinds in `masking`
"""

import datetime
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.db.models import TextChoices
from django.template.context import RequestContext
from django.utils import timezone

from enrichment.labels import field_label, field_labels, provider_name
from enrichment.masking import may_see, shown
from enrichment.models import Verdict
from enrichment.states import TRANSITIONS

register = template.Library()
MISSING = "\u2013"  # a dash

# status → (icon, colour); one meaning has one look in every machine.
LOOKS: dict[str, tuple[str, str]] = {
    "pending": ("clock", "grey"),
    "planned": ("clock", "grey"),
    "queued": ("clock", "grey"),
    "intended": ("clock", "grey"),
    "received": ("inbox", "grey"),
    "draft": ("pencil", "grey"),
    "in_progress": ("loader-2", "blue"),
    "in_flight": ("send", "blue"),
    "waits_for_person": ("user-exclamation", "amber"),
    "running": ("loader-2", "blue"),
    "processing": ("loader-2", "blue"),
    "completed": ("circle-check", "green"),
    "done": ("circle-check", "green"),
    "succeeded": ("circle-check", "green"),
    "processed": ("circle-check", "green"),
    "accepted": ("circle-check", "green"),
    "published": ("circle-check", "green"),
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
    "cancelled": ("circle-x", "grey"),
    "left_out": ("circle-minus", "grey"),
    "abandoned": ("circle-x", "grey"),
    "superseded": ("archive", "grey"),
    "unchanged": ("equal", "grey"),
    "duplicate": ("copy", "grey"),
}
UNKNOWN_LOOK = ("help-circle", "grey")
MACHINES: list[type[TextChoices]] = [*TRANSITIONS, Verdict]
# Where two machines word a value differently, the first in order counts.
LABELS: dict[str, str] = {
    str(value): str(label) for machine in reversed(MACHINES) for value, label in machine.choices
}
TIER_LOOKS = {1: ("star", "green"), 2: ("star-half", "blue"), 3: ("point", "grey")}
STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (86_400 * 60, "d", 86_400))


@register.inclusion_tag("components/_status.html")
def status_badge(status: str, label: str = "") -> dict[str, str]:
    icon, colour = LOOKS.get(str(status), UNKNOWN_LOOK)
    own = getattr(status, "label", "") or LABELS.get(str(status), "")
    text = label or own or str(status).replace("_", " ").capitalize()
    return {"status": str(status), "label": text, "icon": icon, "colour": colour}


@register.inclusion_tag("components/_tier.html")
def tier_badge(tier: int | None) -> dict[str, Any]:
    icon, colour = TIER_LOOKS.get(tier or 0, UNKNOWN_LOOK)
    return {"tier": tier, "icon": icon, "colour": colour}


@register.inclusion_tag("components/_score.html")
def score_bar(score: float | None) -> dict[str, Any]:
    return {"score": score, "width": 0 if score is None else max(0, min(100, round(score)))}


@register.inclusion_tag("components/_time.html")
def ago(moment: datetime.datetime | None, empty: str = MISSING) -> dict[str, Any]:
    """`empty` is shown where there is no time."""
    return {"moment": moment, "words": relative(moment) if moment else "", "empty": empty}


def relative(moment: datetime.datetime) -> str:
    """ "3 min ago", "in 2 h"; past sixty days the date, in UTC."""
    seconds = (timezone.now() - moment).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return "just now"
    for below, unit, size in STEPS:
        if distance < below:
            amount = f"{int(distance // size)} {unit}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return moment.astimezone(datetime.UTC).strftime("%-d %b %Y")


@register.filter
def money(amount: Any, places: int = 2) -> str:
    """US dollars: the currency of the providers' catalogue."""
    try:
        return f"${Decimal(str(amount or 0)):,.{int(places)}f}"
    except InvalidOperation:
        return MISSING


@register.filter
def number(value: Any) -> str:
    """Thousands separated, no needless decimals; a dash where there is none."""
    if value is None or value == "":
        return MISSING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


@register.filter
def words(name: str) -> str:
    """A name of ours for people: "unknown_row" → "unknown row"."""
    return str(name or "").replace("_", " ")


@register.filter
def provider(slug: str) -> str:
    """A data provider's name: "apollo" → "Apollo"."""
    return provider_name(slug) if slug else ""


@register.filter
def labels(names: Iterable[str]) -> str:
    """Columns as people call them: ["email_personal", "phone"] → "e-mail (personal), phone"."""
    return field_labels(names or ())


@register.filter
def label(name: str) -> str:
    """One column as people call it, to begin a cell with: "source_type" → "Source type"."""
    told = field_label(name) if name else ""
    return told[:1].upper() + told[1:]


@register.simple_tag(takes_context=True)
def personal(context: RequestContext, value: Any, kind: str = "text") -> str:
    """The value as the person looking at the page may see it."""
    return shown(context.get("user"), value, kind)


@register.simple_tag(takes_context=True)
def sees_personal_data(context: RequestContext) -> bool:
    """For `{% sees_personal_data as unmasked %}`."""
    return may_see(context.get("user"))
