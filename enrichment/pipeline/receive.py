"""Clay's webhooks: stored as they come and answered, then read by a tick (D13)."""

import contextlib
import datetime
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrichment import fanout, holds, recovery
from enrichment.clock import backoff, due_in
from enrichment.models import Lead, Verdict, WebhookDelivery
from enrichment.pipeline import mirror
from enrichment.pipeline.linkedin import canonical
from enrichment.pipeline.normalise import Unreadable, clean, moment
from enrichment.states import DeliveryStatus, advance
from enrichment.vendors.clay import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, VendorError
from gdpr import gate
from gdpr.identity import Identity

log = logging.getLogger(__name__)
EVENTS = ("row.enriched", "row.enrichment_failed")
CLAIMED_AT_ONCE = 50
KEPT_HEADERS = ("Content-Type", "User-Agent", "X-Request-Id", "Date")


def store(body: bytes, headers: dict[str, str]) -> None:
    """Keep a delivery as it came, in one INSERT. The caller has checked its secret, which is not kept."""
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                body=body,
                body_hash=hashlib.sha256(body).hexdigest(),
                headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
            )
        ]
    )


@dataclass
class Event:
    """A delivery's body, read: which row, when (aware), what it says went wrong."""

    kind: str
    row_id: str
    table_id: str
    at: datetime.datetime
    linkedin_url: str
    error: Any


class Malformed(ValueError):
    """The body is no event."""


def read(body: bytes) -> Event:
    """The event in a raw body. Raises Malformed."""
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
        raise Malformed from None
    url = data.get("linkedin_url")
    return Event(
        kind=kind[:64],
        row_id=row_id.strip(),
        table_id=str(document.get("table_id") or ""),
        at=at,
        linkedin_url=url if isinstance(url, str) else "",
        error=data.get("error"),
    )


def run_due() -> int:
    """Read deliveries until none is due; returns how many."""
    done = 0
    while True:
        deliveries = _claim()
        if not deliveries:
            return done
        _process(deliveries)
        done += len(deliveries)


def _claim() -> list[WebhookDelivery]:
    now = timezone.now()
    lapsed = now - datetime.timedelta(seconds=settings.LEASE_SECONDS)
    with transaction.atomic():
        # Reading again does no harm, so a killed worker's delivery is simply read again.
        killed = WebhookDelivery.objects.filter(status=DeliveryStatus.PROCESSING, in_flight_since__lt=lapsed)
        advance(killed, DeliveryStatus.RECEIVED, in_flight_since=None)
        due = WebhookDelivery.objects.filter(status=DeliveryStatus.RECEIVED, not_before__lte=now)
        rows = list(due.order_by("not_before", "id").select_for_update(skip_locked=True)[:CLAIMED_AT_ONCE])
        ids = [row.pk for row in rows]
        if ids:
            advance(
                WebhookDelivery.objects.filter(pk__in=ids), DeliveryStatus.PROCESSING, in_flight_since=now
            )
    for row in rows:
        row.status, row.in_flight_since = DeliveryStatus.PROCESSING, now
    return rows


def _process(deliveries: Sequence[WebhookDelivery]) -> None:
    """Verdicts that need no call first; then the full rows, fetched together, applied one by one."""
    pending: list[tuple[WebhookDelivery, Event, Lead]] = []
    duplicates = earlier_copies(deliveries)
    for delivery in deliveries:
        with _kept_apart(delivery):
            found = judge(delivery, delivery.pk in duplicates)
            event = found.event
            if event is not None:
                delivery.event, delivery.row_id, delivery.event_at = event.kind, event.row_id, event.at
            if event is not None and found.verdict == Verdict.UNKNOWN_ROW:
                _forget_if_suppressed(delivery, event)
            elif found.verdict or event is None or found.lead is None:
                _close(delivery, found.verdict, lead=found.lead)
            else:
                pending.append((delivery, event, found.lead))
    _fetch_and_apply(pending)


@contextlib.contextmanager
def _kept_apart(delivery: WebhookDelivery) -> Iterator[None]:
    """A poison delivery must not block the others; it stays on the Webhooks screen with its error.

    Its kind is logged and no more: the words of an exception may hold a person's data.
    """
    try:
        with transaction.atomic():
            yield
    except Exception as error:
        log.error("webhook delivery %s: %s", delivery.pk, type(error).__name__)  # noqa: TRY400
        delivery.event, delivery.row_id, delivery.event_at = "", "", None
        _close(delivery, "", error="internal_error")


@dataclass(frozen=True)
class Judgement:
    """What can be said of a delivery without a call; `verdict` "" where its row has to be fetched."""

    verdict: str
    event: Event | None = None
    lead: Lead | None = None


def judge(delivery: WebhookDelivery, is_copy: bool) -> Judgement:
    """The verdict before Clay is asked. `is_copy`: see `earlier_copies`."""
    try:
        event = read(bytes(delivery.body))
    except Malformed:
        return Judgement(Verdict.MALFORMED)
    if event.kind not in EVENTS:
        return Judgement(Verdict.UNKNOWN_EVENT, event)
    if is_copy:
        return Judgement(Verdict.DUPLICATE, event)
    lead = _lead_of(event)
    if lead is None:
        return Judgement(Verdict.UNKNOWN_ROW, event)
    return Judgement(Verdict.STALE if mirror.is_stale(lead, event.at) else "", event, lead)


