"""Spending and budget: where did the money go, and when is it used up?"""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.documents.waterfall import active_waterfall
from enrichment.models import SourceType, SpendCap
from enrichment.models.spend import CapPeriod
from enrichment.waterfall import spend_limits, spend_report
from enrichment.waterfall.prices import price_of
from enrichment.waterfall.views.waterfall import VIEW
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.form_fields import PlainDecimalField
from swarm_admin.core.screens import screen

BUDGET = "enrichment.set_budget"
NO_BUDGET = "You don't have permission to change budgets. Ask an admin."


class BudgetForm(forms.Form):
    """A cap and why it is so."""

    period = forms.ChoiceField(
        label="Budget period",
        choices=CapPeriod.choices,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    source_type = forms.ChoiceField(
        label="Source",
        required=False,
        choices=[("", "all leads"), *SourceType.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    amount = PlainDecimalField(
        label="US dollars",
        min_value=Decimal("0.01"),
        max_value=Decimal(10**9 - 1),
        decimal_places=2,
        widget=forms.NumberInput(attrs={"class": "form-control", "step": "0.01"}),
    )
    note = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="Saved with the budget and in the audit log.",
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
    )


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The caps with their forecast, and what was spent by provider, source, tier, day and person."""
    period = request.GET.get("period", "month")
    period = period if period in spend_report.PERIODS else "month"
    shown = spend_report.limit_usage()
    may = request.user.has_perm(BUDGET)
    waiting = spend_limits.held_leads()
    each = price_of(active_waterfall())
    context = {
        "period": period,
        "periods": spend_report.PERIODS.items(),
        "report": (report := spend_report.spend_report(*spend_report.days_of_period(period))),
        "counting": report.leads is None,
        "caps": shown,
        "held": spend_report.leads_held(shown),
        "spend": spend_report.against_budget(),
        "waiting": waiting,
        "waiting_cost": waiting * each.amount,
        "waiting_caveat": each.caveat,
        "may_set": may,
        "why_not_set": "" if may else NO_BUDGET,
        "section": "spending",
    }
    return render(request, "enrichment/waterfall/waterfall_spending.html", context)


@screen(BUDGET, "GET", "POST")
def budget(request: HttpRequest) -> HttpResponse:
    """Set or raise a cap, with a note."""
    form = BudgetForm(request.POST or None, initial=_initial(request))
    if request.method == "POST" and form.is_valid():
        try:
            cap = spend_limits.set_cap(by=request.user, **form.cleaned_data)
        except ActionNotAllowed as impossible:
            form.add_error("note", str(impossible))
        else:
            messages.success(request, f"{cap.label} set to ${cap.amount:,.2f}. Paused work resumes within a minute.")
            return redirect("waterfall_spending")
    context = {"form": form, "section": "spending"}
    return render(request, "enrichment/waterfall/waterfall_budget.html", context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    period, source = request.GET.get("of", CapPeriod.DAY), request.GET.get("source", "")
    cap = SpendCap.objects.filter(period=period, source_type=source).first()
    return {"period": period, "source_type": source, "amount": cap.amount if cap else None}


@screen(BUDGET, "POST")
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a cap away, with a note."""
    cap = get_object_or_404(SpendCap, pk=pk)
    try:
        spend_limits.remove_cap(cap, note=request.POST.get("note", ""), by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, f"{cap.label} removed.")
    return redirect("waterfall_spending")
