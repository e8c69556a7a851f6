"""The palette behind Ctrl-K: leads by name."""

from django.http import HttpRequest, JsonResponse
from django.urls import reverse

from enrichment.models import Lead
from swarm_admin.core.screens import screen

MOST = 8


@screen(("enrichment.view_lead", "enrichment.view_personal_data"), "POST")
def find(request: HttpRequest) -> JsonResponse:
    """`{"leads": [{"label", "note", "url"}]}` of at most eight leads; `q` is in the body, not the address."""
    words = request.POST.get("q", "")[:200]
    leads = Lead.objects.matching(words) if words.strip() else Lead.objects.none()
    matching = leads.only("first_name", "last_name", "company_name")[:MOST]
    return JsonResponse({"leads": [_entry(lead) for lead in matching]})


def _entry(lead: Lead) -> dict[str, str]:
    return {
        "label": lead.full_name or f"Lead {lead.pk}",
        "note": lead.company_name,
        "url": reverse("lead", args=[lead.pk]),
    }
