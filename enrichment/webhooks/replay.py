"""Reading a webhook delivery again: what it would do now, and doing it."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.models import Channel, Lead, Verdict, WebhookDelivery
from enrichment.pipeline.mirror import preview
from enrichment.pipeline.mirror.preview import Change
from enrichment.pipeline.receive import triage
from enrichment.states import DeliveryStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, VendorError
from gdpr import audit
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance_one

UNREAD = (DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING)


@dataclass(frozen=True)
class Forecast:
    """What a replay would do now: its verdict, that in a sentence, and each column it would change.

    `verdict` "" where Clay could not be asked; `error` then says why.
    """

    verdict: str
    sentence: str
    lead: Lead | None = None
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    error: str = ""

    @property
    def changes_nothing(self) -> bool:
        return not self.error and not self.changes and not self.conflicts


NOTHING: dict[str, str] = {
    Verdict.MALFORMED: "The body isn't a readable event. A replay would change nothing.",
    Verdict.UNKNOWN_EVENT: "This type of event is ignored. A replay would change nothing.",
    Verdict.UNKNOWN_ROW: "No lead belongs to this row. A replay would change nothing.",
    Verdict.STALE: "A newer event for this lead was already applied. A replay would change nothing.",
    Verdict.UNCHANGED: "Clay's row matches our data. A replay would change nothing.",
    Verdict.RESTRICTED: "This lead's data may only be stored. A replay would change nothing.",
    Verdict.SUPPRESSED: "This person is suppressed. A replay would change no lead and would erase the webhook's body.",
}
NO_ROWS = (
    "This webhook only names a row, and Clay's rows can't be read with this connection. Submit the lead again instead."
)
NO_PREVIEW = "A replay reads what this webhook carries once more. There is no preview."
ROW_GONE = "Clay no longer has this row. A replay would change nothing."


def check_can_replay(delivery: WebhookDelivery) -> None:
    """Raises ActionNotAllowed with the reason where the delivery cannot be read again."""
    if delivery.status in UNREAD:
        raise ActionNotAllowed("Not processed yet. This happens automatically.")
    if delivery.erased_at is not None:
        raise ActionNotAllowed("The person was erased, including this webhook's body. Nothing is left to process.")
    if delivery.verdict == Verdict.SUPPRESSED:
        raise ActionNotAllowed("The body wasn't kept: the person is suppressed, or it named too many people to check.")
    if delivery.channel == Channel.EVENT and not chosen.can(Capability.FETCH):
        raise ActionNotAllowed(NO_ROWS)


def forecast(delivery: WebhookDelivery) -> Forecast:
    """The effect of a replay, by the row as Clay has it now: one read at Clay, nothing written.

    Of what does not name a row to be read, nothing is forecast.
    """
    if delivery.channel != Channel.EVENT:
        return Forecast("", NO_PREVIEW, delivery.lead)
    first = triage.earlier_copies([delivery]).get(delivery.pk)
    judgement = triage.classify(delivery, first is not None)
    if judgement.verdict == Verdict.DUPLICATE:
        return Forecast(judgement.verdict, f"Identical to webhook {first}. A replay would change nothing.")
    if judgement.verdict or judgement.event is None or judgement.lead is None:
        return Forecast(judgement.verdict, NOTHING[judgement.verdict], judgement.lead)
    if hold := pauses.reading_pause("clay"):
        return _forecast_without_call(judgement.lead, hold_words.sentence(hold))
    event, lead = judgement.event, judgement.lead
    try:
        row = clay().get_row(lead.clay_table_id or event.table_id, event.row_id)
    except NotFound:
        return Forecast(Verdict.UNKNOWN_ROW, ROW_GONE, lead)
    except VendorError as error:
        return _forecast_without_call(lead, f"{error}. {error.advice}")
    if gate.look_up(triage.identities_in(lead, row)):  # uncounted: a forecast refuses nobody
        return Forecast(Verdict.SUPPRESSED, NOTHING[Verdict.SUPPRESSED], lead)
    seen = preview.preview(lead, row, event_at=event.at, error=event.error)
    if seen.stale:
        return Forecast(Verdict.STALE, NOTHING[Verdict.STALE], lead)
    if not seen.changes:
        return Forecast(Verdict.UNCHANGED, NOTHING[Verdict.UNCHANGED], lead, [], seen.conflicts)
    columns = f"{len(seen.changes)} column{'' if len(seen.changes) == 1 else 's'}"
    return Forecast(
        Verdict.ACCEPTED, f"A replay would change {columns} of this lead.", lead, seen.changes, seen.conflicts
    )


def _forecast_without_call(lead: Lead, why: str) -> Forecast:
    return Forecast("", "No preview available: Clay didn't respond.", lead, error=why)


def replay(delivery: WebhookDelivery, *, by: Any) -> None:
    """Set the delivery back to received, so that the next tick reads it again.

    Raises:
        ActionNotAllowed: it is waiting already, or nothing of it was kept.
    """
    with transaction.atomic():
        locked = WebhookDelivery.objects.select_for_update().defer("body").get(pk=delivery.pk)
        check_can_replay(locked)
        advance_one(
            locked,
            DeliveryStatus.RECEIVED,
            not_before=timezone.now(),
            in_flight_since=None,
            tries=0,
            verdict="",
            error_kind="",
            error_message="",
            processed_at=None,
        )
        audit.record(Verb.REPLAY_WEBHOOK, by=by, on=locked)
