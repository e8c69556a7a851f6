"""After the storm: what must be true whatever was killed, claim by claim, from our tables and the vendors' records."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.db.models import Count, Q, QuerySet

from enrichment.failures import groups as failures
from enrichment.failures.sources import SOURCES
from enrichment.models import (
    Attempt,
    Batch,
    BatchItem,
    ContactMatch,
    Disclosure,
    Handover,
    Lead,
    MatchAction,
    ServiceHold,
    WebhookDelivery,
)
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.payload import is_deliverable, payload, payload_hash
from enrichment.states import FINAL_STATUSES, HandoverStatus
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.instantly import fields as campaign_fields
from enrichment.vendors.instantly.client import Lead as CampaignLead
from gdpr.models import AuditEvent
from swarm_admin.sandbox.people import canonical
from tests.chaos.findings import Finding, finding, twice
from tests.chaos.storm import Storm
from tests.plugins.sandbox import Sandbox

OPEN = ("planned", "in_flight", "unknown")


class Audit:
    """The claims, in the order in which they are printed."""

    windows: ClassVar[dict[str, int]] = {"clay": 200, "ghl": 100, "instantly": 100}  # calls at once at most

    def __init__(self, storm: Storm, sandbox: Sandbox, faults: list[dict[str, Any]]) -> None:
        self.storm, self.faults = storm, faults
        self.stats = sandbox.stats()
        self.rows = self.rows_of(sandbox)
        self.contacts = {each["id"]: each for each in sandbox.state("ghl")["contacts"]}
        self.campaign = {each["id"]: each for each in sandbox.state("instantly")["leads"]}
        self.leads = {lead.pk: lead for lead in Lead.objects.defer("search")}
        # A number that another contact has is not sent, and the lead's page says so.
        withheld = ContactMatch.objects.filter(action=MatchAction.WITHOUT_PHONE)
        self.without_phone = set(withheld.values_list("lead_id", flat=True))
        self.failing = set(Lead.objects.failing().values_list("pk", flat=True))

    def rows_of(self, sandbox: Sandbox) -> list[dict[str, Any]]:
        """Clay's."""
        found: list[dict[str, Any]] = sandbox.state("clay")["tables"]["tbl_test"]
        return found

    def findings(self) -> list[Finding]:
        claims: list[Callable[[], Iterable[Finding]]] = [
            self.intake, self.settled, self.clay, self.ghl, self.instantly, self.same, self.webhooks,
            self.paid, self.ledger, self.limits,
        ]  # fmt: skip
        return [finding for claim in claims for finding in claim()]

    # ------------------------------------------------------------ ours

    def intake(self) -> Iterable[Finding]:
        known = {lead.linkedin_url for lead in self.leads.values()}
        given = self.storm.handed_in
        yield finding("every lead the API accepted is here, once", len(given), given ^ known)

    def settled(self) -> Iterable[Finding]:
        open_leads = (
            pk
            for pk, lead in self.leads.items()
            if lead.enrichment_status not in FINAL_STATUSES and pk not in self.failing
        )
        yield finding("every lead is in a final status, or on Failures", len(self.leads), open_leads)
        failed = [lead for lead in self.leads.values() if lead.enrichment_status == "failed" or lead.needs_person]
        silent = (lead.pk for lead in failed if lead.pk not in self.failing or not lead.error_kind)
        yield finding("a failed lead is on Failures with its reason", len(failed), silent)
        ours = [f"{name} {count}" for name, count in self._own_faults().items() if count]
        yield finding("nothing stands on Failures through a fault of ours", len(self.failing), ours)
        failures.forget_groups()
        grouped = sum(group.count for group in failures.all_groups())
        every = sum(source.members().count() for source in SOURCES.values())
        yield Finding("the Failures screen shows each of them", every, abs(every - grouped))
        for name, rows in (
            ("batch", Batch.objects.filter(status__in=OPEN)),
            ("delivery", Handover.objects.filter(status__in=OPEN)),
            ("webhook", WebhookDelivery.objects.filter(status__in=("received", "processing"))),
            ("attempt", self.open_attempts()),
            ("item of an ended batch", BatchItem.objects.filter(status="planned")),
        ):
            total = rows.model._default_manager.count()
            yield finding(f"no {name} is open", total, rows.values_list("pk", flat=True))
        leased = [
            f"{model.__name__} {pk}"
            for model in (Batch, Handover, WebhookDelivery)
            for pk in model._default_manager.filter(in_flight_since__isnull=False).values_list("pk", flat=True)
        ]
        yield finding("no lease is left", 3, leased)

    def open_attempts(self) -> QuerySet[Attempt]:
        """Those that somebody waits for."""
        return Attempt.objects.filter(status__in=("intended", "running"))

    def _own_faults(self) -> dict[str, int]:
        return {name: source.members().filter(cause_kind="internal_error").count() for name, source in SOURCES.items()}

    # ------------------------------------------------------------ theirs

    def clay(self) -> Iterable[Finding]:
        urls = [canonical(row["linkedin_url"]) for row in self.rows]
        yield finding("Clay: no person has two rows", len(urls), twice(urls))
        by_id = {row["id"]: row for row in self.rows}
        ours = {lead.clay_row_id: lead for lead in self.leads.values() if lead.clay_row_id}
        wrong = (
            lead.pk
            for row_id, lead in ours.items()
            if row_id not in by_id or canonical(by_id[row_id]["linkedin_url"]) != lead.linkedin_url
        )
        yield finding("Clay: every row we know is there and is that person's", len(ours), wrong)
        failing = {self.leads[pk].linkedin_url for pk in self.failing}
        orphans = (
            row["id"] for row in self.rows if row["id"] not in ours and canonical(row["linkedin_url"]) not in failing
        )
        yield finding("Clay: a row unknown to us is of a lead on Failures", len(self.rows), orphans)

    def ghl(self) -> Iterable[Finding]:
        contacts = list(self.contacts.values())
        emails = [(each.get("email") or "").lower() for each in contacts]
        yield finding("GoHighLevel: no e-mail has two contacts", len(emails), twice(emails))
        people = [_custom(each).get("linkedin_url") for each in contacts]
        yield finding("GoHighLevel: no person has two contacts", len(people), twice(people))
        yield from self._held(System.GHL, "GoHighLevel", self.contacts, "ghl_contact_id")

    def instantly(self) -> Iterable[Finding]:
        entries = [(each["email"].lower(), each.get("campaign")) for each in self.campaign.values()]
        yield finding("Instantly: no person is in the campaign twice", len(entries), twice(entries))
        yield from self._held(System.INSTANTLY, "Instantly", self.campaign, "instantly_lead_id")

    def _held(self, system: str, name: str, records: dict[str, Any], reference: str) -> Iterable[Finding]:
        """Every lead that belongs there is there, or its delivery is on Failures; and nothing else is there."""
        failed = set(SOURCES[system].members().values_list("lead_id", flat=True))
        # A lead that failed before it was enriched has nothing to deliver yet.
        due = [lead for lead in self.leads.values() if is_deliverable(lead, system)]
        missing = (lead.pk for lead in due if getattr(lead, reference) not in records and lead.pk not in failed)
        yield finding(f"{name}: who belongs there is there, or on Failures", len(due), missing)
        known = {getattr(lead, reference) for lead in self.leads.values()}
        emails = {self.leads[pk].email.lower() for pk in failed}
        strange = (
            key
            for key, record in records.items()
            if key not in known and (record.get("email") or "").lower() not in emails
        )
        yield finding(f"{name}: every record is of a lead that knows it", len(records), strange)
        shared = twice(getattr(lead, reference) for lead in self.leads.values())
        yield finding(f"{name}: no two leads share a record", len(self.leads), shared)

    def same(self) -> Iterable[Finding]:
        """What was sent is what is stored, and what would be sent now is what was sent."""
        for system, name in System.choices:
            last: dict[int, Handover] = {}
            for handover in Handover.objects.filter(system=system).order_by("id"):
                last[handover.lead_id] = handover
            done = [each for each in last.values() if each.status == HandoverStatus.DONE]
            old = (each.pk for each in done if not self._is_current(each, system))
            yield finding(f"{name}: the last delivery carried the lead as it is", len(done), old)
            differ = (
                f"{each.pk} {sorted(differences)}"
                for each in done
                if is_deliverable(self.leads[each.lead_id], system) and (differences := self._differences(each, system))
            )
            yield finding(f"{name}: sent = stored, or the difference is recorded", len(done), differ)

    def _is_current(self, handover: Handover, system: str) -> bool:
        lead = self.leads[handover.lead_id]
        return not is_deliverable(lead, system) or handover.payload_hash == payload_hash(payload(lead, system))

    def _differences(self, handover: Handover, system: str) -> set[str]:
        lead = self.leads[handover.lead_id]
        names = compare.sent_values(lead, system)
        if system == System.GHL and lead.pk in self.without_phone:
            names.pop("phone", None)
        if system == System.GHL:
            record = self.contacts.get(handover.external_id)
            stored = record and contact_fields.stored_values(Contact.model_validate({**record, "raw": record}), names)
        else:
            record = self.campaign.get(handover.external_id)
            stored = record and campaign_fields.stored_values(_campaign_lead(record), names)
        return compare.differing_fields(lead, names, stored) - set(handover.differences) if stored else {"record"}

    # ------------------------------------------------------------ webhooks, money, the ledger, the limits

    def webhooks(self) -> Iterable[Finding]:
        deliveries = WebhookDelivery.objects.all()
        acknowledged = self.acknowledged() + len(self.storm.stored_webhooks)
        yield Finding(
            "every webhook we answered 2xx is stored", acknowledged, max(0, acknowledged - deliveries.count())
        )
        kept = {bytes(body) for body in deliveries.values_list("body", flat=True)}
        yield finding(
            "each odd one of them to the byte",
            len(self.storm.stored_webhooks),
            self.storm.stored_webhooks - kept,
        )
        unjudged = deliveries.filter(verdict="", error_kind="")
        yield finding(
            "every webhook has a verdict or a reason",
            deliveries.count(),
            unjudged.values_list("pk", flat=True),
        )

    def acknowledged(self) -> int:
        """Webhooks of Clay's that we answered 2xx."""
        return int(self.stats["clay"]["webhooks"]["acknowledged"])

    def paid(self) -> Iterable[Finding]:
        """Each run of a waterfall costs money: none may be asked for without a record."""
        yield from self.runs()
        done = self._by_system(Handover.objects.filter(status=HandoverStatus.DONE))
        told = self._by_system(Disclosure.objects.all())
        yield finding("every delivery that is done is in the access log", done.total(), (done - told).elements())
        # A contact that was written and whose tags were refused has been disclosed, whatever comes of the rest.
        surplus = (told - done).total()
        yield Finding(
            "the access log has no more than was taken",
            told.total(),
            max(0, surplus - self._broken_off()),
            f"{surplus} of deliveries that are not done",
        )

    def runs(self) -> Iterable[Finding]:
        """What Clay was asked for, against our books."""
        figures = self.stats["clay"]
        runs = figures.get("enriched", 0) + figures.get("enrichment_failed", 0)
        yield Finding("every paid run has its attempt", runs, max(0, runs - Attempt.objects.count()))

    @staticmethod
    def _by_system(rows: QuerySet[Any]) -> Counter[tuple[int, str]]:
        """How many of the rows each lead has in each system."""
        return Counter(rows.values_list("lead_id", "system"))

    def _broken_off(self) -> int:
        """Calls that GoHighLevel did not take after it had taken the contact itself."""
        after = ("tags.add", "tags.remove", "contacts.get")
        calls = self.stats["ghl"]["calls"]
        return sum(
            count
            for call in after
            for status, count in calls.get(call, {}).get("by_status", {}).items()
            if status not in ("200", "201")
        )

    def ledger(self) -> Iterable[Finding]:
        """The audit ledger tells of every act of staff that took effect, and of no other."""
        holds = ServiceHold.objects.count()
        told = AuditEvent.objects.filter(verb="pause_service").count()
        yield Finding("every pause of a vendor is in the audit ledger", holds, abs(holds - told))
        lifted = ServiceHold.objects.filter(lifted_at__isnull=False).count()
        resumed = AuditEvent.objects.filter(verb="resume_service").count()
        yield Finding("every resumption too", lifted, abs(lifted - resumed))
        still = ServiceHold.objects.filter(lifted_at__isnull=True).values_list("pk", flat=True)
        yield finding("no vendor is paused", holds, still)
        several = Attempt.objects.values("lead").annotate(n=Count("pk", filter=Q(status="running"))).filter(n__gt=1)
        yield finding("no lead has two attempts at once", len(self.leads), several)

    def limits(self) -> Iterable[Finding]:
        """A vendor's own 429s: a Redis that was killed may forget a window's slots, once for each kill."""
        for vendor, most in self.windows.items():
            injected = sum(
                fault["fired"] for fault in self.faults if fault["vendor"] == vendor and fault["kind"].startswith("429")
            )
            own = self.stats[vendor]["429"] - injected
            allowed = most * self.storm.kills["redis"]
            yield Finding(
                f"{vendor}: 429s of its own ({own}) are explained by a killed Redis",
                self.stats[vendor]["requests"],
                max(0, own - allowed),
            )


def _custom(contact: dict[str, Any]) -> dict[str, Any]:
    fields = contact.get("customFields") or []
    return {each.get("key"): each.get("value", each.get("field_value")) for each in fields}


def _campaign_lead(record: dict[str, Any]) -> CampaignLead:
    told = record.get("payload")
    kept = {**record, "payload": told if isinstance(told, dict) else {}, "raw": record}
    return CampaignLead.model_validate(kept)
