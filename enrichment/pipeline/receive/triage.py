"""What can be said of deliveries without asking Clay, and whether their person may be mirrored at all."""

import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from enrichment.models import Lead, Verdict, WebhookDelivery
from enrichment.pipeline.mirror import apply_row
from enrichment.states import DeliveryStatus
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.reading import Unreadable, clean, moment
from gdpr.identity import Identity
from gdpr.suppression import gate
from swarm_admin.core.identifiers.linkedin import canonical

OTHER_PROFILE = "other_profile"  # an answer that names another person than the lead it was asked for
EVENTS = ("row.enriched", "row.enrichment_failed")
# All that reading a claim needs of a lead before its row is there.
LOADED = (
    "linkedin_url", "email_work", "email_personal", "phone", "clay_row_id", "clay_table_id", "clay_seen_at",
    "restriction",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Which row, when (aware), whose (as told), and what went wrong."""

    kind: str
    row_id: str
    table_id: str
    at: datetime.datetime
    linkedin_url: str
    error: Any

    @property
    def url(self) -> str:
        """The person's address in its canonical form; empty where none is told."""
        try:
            return canonical(self.linkedin_url) if self.linkedin_url else ""
        except ValueError:
            return ""


class Malformed(ValueError):
    """The body is no event."""


def parse_event(body: bytes, received_at: datetime.datetime | None = None) -> Event:
    """The event in a raw body; one that tells no time that can be read is of `received_at` (now, if None).

    Raises:
        Malformed
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(document, dict):
        raise Malformed
    row_id, kind = document.get("row_id"), document.get("event")
    data = document.get("data")
    if not isinstance(row_id, str) or not row_id.strip() or len(row_id) > 100 or clean(row_id) != row_id:
        raise Malformed
    if not isinstance(kind, str) or clean(kind) != kind or not isinstance(data, dict | None):
        raise Malformed
    data = data or {}
    try:
        at = moment(document.get("timestamp"))
    except Unreadable:
        at = received_at or timezone.now()
    url, table_id = data.get("linkedin_url"), document.get("table_id")
    return Event(
        kind=kind[:64],
        row_id=row_id.strip(),
        table_id=str(table_id) if isinstance(table_id, str | int) and table_id else "",
        at=at,
        linkedin_url=url if isinstance(url, str) else "",
        error=data.get("error"),
    )


# ---------------------------------------------------------------- what is said of it

Finder = Callable[[Event], Lead | None]


@dataclass(frozen=True)
class Judgement:
    """What can be said of a delivery without a call; `verdict` "" where its row has to be fetched."""

    verdict: str
    event: Event | None = None
    lead: Lead | None = None


def classify(delivery: WebhookDelivery, is_copy: bool, find: Finder | None = None) -> Judgement:
    """The verdict before Clay is asked. `is_copy`: see `earlier_copies`; `find`: see `lead_finder`."""
    try:
        event = parse_event(bytes(delivery.body), delivery.received_at)
    except Malformed:
        return Judgement(Verdict.MALFORMED)
    if event.kind not in EVENTS:
        return Judgement(Verdict.UNKNOWN_EVENT, event)
    if is_copy:
        return Judgement(Verdict.DUPLICATE, event)
    lead = (find or lead_finder([event]))(event)
    if lead is None:
        return Judgement(Verdict.UNKNOWN_ROW, event)
    if lead.restriction:
        return Judgement(Verdict.RESTRICTED, event, lead)
    return Judgement(Verdict.STALE if apply_row.is_stale(lead, event.at) else "", event, lead)


def events_in(deliveries: Iterable[WebhookDelivery]) -> list[Event]:
    """The events of those bodies that are some."""
    events = []
    for delivery in deliveries:
        try:
            events.append(parse_event(bytes(delivery.body), delivery.received_at))
        except Malformed:
            continue
    return events


def lead_finder(events: Iterable[Event], *, only: Sequence[str] = ()) -> Finder:
    """Who tells the lead of each of `events`, after at most two queries for all of them; `only` these columns.

    By the row's id; a row made by a call whose answer was lost is known by its address.
    """
    events = list(events)
    leads = Lead.objects.only(*only) if only else Lead.objects.defer("search")
    by_row = {lead.clay_row_id: lead for lead in leads.filter(clay_row_id__in={e.row_id for e in events})}
    urls = {event.url for event in events if event.row_id not in by_row} - {""}
    rowless = leads.filter(linkedin_url__in=urls, clay_row_id__isnull=True) if urls else ()
    by_url = {lead.linkedin_url: lead for lead in rowless}
    return lambda event: by_row.get(event.row_id) or by_url.get(event.url)


def earlier_copies(deliveries: Sequence[WebhookDelivery]) -> dict[int, int]:
    """{delivery: the first with the same body, to the byte}, of those that are not the first.

    One that failed brought nothing, so its copies are no duplicates.
    """
    hashes = {delivery.body_hash for delivery in deliveries}
    first: dict[str, int] = {}
    known = WebhookDelivery.objects.filter(body_hash__in=hashes).exclude(status=DeliveryStatus.FAILED)
    for pk, body_hash in known.order_by("id").values_list("id", "body_hash"):
        first.setdefault(body_hash, pk)
    return {d.pk: first[d.body_hash] for d in deliveries if first.get(d.body_hash, d.pk) < d.pk}


def identities_in(lead: Lead, row: ClayRow) -> list[Identity]:
    """The person we know and the one the row describes: they may have different phones."""
    emails, phone = apply_row.identity_values(row.values)
    return [lead.identity, Identity(lead.linkedin_url, tuple(emails), phone)]


def is_suppressed(lead: Lead, row: ClayRow) -> bool:
    """The second gate (D18): neither the person we know nor the one the row describes may be blocked."""
    return bool(gate.screen(identities_in(lead, row), "mirror"))


def suppressed_places(pairs: Sequence[tuple[Lead, ClayRow]]) -> set[int]:
    """The places in `pairs` that `is_suppressed` holds for; the gate is asked once for all."""
    asked = [(place, identity) for place, (lead, row) in enumerate(pairs) for identity in identities_in(lead, row)]
    suppressed = gate.screen([identity for _, identity in asked], "mirror")
    return {asked[position][0] for position in suppressed}