def _fetch_and_apply(pending: Sequence[tuple[WebhookDelivery, Event, Lead]]) -> None:
    if hold := holds.held("clay") if pending else None:
        for delivery, _, _ in pending:
            _again(delivery, hold.until or backoff(1))
        return
    client = clay()
    rows = fanout.each(
        pending, lambda item: client.get_row(item[2].clay_table_id or item[1].table_id, item[1].row_id)
    )
    blocked = _blocked([item[2] for item in pending], rows)
    for place, ((delivery, event, lead), row) in enumerate(zip(pending, rows, strict=True)):
        with _kept_apart(delivery):
            _one(delivery, event, lead, row, blocked=place in blocked)


def _blocked(leads: Sequence[Lead], rows: Sequence[ClayRow | VendorError]) -> set[int]:
    """The second gate (D18), asked once for all that were fetched together: the places that are blocked."""
    fetched = [(place, row) for place, row in enumerate(rows) if isinstance(row, ClayRow)]
    found = gate.screen([identity_in(leads[place], row) for place, row in fetched], "mirror")
    return {fetched[position][0] for position in found}


def _one(
    delivery: WebhookDelivery, event: Event, lead: Lead, row: ClayRow | VendorError, *, blocked: bool
) -> None:
    if isinstance(row, NotFound):
        _close(delivery, Verdict.UNKNOWN_ROW, lead=lead)
        return
    if isinstance(row, VendorError):
        step = recovery.next_step(row, tries=delivery.tries + 1, limit="clay.reads", scope="")
        if step.action == "give_up":
            _close(delivery, "", lead=lead, error=row.recovery)
        else:
            delivery.tries += step.counted
            _again(delivery, step.not_before)
        return
    if blocked:
        _blank(delivery)
        return
    if mirror.at_work(row) and delivery.tries < settings.MAX_ATTEMPTS:
        delivery.tries += 1  # the news was quicker than the row, or is of a run before the present one
        _again(delivery, due_in(settings.READ_BACK_SECONDS))
        return
    effect = mirror.apply(lead.pk, row, event_at=event.at, error=event.error)
    if effect.stale:
        _close(delivery, Verdict.STALE, lead=lead)
        return
    verdict = Verdict.ACCEPTED if effect.changed else Verdict.UNCHANGED
    _close(delivery, verdict, lead=lead, changed=effect.changed)


def suppressed(lead: Lead, row: ClayRow) -> bool:
    """The second gate (D18): neither the person we know nor the one the row describes may be blocked."""
    return bool(gate.screen([identity_in(lead, row)], "mirror"))


def identity_in(lead: Lead, row: ClayRow) -> Identity:
    """Everything that tells who it is, of the lead and of the row."""
    emails, phone = mirror.identity_values(row.values)
    return Identity(lead.linkedin_url, (*lead.identity.emails, *emails), phone or lead.phone)


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


def _lead_of(event: Event) -> Lead | None:
    """By the row's id; a row made by a call whose answer was lost is known by its address."""
    lead = Lead.objects.filter(clay_row_id=event.row_id).first()
    if lead is not None or not event.linkedin_url:
        return lead
    try:
        url = canonical(event.linkedin_url)
    except ValueError:
        return None
    return Lead.objects.filter(linkedin_url=url, clay_row_id__isnull=True).first()


def _forget_if_suppressed(delivery: WebhookDelivery, event: Event) -> None:
    try:
        url = canonical(event.linkedin_url)
    except ValueError:
        url = ""
    if url and gate.screen([Identity(url)], "mirror"):
        _blank(delivery)
    else:
        _close(delivery, Verdict.UNKNOWN_ROW)


def _blank(delivery: WebhookDelivery) -> None:
    """Nothing personal of a blocked person is kept, the raw body included."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(body=b"", body_hash="", headers={})
    delivery.row_id = ""
    _close(delivery, Verdict.SUPPRESSED)


def _again(delivery: WebhookDelivery, not_before: datetime.datetime) -> None:
    _leave(delivery, DeliveryStatus.RECEIVED, not_before=not_before, tries=delivery.tries)


def _leave(delivery: WebhookDelivery, status: DeliveryStatus, **values: Any) -> None:
    """Give the delivery up to its next status, if it is still ours.

    Where our lease lapsed and another worker has claimed it since, that one has the last word: reading a
    delivery twice does no harm.
    """
    ours = WebhookDelivery.objects.filter(pk=delivery.pk, in_flight_since=delivery.in_flight_since)
    if not advance(ours, status, in_flight_since=None, **values):
        log.warning("webhook delivery %s: the lease had lapsed", delivery.pk)


def _close(
    delivery: WebhookDelivery,
    verdict: str,
    *,
    lead: Lead | None = None,
    changed: Sequence[str] = (),
    error: str = "",
) -> None:
    _leave(
        delivery,
        DeliveryStatus.FAILED if error else DeliveryStatus.PROCESSED,
        verdict=verdict,
        event=delivery.event,
        event_at=delivery.event_at,
        row_id=delivery.row_id,
        lead=lead,
        changed_fields=list(changed),
        error_kind=error,
        processed_at=timezone.now(),
    )
