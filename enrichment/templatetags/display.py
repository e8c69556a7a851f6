"""How values look, the same everywhere: `{% load display %}`.

{% status_badge lead.enrichment_status %}   any status of `states.py`, or a webhook's verdict
{% fill_in lead %}                           beside a status: "waiting for BuiltWith", where a fill-in is to come
{% outcome_badge outcome %}                 how a job stands or ended, by its results
{% tier_badge lead.icp_tier %}              1, 2, 3 or None
{% score_bar lead.icp_score %}              0 to 100 or None
{% old_version rescore lead %}               beside a tier: still of an older scorecard, while a rescore is under way
{% ago lead.received_at %}                  relative, the exact UTC time on hover
{{ lead.enrichment_cost|money:4 }}          US dollars (the catalogue's currency), two decimals unless said
{{ count|number }}                          12,345
{{ "unknown_row"|words }}                   unknown row
{{ "Change Password"|sentence_case }}       Change password
{{ lead.error_message|said }}               with the providers in it by their names
{% personal lead.full_name "name" %}        masked without `enrichment.view_personal_data`; kinds in `masking`
"""

import datetime
import functools
from collections.abc import Iterable
from typing import Any

from django import template
from django.db.models import TextChoices
from django.template.context import RequestContext
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from enrichment import states
from enrichment.labels import (
    EVENT_LABELS,
    LOOKS,
    UNKNOWN_LOOK,
    field_label,
    field_labels,
    provider_name,
    tier_name,
    with_provider_names,
)
from enrichment.models import Verdict
from swarm_admin.core.jobs import JobStatus, MemberStatus
from swarm_admin.core.masking import display_value, may_see
from swarm_admin.core.number_format import MISSING, money, number
from swarm_admin.core.states import TRANSITIONS

register = template.Library()
register.filter(money)
register.filter(number)

OURS = [each for each in TRANSITIONS if each.__module__ == states.__name__]
MACHINES: list[type[TextChoices]] = [*OURS, JobStatus, MemberStatus, Verdict]
# Where two machines word a value differently, the first in order counts.
LABELS: dict[str, str] = {str(value): str(label) for machine in reversed(MACHINES) for value, label in machine.choices}
TIER_LOOKS = {1: ("star", "green"), 2: ("star-half", "blue"), 3: ("point", "grey")}
NOW_SECONDS = 5
STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (86_400 * 60, "d", 86_400))


@register.simple_tag
def status_badge(status: str, label: str = "") -> SafeString:
    icon, colour = LOOKS.get(str(status), UNKNOWN_LOOK)
    own = getattr(status, "label", "") or LABELS.get(str(status), "")
    text = label or own or str(status).replace("_", " ").capitalize()
    return _drawn("components/_status.html", status=str(status), label=text, icon=icon, colour=colour)


@register.simple_tag
def outcome_badge(outcome: Any) -> SafeString:
    """How a job stands or ended: a `job_outcome.Outcome`."""
    values = {"label": outcome.label, "icon": outcome.icon, "colour": outcome.colour}
    return _drawn("components/_status.html", status="", **values)


@register.simple_tag
def fill_in(lead: Any) -> str:
    """A mark beside a status while providers are still to be asked: "waiting for BuiltWith +1"; else nothing."""
    if not lead.awaits_fill_in:
        return ""
    first, *others = map(provider_name, lead.only_providers)
    names = ", ".join((first, *others))
    short = f"{first} +{len(others)}" if others else first
    when = f"due {relative(lead.dispatch_after)}" if lead.dispatch_after else "running now"
    return format_html(
        ' <span class="fill-in" title="Fill-in by {1} {2}: an hourly limit was reached">waiting for {0}</span>',
        short,
        names,
        when,
    )


@register.simple_tag
def old_version(rescore: Any, lead: Any) -> str:
    """A mark beside a tier that a rescore under way has not come to yet: "v3"; else nothing."""
    if not rescore or not rescore.is_old(lead):
        return ""
    return format_html(
        '<span class="old-version" title="tier from version {0}">v{0}'
        '<span class="visually-hidden">, tier from version {0}</span></span>',
        rescore.over,
    )


