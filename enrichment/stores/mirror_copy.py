"""What the mirror holds of a person, as they are told of it (Art. 15): each value, whence it is, and since when."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

from enrichment.clay_routines import setup
from enrichment.labels import provider_name
from enrichment.leads.provenance import DOCUMENTED_INTEREST, LEGAL_BASIS, PURPOSE
from enrichment.models import Attempt, Lead
from enrichment.models.contact_match import LINKED
from enrichment.models.handover import System
from enrichment.models.work import BatchKind
from enrichment.pipeline.receive.unmatched import text_of
from enrichment.pipeline.score.explained import explanation_of
from enrichment.states import AttemptStatus, ItemStatus
from enrichment.stores.clay_submissions import NEVER_SENT
from enrichment.stores.mirror_tables import TABLES, ErasureSubject, Table, deliveries_of
from enrichment.vendors.clay.fields import row_of
from gdpr.stores import Copy, Datum, Share
from swarm_admin.core.json_depth import is_deeper_than

SCRAPED = (
    "linkedin_url", "first_name", "last_name", "company_name", "source_type", "source_name", "source_url",
    "engagement_action", "engagement_content", "scraped_at",
)  # fmt: skip
OURS = ("icp_score", "icp_tier")
DEEPEST = 20  # levels of a message that are told as they stand; Clay's events have five
GIVEN_BY = {
    "clay_row_id": "Clay",
    "written_back": "Swarm Admin, to Clay",
    "ghl_contact_id": System.GHL.label,
    "instantly_lead_id": System.INSTANTLY.label,
}
RECIPIENTS = {str(system): str(system.label) for system in System}
PURPOSES = (
    f"{PURPOSE.replace('_', ' ')} ({DOCUMENTED_INTEREST})",
    f"legal basis: {LEGAL_BASIS.replace('_', ' ')}",
)


def copy_of_lead(lead: Lead) -> Copy:
    """Everything the mirror's tables hold of the lead's person."""
    subject = ErasureSubject.of(lead)
    data = [
        *_of_columns(lead, _name_of_clay(lead)),
        *_of_conflicts(lead),
        *_of_handovers(lead),
        *_of_matches(lead),
        *_of_campaign_moves(lead),
        *_of_moves(lead),
        *_of_webhooks(subject),
    ]
    return Copy(
        data=data,
        shares=list(_shares(lead)),
        logic=explanation_of(lead),
        purposes=PURPOSES,
        retention_until=lead.retention_until,
    )


def table_of(model: str) -> Table:
    return next(table for table in TABLES if table.model == model)


def _name_of_clay(lead: Lead) -> str:
    """Clay, and by which way its newest result came, where that was no row that we asked for."""
    runs = lead.attempts.filter(status=AttemptStatus.SUCCEEDED).exclude(reference="").select_related("source")
    newest = runs.order_by("-finished_at", "-pk").first()
    if newest is None:
        return "Clay"
    if newest.run_id:
        return "Clay, in a run of a routine"
    return f"Clay, from the table {newest.source.name}" if newest.source else "Clay, from a table"


def _of_columns(lead: Lead, clay: str) -> Iterator[Datum]:
    facts = {fact.field: fact for fact in lead.facts.order_by("observed_at", "pk")}
    table = table_of("Lead")
    for name in sorted(table.fields - table.not_exported):
        value = getattr(lead, name)
        if value in ("", None, [], {}):
            continue
        if name in lead.pinned_fields:
            yield Datum(name, value, "corrected at the person's request")
        elif fact := facts.get(name):
            yield Datum(name, value, provider_name(fact.provider), fact.observed_at)
        else:
            yield Datum(name, value, *_source(lead, name, clay))


def _source(lead: Lead, name: str, clay: str) -> tuple[str, datetime.datetime | None]:
    if name in SCRAPED:
        return f"{lead.get_source_type_display()}: {lead.source_name}", lead.scraped_at
    if name in OURS:
        return "our scorecard", lead.scored_at
    return GIVEN_BY.get(name, clay), lead.clay_seen_at or lead.enriched_at


def _of_conflicts(lead: Lead) -> Iterator[Datum]:
    """Values that came in and were not applied."""
    for conflict in lead.conflicts.order_by("field"):
        if conflict.value:
            yield Datum(f"{conflict.field} (not applied)", conflict.value, "Clay", conflict.observed_at)


def _of_handovers(lead: Lead) -> Iterator[Datum]:
    for handover in lead.handovers.exclude(external_id="").order_by("pk"):
        name = f"record at {System(handover.system).label}"
        yield Datum(name, handover.external_id, System(handover.system).label, handover.finished_at)


def _of_matches(lead: Lead) -> Iterator[Datum]:
    """Contacts that became the person's; those that were found to be somebody else's tell of somebody else."""
    for match in lead.contact_matches.filter(action__in=LINKED).exclude(contact_id="").order_by("pk"):
        yield Datum("contact found at GoHighLevel", match.contact_id, System.GHL.label, match.found_at)


def _of_campaign_moves(lead: Lead) -> Iterator[Datum]:
    """What Instantly told of the person under an earlier address."""
    for move in lead.campaign_moves.order_by("pk"):
        for name in ("old_id", "new_id", "old_email", "contacted_at", "opens", "replies", "unsubscribed"):
            if value := getattr(move, name):
                as_json = value.isoformat() if hasattr(value, "isoformat") else value
                yield Datum(
                    f"campaign under an earlier address: {name}", as_json, System.INSTANTLY.label, move.found_at
                )


def _of_moves(lead: Lead) -> Iterator[Datum]:
    for move in lead.tier_moves.order_by("pk"):
        yield Datum("tier before", move.before, "our scorecard")
        yield Datum("tier after", move.after, "our scorecard")
        yield Datum("score at the tier change", move.score, "our scorecard")


def _of_webhooks(subject: ErasureSubject) -> Iterator[Datum]:
    for delivery in deliveries_of(subject).order_by("pk"):
        if delivery.body:
            yield Datum("message from Clay", document_of(bytes(delivery.body)), "Clay", delivery.received_at)


def document_of(body: bytes) -> Any:
    """A raw body as it can be shown: JSON where it is, and no deeper than anybody writes it; else its text."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return text_of(body)
    return text_of(body) if is_deeper_than(DEEPEST, document) else document


def _submitted_fields(lead: Lead, attempt: Attempt) -> tuple[str, ...]:
    """What went to Clay with one run: the inputs of its routine as they are set up, or the row of its table."""
    if attempt.run_id is None:
        return tuple(sorted(row_of(lead)))
    return tuple(sorted({each.field for each in setup.current().inputs}))


def _shares(lead: Lead) -> Iterator[Share]:
    for item in lead.batch_items.filter(batch__kind=BatchKind.ROWS, status=ItemStatus.DONE).select_related("batch"):
        yield Share("Clay", tuple(sorted(row_of(lead))), item.batch.finished_at or item.batch.created_at)
    # A result may have been quicker than the record of what was sent, which then tells no time of it.
    for attempt in lead.attempts.exclude(reference="").exclude(NEVER_SENT).order_by("started_at", "pk"):
        yield Share("Clay", _submitted_fields(lead, attempt), attempt.triggered_at or attempt.started_at)
    for each in lead.disclosures.order_by("occurred_at", "pk"):
        yield Share(RECIPIENTS.get(each.system, each.system), tuple(each.fields), each.occurred_at)
