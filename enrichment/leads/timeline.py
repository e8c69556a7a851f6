"""Everything that happened to one lead, newest first; one query a kind of event."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model

from enrichment.labels import EVENT_LABELS, field_labels, provider_name, with_provider_names
from enrichment.models import Lead
from enrichment.models.provider import WaterfallKind
from enrichment.vendors import registry
from gdpr.models import AuditEvent
from swarm_admin.core.audit_verbs import Verb, current, sentence

MOST_OF_A_KIND = 100

ICONS: dict[str, str] = {
    Verb.VIEW_LEAD: "eye",
    Verb.REVEAL_LEAD: "eye-check",
    Verb.RETRY: "refresh",
    Verb.DELIVER_AGAIN: "send",
    Verb.DECIDE_CONTACT: "address-book",
    Verb.DECIDE_PERSON: "user-check",
    Verb.DECIDE_ADDRESS: "at",
    Verb.DELIVER_MOVED: "send",
    Verb.READ_BACK_DELIVERY: "arrow-back-up",
    Verb.EXPORT_LEADS: "download",
}


@dataclass(frozen=True)
class TimelineEvent:
    """`icon`: Tabler's name. `status`: a status to show as a badge, or "". `details`: short texts, never values."""

    at: datetime.datetime
    icon: str
    title: str
    kind: str
    status: str = ""
    who: str = ""
    details: list[str] = field(default_factory=list)


def timeline(lead: Lead) -> list[TimelineEvent]:
    """All of it, newest first; at most MOST_OF_A_KIND of each kind."""
    events = [*_intake(lead), *_batches(lead), *_attempts(lead), *_webhooks(lead), *_handovers(lead)]
    events += [*_disclosures(lead), *_audit(lead)]
    return sorted(events, key=lambda happening: happening.at, reverse=True)


def _intake(lead: Lead) -> Iterator[TimelineEvent]:
    origin = f"{lead.get_source_type_display()}, {lead.source_name}"
    yield TimelineEvent(lead.scraped_at, "world-search", "Collected from LinkedIn", "intake", details=[origin])
    yield TimelineEvent(lead.received_at, "inbox", "Received", "intake")
    if lead.scored_at and lead.icp_score is not None:
        words = [f"{lead.icp_score:g} points, Tier {lead.icp_tier}"]
        yield TimelineEvent(lead.scored_at, "gauge", "Scored", "score", details=words)


def _batches(lead: Lead) -> Iterator[TimelineEvent]:
    items = lead.batch_items.select_related("batch").order_by("-batch_id")[:MOST_OF_A_KIND]
    for item in items:
        batch = item.batch
        details = [f"{batch.get_kind_display()}, batch {batch.pk}", *_error(item)]
        yield TimelineEvent(batch.created_at, "stack-2", "In a batch for Clay", "batch", item.status, details=details)


def _attempts(lead: Lead) -> Iterator[TimelineEvent]:
    attempts = lead.attempts.select_related("waterfall").order_by("-started_at")[:MOST_OF_A_KIND]
    for attempt in attempts:
        asked = [f"waterfall version {attempt.waterfall.number}"]
        asked += [f"without {', '.join(map(provider_name, attempt.skip_providers))}"] if attempt.skip_providers else []
        asked += [f"only {', '.join(map(provider_name, attempt.only_providers))}"] if attempt.only_providers else []
        had = [WaterfallKind(kind).label for kind in attempt.without]
        had += [
            f"{provider_name(slug)} ({WaterfallKind(kind).label})"
            for kind, slugs in sorted(attempt.answered.items())
            for slug in slugs
        ]
        asked += [f"reused: {', '.join(had)}"] if had else []
        if attempt.triggered_at:
            yield TimelineEvent(attempt.triggered_at, "player-play", "Enrichment triggered", "attempt", details=asked)
        details = [f"${attempt.cost:.4f}", *_error(attempt)]
        details += [f"at {provider_name(attempt.provider)}"] if attempt.provider else []
        details += [] if attempt.triggered_at else asked
        ended = attempt.finished_at is not None
        title = "Enrichment finished" if ended else "Enrichment attempt"
        at = attempt.finished_at or attempt.started_at
        yield TimelineEvent(at, "sparkles", title, "attempt", attempt.status, details=details)


def _webhooks(lead: Lead) -> Iterator[TimelineEvent]:
    deliveries = lead.deliveries.defer("body", "headers").order_by("-received_at")[:MOST_OF_A_KIND]
    for delivery in deliveries:
        changed = delivery.changed_fields
        details = [f"changed {_fields(changed)}"] if changed else []
        details += _error(delivery)
        yield TimelineEvent(
            delivery.received_at,
            "webhook",
            f"Clay reported: {EVENT_LABELS.get(delivery.event, delivery.event) or 'unreadable event'}",
            "webhook",
            delivery.verdict or delivery.status,
            details=details,
        )


def _handovers(lead: Lead) -> Iterator[TimelineEvent]:
    for handover in lead.handovers.order_by("-id")[:MOST_OF_A_KIND]:
        differs = handover.differences
        details = [f"stored differently: {field_labels(differs)}"] if differs else []
        details += _error(handover)
        yield TimelineEvent(
            handover.finished_at or handover.created_at,
            "send",
            f"Delivery to {handover.get_system_display()}",
            "handover",
            handover.status,
            details=details,
        )


def _disclosures(lead: Lead) -> Iterator[TimelineEvent]:
    for disclosure in lead.disclosures.order_by("-occurred_at")[:MOST_OF_A_KIND]:
        details = [_fields(disclosure.fields)] if disclosure.fields else []
        title = f"Disclosed to {registry.name_of(disclosure.system)}"
        yield TimelineEvent(disclosure.occurred_at, "share-3", title, "disclosure", details=details)


def _audit(lead: Lead) -> Iterator[TimelineEvent]:
    events = list(
        AuditEvent.objects.filter(object_type="lead", object_id=str(lead.pk)).order_by("-id")[:MOST_OF_A_KIND]
    )
    people = get_user_model().objects.in_bulk({event.actor_id for event in events if event.actor_id})
    for event in events:
        icon = ICONS.get(current(event.verb), "user")
        details = [event.reason] if event.reason else []
        yield TimelineEvent(
            event.occurred_at, icon, sentence(event.verb), "staff", who=_actor_name(event, people), details=details
        )


def _actor_name(event: AuditEvent, people: dict[int, Any]) -> str:
    if event.actor_id is None:
        return "the system"
    person = people.get(event.actor_id)
    return (person.get_full_name() or person.get_username()) if person else f"staff {event.actor_id}"


def _fields(names: Sequence[str]) -> str:
    return f"{len(names)} field{'' if len(names) == 1 else 's'}: {field_labels(names)}"


def _error(row: Any) -> list[str]:
    if not row.error_kind:
        return []
    words = row.error_kind.replace("_", " ")
    return [f"{words}: {with_provider_names(row.error_message)}" if row.error_message else words]
