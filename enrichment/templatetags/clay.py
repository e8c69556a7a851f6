"""What the way to Clay that is in use can do, for templates: `{% load clay %}`."""

from django import template

from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.waterfall import plan_of_record
from enrichment.waterfall.plan_of_record import PlanStatus

register = template.Library()


@register.simple_tag
def clay_can(name: str) -> bool:
    """`{% clay_can "trigger" as can_trigger %}`. Raises ValueError for what is no capability."""
    return chosen.can(Capability(name))


@register.simple_tag
def unapplied_plan() -> PlanStatus | None:
    """The plan of record while nobody said that all of Clay runs by it; None where it does, or is told by call."""
    if not plan_of_record.is_set_up_by_hand():
        return None
    plan = plan_of_record.plan_status()
    return None if plan.is_complete else plan