@register.simple_tag
def tier_badge(tier: int | None) -> SafeString:
    icon, colour = TIER_LOOKS.get(tier or 0, UNKNOWN_LOOK)
    name = tier_name(tier) if tier else ""
    return _drawn("components/_tier.html", tier=tier, name=name, icon=icon, colour=colour)


@register.simple_tag
def score_bar(score: float | None) -> SafeString:
    width = 0 if score is None else max(0, min(100, round(score)))
    return _drawn("components/_score.html", score=score, width=width)


@functools.lru_cache(maxsize=1_000)
def _drawn(template_name: str, **values: Any) -> SafeString:
    """A component that is the same wherever it stands: a list of a hundred rows draws it once."""
    return render_to_string(template_name, values)


@register.simple_tag
def ago(moment: datetime.datetime | None, empty: str = MISSING) -> SafeString:
    """`empty` is shown where there is no time."""
    if moment is None:
        return format_html('<span class="text-secondary">{}</span>', empty)
    return _time(moment, relative(moment))


@register.simple_tag
def due(moment: datetime.datetime | None) -> SafeString:
    """When something is to happen: "in 3 min", "now" where its time has come; never a word of what is over."""
    if moment is None:
        return ago(None)
    left = (moment - timezone.now()).total_seconds()
    return _time(moment, relative(moment) if left > NOW_SECONDS + 1 else "now")


def _time(moment: datetime.datetime, words: str) -> SafeString:
    exact = moment.astimezone(datetime.UTC)
    shape = '<time datetime="{}" title="{} UTC">{}</time>'
    return format_html(shape, exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S}", words)


def relative(moment: datetime.datetime) -> str:
    """ "3 min ago", "in 2 h"; past sixty days the date, in UTC."""
    seconds = (timezone.now() - moment).total_seconds()
    distance = abs(seconds)
    if distance < NOW_SECONDS:
        return "just now"
    for below, unit, size in STEPS:
        if distance < below:
            amount = f"{int(distance // size)} {unit}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return moment.astimezone(datetime.UTC).strftime("%-d %b %Y")


@register.filter
def words(name: str) -> str:
    """A name of ours for people: "unknown_row" → "unknown row"."""
    return str(name or "").replace("_", " ")


@register.filter(is_safe=True)
def sentence_case(text: str) -> str:
    """A heading of a library in the product's case: "Two-Factor Authentication" → "Two-factor authentication"."""
    first, *rest = str(text).split() or [""]
    return " ".join(
        [first.capitalize() if first.istitle() else first, *(w.lower() if w.istitle() else w for w in rest)]
    )


@register.filter
def event(name: str) -> str:
    """A webhook's event: "row.enriched" → "Row enriched"; one we do not act on as it came."""
    return EVENT_LABELS.get(name, name)


@register.filter
def provider(slug: str) -> str:
    """A data provider's name: "apollo" → "Apollo"."""
    return provider_name(slug) if slug else ""


@register.filter
def said(message: str) -> str:
    """A stored error message, with the providers in it by their names."""
    return with_provider_names(message) if message else ""


@register.filter
def labels(names: Iterable[str]) -> str:
    """Columns as people call them: ["email_personal", "phone"] → "e-mail (personal), phone"."""
    return field_labels(names or ())


@register.filter
def label(name: str) -> str:
    """One column as people call it, to begin a cell with: "source_type" → "Source type"."""
    field = field_label(name) if name else ""
    return field[:1].upper() + field[1:]


@register.simple_tag(takes_context=True)
def personal(context: RequestContext, value: Any, kind: str = "text") -> str:
    """The value as the person looking at the page may see it."""
    return display_value(context.get("user"), value, kind)


@register.simple_tag(takes_context=True)
def sees_personal_data(context: RequestContext) -> bool:
    """For `{% sees_personal_data as unmasked %}`."""
    return may_see(context.get("user"))
