"""Records at GoHighLevel and Instantly that several leads stand for: each was to have one of its own."""

from collections import defaultdict

from django.db.models import Count

from enrichment.drift.differences import Finding, close_drift, record_findings, without_suppressed
from enrichment.models import ContactMatch, Drift, DriftKind, Lead
from enrichment.models.contact_match import LINKED
from enrichment.pipeline.mirror.refresh_status import REFERENCES

MOST = 5_000  # leads listed at once


def find_shared() -> None:
    """List these leads, and close what is over; in the caller's transaction. Asks nobody but the mirror."""
    fields: dict[int, list[str]] = defaultdict(list)
    leads: dict[int, Lead] = {}
    for name in REFERENCES:
        for lead in leads_sharing(name)[:MOST]:
            leads[lead.pk] = lead
            fields[lead.pk].append(name)
    findings = [
        Finding(DriftKind.SHARED_RECORD, lead.identity, pk, fields=tuple(fields[pk])) for pk, lead in leads.items()
    ]
    findings = without_suppressed(findings)
    record_findings(findings)
    still = [each.subject for each in findings]
    close_drift(Drift.objects.filter(kind=DriftKind.SHARED_RECORD).exclude(subject__in=still))


def leads_sharing(name: str) -> list[Lead]:
    """Leads whose reference of this name is another lead's too, but for a contact that a person gave to both."""
    counted = Lead.objects.usable().exclude(**{name: ""}).order_by().values_list(name).annotate(n=Count("pk"))
    shared = [reference for reference, _ in counted.filter(n__gt=1)[:MOST]]
    given = ContactMatch.objects.filter(contact_id__in=shared, action__in=LINKED, decided_at__isnull=False).values_list(
        "contact_id", flat=True
    )
    left = set(shared) - set(given) if name == "ghl_contact_id" else set(shared)
    leads = Lead.objects.usable().filter(**{f"{name}__in": left}).defer("raw", "search")
    return list(leads.order_by("pk"))
