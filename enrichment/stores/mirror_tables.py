"""Every table of the mirror that holds a person's data: what of it is told, and how it is forgotten.

A test holds this table against `enrichment.personal`: a field declared personal there is in one entry here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Q, QuerySet
from django.utils import timezone

from enrichment.models import Drift, Lead, SeenRow, Verdict, WebhookDelivery
from enrichment.personal import PERSONAL
from enrichment.pipeline.receive.unmatched import text_of
from enrichment.states import DeliveryStatus
from enrichment.stores import people, waiting_files
from enrichment.stores.text_match import SearchPatterns
from swarm_admin.core.states import advance


@dataclass(frozen=True)
class ErasureSubject:
    """A lead that is to be told or forgotten, and what gives the person away elsewhere."""

    lead: Lead
    traces: SearchPatterns
    row_ids: frozenset[str]

    @classmethod
    def of(cls, lead: Lead) -> "ErasureSubject":
        emails = people.emails_of(lead)
        shared = people.holders(emails)
        own = {email for email in emails if shared[email] < 2}
        named = {str(lead.clay_row_id or "")}
        named |= set(lead.deliveries.values_list("row_id", flat=True))
        named |= set(lead.drifts.values_list("row_id", flat=True))
        named |= set(lead.attempts.values_list("reference", flat=True))  # which a row that Clay posts carries
        others = Lead.objects.filter(clay_row_id__in=named).exclude(pk=lead.pk)
        row_ids = named - {""} - set(others.values_list("clay_row_id", flat=True))
        return cls(lead, SearchPatterns([lead.linkedin_url], own, row_ids), frozenset(row_ids))


def _with_lead(name: str) -> Callable[[ErasureSubject], QuerySet[Any]]:
    return lambda subject: apps.get_model("enrichment", name)._default_manager.filter(lead=subject.lead)


def _delete(rows: QuerySet[Any]) -> None:
    rows.delete()


@dataclass(frozen=True)
class Table:
    """`rows`: those about a subject. `fields`: the personal ones, `not_exported` those that tell the person nothing.

    `forget` is given `rows`.
    """

    model: str
    fields: frozenset[str]
    rows: Callable[[ErasureSubject], QuerySet[Any]]
    forget: Callable[[QuerySet[Any]], None] = _delete
    not_exported: frozenset[str] = field(default_factory=frozenset)


# ---------------------------------------------------------------- webhooks


def deliveries_of(subject: ErasureSubject) -> QuerySet[WebhookDelivery]:
    """By the lead, by its rows' ids, and of unknown rows by what their bodies say."""
    known = WebhookDelivery.objects.filter(Q(lead=subject.lead) | Q(row_id__in=subject.row_ids))
    unlinked = [delivery.pk for delivery in deliveries_about(subject.traces)]
    return WebhookDelivery.objects.filter(pk__in=[*known.values_list("pk", flat=True), *unlinked])


def deliveries_about(traces: SearchPatterns) -> list[WebhookDelivery]:
    """Deliveries without a lead whose bodies are about the person."""
    nameless = WebhookDelivery.objects.filter(lead__isnull=True).exclude(body=b"")
    return [each for each in traces.in_bodies(nameless) if traces.kinds(text_of(bytes(each.body)))]


def blank_bodies(rows: QuerySet[WebhookDelivery]) -> None:
    """Nothing personal is left of these deliveries; that they came, when, and what became of them then, stays."""
    ids = list(rows.values_list("pk", flat=True))
    chosen = WebhookDelivery.objects.filter(pk__in=ids)
    now = timezone.now()
    chosen.update(body=b"", body_hash="", headers={}, row_id="", lead=None, changed_fields=[])
    chosen.filter(erased_at=None).exclude(verdict=Verdict.SUPPRESSED).update(erased_at=now)
    unread = chosen.filter(status=DeliveryStatus.RECEIVED)
    waiting = list(unread.values_list("pk", flat=True))
    advance(unread, DeliveryStatus.PROCESSING)
    advance(
        WebhookDelivery.objects.filter(pk__in=waiting),
        DeliveryStatus.PROCESSED,
        verdict=Verdict.ERASED,
        processed_at=now,
        in_flight_since=None,
    )


def _forget_files(rows: QuerySet[Any]) -> None:
    for job in rows:
        waiting_files.cancel_import(job)


def forget_row(row_ids: Iterable[str]) -> None:
    """What is kept of rows of Clay that no lead has: their deliveries, drift and marks."""
    ids = list(row_ids)
    known_ids = set(Lead.objects.filter(clay_row_id__in=ids).values_list("clay_row_id", flat=True))
    left = [row_id for row_id in ids if row_id and row_id not in known_ids]
    blank_bodies(WebhookDelivery.objects.filter(row_id__in=left, lead__isnull=True))
    Drift.objects.filter(row_id__in=left).delete()
    SeenRow.objects.filter(row_id__in=left).delete()


# ---------------------------------------------------------------- the table

TABLES: tuple[Table, ...] = (
    Table(
        "BulkJob",
        frozenset({"file", "file_name"}),
        lambda subject: apps.get_model("enrichment", "BulkJob")._default_manager.filter(
            pk__in=[job.pk for job in waiting_files.jobs_about(subject.traces)]
        ),
        _forget_files,
    ),
    Table("SeenRow", frozenset({"row_id"}), lambda subject: SeenRow.objects.filter(row_id__in=subject.row_ids)),
    Table(
        "Drift",
        frozenset({"subject", "row_id"}),
        lambda subject: Drift.objects.filter(Q(lead=subject.lead) | Q(row_id__in=subject.row_ids)),
    ),
    Table("WebhookDelivery", frozenset({"body", "row_id"}), deliveries_of, blank_bodies),
    Table("FieldConflict", frozenset({"value"}), _with_lead("FieldConflict")),
    Table(
        "CampaignMove",
        frozenset({"old_id", "new_id", "old_email", "contacted_at", "opens", "replies", "unsubscribed"}),
        _with_lead("CampaignMove"),
    ),
    Table("ContactMatch", frozenset({"contact_id"}), _with_lead("ContactMatch")),
    Table(
        "Handover",
        frozenset({"external_id", "payload_hash"}),
        _with_lead("Handover"),
        not_exported=frozenset({"payload_hash"}),  # a checksum of what is told
    ),
    Table("TierMove", frozenset({"before", "after", "score"}), _with_lead("TierMove")),
    Table(
        "Lead",
        frozenset(PERSONAL["Lead"]),
        lambda subject: Lead.objects.filter(pk=subject.lead.pk),
        not_exported=frozenset({"search"}),  # the same words, cut for the index
    ),
)
FILES = ("BulkJob",)  # forgotten before the transaction of the rest: a file is no row
