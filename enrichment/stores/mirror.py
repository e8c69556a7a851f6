"""Our own tables as a store. Its records: leads, messages of Clay about nobody we know, and waiting import files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, OperationalError, transaction

from enrichment.models import BulkJob, Lead, WebhookDelivery
from enrichment.personal import PERSONAL
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.receive.unmatched import text_of
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import snapshot
from enrichment.states import DeliveryStatus
from enrichment.stores import asking, mirror_copy, people, restriction, saved_searches, texts, waiting_files
from enrichment.stores.mirror_tables import FILES, TABLES, ErasureSubject, blank_bodies, deliveries_about
from enrichment.stores.text_match import SearchPatterns
from enrichment.stores.values import validated
from enrichment.vendors.lead_values import as_text
from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Datum, Ground, Record, RetryLater, Unsupported

LEAD, WEBHOOK, IMPORT = "lead", "webhook", "import"
# What changes without anything about the person having changed.
_VOLATILE = {"search", "raw", "written_back", "icp_score", "icp_tier", "clay_score", "clay_tier"}
NOBODY = Identity()
_CONTENTS = sorted(PERSONAL["Lead"] - _VOLATILE)


class MirrorStore:
    name = "mirror"
    label = "Swarm Admin"
    is_recipient = False
    order = 90  # last: its references lead to the records everywhere else
    recoverable_days = 0

    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability)

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return texts.instructions(texts.MIRROR, capability, record)

    # ------------------------------------------------------------ finding

    def locate(self, identity: Identity) -> Sequence[Record]:
        """Leads first; then what names the person and belongs to no lead found."""
        circle = people.known_person(identity)
        asked = SearchPatterns(circle.own_urls, circle.own_emails)
        return [
            *self._of_leads(circle),
            *(self._of_delivery(each, asked) for each in deliveries_about(asked)),
            *(self._of_import(job, asked) for job in waiting_files.jobs_about(asked)),
        ]

    def _of_leads(self, circle: people.KnownPerson) -> Iterator[Record]:
        whole = Lead.objects.only(*_CONTENTS).in_bulk(circle.leads)
        for pk, known in circle.leads.items():
            if lead := whole.get(pk):
                yield self._record(
                    f"{LEAD}:{pk}",
                    known.matched,
                    people.summary_of(lead),
                    {name: getattr(lead, name) for name in _CONTENTS},
                    sure=known.sure,
                    identity=circle.own(lead.linkedin_url, (lead.email_work, lead.email_personal), lead.phone),
                )

    def _of_delivery(self, delivery: WebhookDelivery, traces: SearchPatterns) -> Record:
        body = bytes(delivery.body)
        summary = {"what": f"message from Clay of {delivery.received_at:%Y-%m-%d}"}
        return self._record(f"{WEBHOOK}:{delivery.pk}", traces.kinds(text_of(body)), summary, {"body": body})

    def _of_import(self, job: BulkJob, traces: SearchPatterns) -> Record:
        rows = list(waiting_files.rows_about(job, traces))
        matched = tuple({kind for row in rows for kind in traces.kinds("\n".join(map(str, row.values())))})
        summary = {
            "what": f"{len(rows)} row(s) of the file of import {job.pk}",
            "linkedin_url": ", ".join(sorted(traces.urls)),
            "email": ", ".join(sorted(traces.emails)),
        }
        return self._record(f"{IMPORT}:{job.pk}", matched, summary, {"rows": rows})

    def _record(
        self,
        key: str,
        matched: tuple[str, ...],
        summary: Mapping[str, str],
        contents: Mapping[str, Any],
        *,
        sure: bool = True,
        identity: Identity = NOBODY,
    ) -> Record:
        return Record(self.name, key, matched, sure, summary, people.fingerprint(contents), identity)

    # ------------------------------------------------------------ telling, correcting

    def export(self, record: Record) -> Copy:
        kind, pk = _parts(record)
        if kind == LEAD:
            lead = Lead.objects.filter(pk=pk).first()
            return mirror_copy.copy_of_lead(lead) if lead else Copy(data=[])
        if kind == WEBHOOK:
            delivery = WebhookDelivery.objects.filter(pk=pk).exclude(body=b"").first()
            if delivery is None:
                return Copy(data=[])
            document = mirror_copy.document_of(bytes(delivery.body))
            return Copy(data=[Datum("message from Clay", document, "Clay", delivery.received_at)])
        return self._copy_of_file(pk, record)

    def _copy_of_file(self, pk: int, record: Record) -> Copy:
        job = BulkJob.objects.filter(pk=pk).exclude(file="").first()
        identifiers = {name: record.summary.get(name, "").split(", ") for name in ("linkedin_url", "email")}
        traces = SearchPatterns(identifiers["linkedin_url"], identifiers["email"])
        rows = list(waiting_files.rows_about(job, traces)) if job and traces else []
        return Copy([Datum("row of a waiting import", row, "an uploaded file", job.created_at) for row in rows if job])

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        """Raises ValueError, with a sentence that holds no value, for what is not valid."""
        kind, pk = _parts(record)
        if kind != LEAD:
            raise Unsupported(Capability.RECTIFY)
        written = validated(values)
        try:
            with transaction.atomic():
                lead = Lead.objects.select_for_update().get(pk=pk)
                before = {name: as_text(getattr(lead, name)) for name in written}
                _write(lead, written)
        except IntegrityError:
            raise ValueError("linkedin_url already belongs to another lead.") from None
        return before

    # ------------------------------------------------------------ erasing

    def erase(self, record: Record) -> None:
        """All of it in one transaction; files and kept search words before, so that a repeat finds them."""
        kind, pk = _parts(record)
        if kind == WEBHOOK:
            erase_delivery(pk)
        elif kind == IMPORT:
            for job in BulkJob.objects.filter(pk=pk):
                waiting_files.cancel_import(job)
        else:
            _erase_lead(pk)

    def verify_absent(self, record: Record) -> bool:
        kind, pk = _parts(record)
        if kind == WEBHOOK:
            return not WebhookDelivery.objects.filter(pk=pk).exclude(body=b"", row_id="").exists()
        if kind == IMPORT:
            return waiting_files.is_gone(pk)
        return not Lead.objects.filter(pk=pk).exists()

    # ------------------------------------------------------------ keeping only

    def restrict(self, record: Record, ground: Ground) -> None:
        """At once; raises RetryLater until what is on its way to a vendor has arrived there."""
        kind, pk = _parts(record)
        if kind == IMPORT:
            raise Unsupported(Capability.RESTRICT)
        if kind == LEAD:
            restriction.restrict([pk], ground)
            if restriction.being_delivered([pk]):
                raise asking.later_for_calls_under_way("A delivery of this lead")

    def release(self, record: Record, ground: Ground) -> None:
        kind, pk = _parts(record)
        if kind == LEAD:
            restriction.release([pk], ground)


def _parts(record: Record) -> tuple[str, int]:
    kind, _, pk = record.key.partition(":")
    return kind, int(pk)


def _write(lead: Lead, written: Mapping[str, Any]) -> None:
    """The values, pinned (D19), in Clay's last row too; then what follows from them."""
    for name, value in written.items():
        setattr(lead, name, value)
    lead.pinned_fields = sorted({*lead.pinned_fields, *written})
    lead.raw = {**lead.raw, **{name: value for name, value in written.items() if name in lead.raw}}
    lead.written_back = {name: value for name, value in lead.written_back.items() if name not in written}
    lead.conflicts.filter(field__in=list(written)).delete()
    names = [*written, "pinned_fields", "raw", "written_back", "updated_at"]
    if lead.scored_at is not None and not lead.restriction:
        scoring.apply(lead)
        names += ["icp_score", "icp_tier", "scorecard", "scored_at"]
    lead.save(update_fields=names)
    planning.plan_deliveries(lead)


