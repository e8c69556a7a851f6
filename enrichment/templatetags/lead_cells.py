"""The cells of the list of leads: `{% load lead_cells %}`, `{% lead_cells lead cells rescore %}`.

In Python and not as a template, for a page has some four hundred of them, and choosing a look by a chain of
conditions took two thirds of its time.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from enrichment.leads.columns import Column
from enrichment.models import Lead
from enrichment.templatetags.display import ago, fill_in, old_version, score_bar, status_badge, tier_badge
from swarm_admin.core.number_format import MISSING, money, number

register = template.Library()
Look = Callable[[Any, Lead, Any], str]
RESTRICTED = (
    ' <span class="st st-violet" title="Stored only: not enriched, scored, delivered or exported">'
    '<i class="ti ti-lock" aria-hidden="true"></i>{}</span>'
)


@register.simple_tag
def lead_cells(lead: Lead, cells: Iterable[tuple[Column, Any]], rescore: Any = None) -> SafeString:
    """The <td> of one lead; `cells` are (column, value to show), `rescore` the one under way or None."""
    # Each look escapes what it is given; label and class are ours.
    return mark_safe("".join(_cell(column, value, lead, rescore) for column, value in cells))  # noqa: S308


def _cell(column: Column, value: Any, lead: Lead, rescore: Any) -> str:
    shown = LOOKS.get(column.look, _number)(value, lead, rescore)
    return f"{_opening(column)}{conditional_escape(shown)}</td>"


@functools.cache
def _opening(column: Column) -> str:
    right = mark_safe(' class="n"' if column.right else "")  # noqa: S308 - our own words
    return format_html('<td data-label="{}"{}>', column.label, right)


def _text(value: Any, lead: Lead, rescore: Any) -> str:
    return format_html('<span class="cut" title="{0}">{0}</span>', value) if value else ""


def _name(value: Any, lead: Lead, rescore: Any) -> str:
    shape = '<a class="cut" data-row-open href="{}" hx-get="{}" hx-target="#drawer">{}</a>'
    link = format_html(shape, _address("lead", lead.pk), _address("lead_drawer", lead.pk), value or "No name")
    return link + format_html(RESTRICTED, lead.get_restriction_display()) if lead.restriction else link


def _address(name: str, pk: int) -> str:
    return _pattern(name).replace("0", str(pk))


@functools.cache
def _pattern(name: str) -> str:
    """The address with 0 in the place of the key, looked up once."""
    return reverse(name, args=[0])


def _drift(value: Any, lead: Lead, rescore: Any) -> str:
    if value is None:
        return MISSING
    return f"+{number(value)}" if value > 0 else number(value)


def _number(value: Any, lead: Lead, rescore: Any) -> str:
    return number(value)


LOOKS: dict[str, Look] = {
    "text": _text,
    "name": _name,
    "status": lambda value, lead, rescore: format_html("{}{}", status_badge(value), fill_in(lead)),
    "tier": lambda value, lead, rescore: format_html("{}{}", tier_badge(value), old_version(rescore, lead)),
    "score": lambda value, lead, rescore: score_bar(value),
    "time": lambda value, lead, rescore: ago(value),
    "money": lambda value, lead, rescore: money(value, 4),
    "drift": _drift,
    "number": _number,
}