def erase_delivery(pk: int) -> bool:
    """Blank one message of Clay; whether there was one. Raises RetryLater while it is read."""
    chosen = WebhookDelivery.objects.filter(pk=pk)
    _no_reading(chosen)
    with transaction.atomic():
        blank_bodies(chosen)
    return chosen.exists()


def _erase_lead(pk: int) -> None:
    lead = Lead.objects.filter(pk=pk).first()
    if lead is not None:
        subject = ErasureSubject.of(lead)
        for table in TABLES:
            if table.model in FILES:
                table.forget(table.rows(subject))
        saved_searches.delete_searches_for(lead)
        _erase_rows(pk)
    snapshot.remove_files()  # last, and on a repeat too: until the rows are gone a preview would read them again


def _erase_rows(pk: int) -> None:
    with transaction.atomic():
        lead = Lead.objects.select_for_update().filter(pk=pk).first()
        if lead is None:
            return
        subject = ErasureSubject.of(lead)
        _nothing_under_way(subject)
        for table in TABLES:
            if table.model not in FILES:
                table.forget(table.rows(subject))


def _nothing_under_way(subject: ErasureSubject) -> None:
    """Raises RetryLater where a worker is at it now: its last word would come after ours.

    Rows that workers lock before the lead are taken without waiting, so that nobody waits for ever.
    """
    lead = subject.lead
    try:
        with transaction.atomic():
            for rows in (lead.handovers, lead.batch_items, lead.attempts):
                list(rows.select_for_update(nowait=True).values_list("pk", flat=True))
    except OperationalError:
        raise asking.later_for_calls_under_way("Work on this lead") from None
    if restriction.being_delivered([lead.pk]):
        raise asking.later_for_calls_under_way("A delivery of this lead")
    if restriction.being_sent_to_clay([lead.pk]):
        raise asking.later_for_calls_under_way("A batch with this lead")
    table = next(table for table in TABLES if table.model == "WebhookDelivery")
    _no_reading(table.rows(subject))


def _no_reading(deliveries: Any) -> None:
    if deliveries.filter(status=DeliveryStatus.PROCESSING).exists():
        raise RetryLater("A message from Clay about this lead is being processed right now", asking.in_a_moment())
