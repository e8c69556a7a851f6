"""Instantly as a store: the leads of all campaigns under a person's addresses. The collection is never deleted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.conf import settings

from enrichment.models import Disclosure, Handover, Lead
from enrichment.models.handover import System
from enrichment.stores import asking, people, restriction, texts
from enrichment.stores.replacing import campaign_changes
from enrichment.stores.values import shown, validated
from enrichment.vendors.connections import instantly
from enrichment.vendors.instantly.client import LIMIT, LeadPatch
from enrichment.vendors.instantly.client import Lead as CampaignLead
from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Datum, Ground, Record, Share, Unsupported
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key

Answer = TypeVar("Answer")
# What a campaign changes as it runs.
_VOLATILE = ("timestamp_created", "timestamp_updated", "status", "timestamp_last_contact")
_COPIED = tuple(name for name in LeadPatch.model_fields if name != "custom_variables")


class InstantlyStore:
    name = "instantly"
    label = "Instantly"
    is_recipient = True
    order = 20
    recoverable_days = 0

    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability) if asking.is_set_up(self.name) else frozenset()

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return texts.instructions(self.name, capability, record)

    # ------------------------------------------------------------ finding

    def locate(self, identity: Identity) -> Sequence[Record]:
        """By the leads we added, and by every e-mail in every campaign."""
        self._configured(Capability.LOCATE)
        circle = people.circle(identity)
        if restriction.handing_over(circle.leads, self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        found: dict[str, CampaignLead] = {}
        for lead_id in _stored_ids(circle):
            if lead := self._get(lead_id, Capability.LOCATE):
                found[lead.id] = lead
        for email in circle.addresses:
            found |= {lead.id: lead for lead in self._listed(email, Capability.LOCATE)}
        return [self._record(lead, circle) for lead in found.values()]

    def _listed(self, email: str, capability: Capability) -> Iterator[CampaignLead]:
        after: str | None = None
        while True:
            page = self._ask(capability, lambda start: instantly().list_leads(email, starting_after=start), after)
            yield from (lead for lead in page.items if email_key(lead.email) == email_key(email))
            after = page.next_starting_after
            if after is None:
                return

    def _record(self, lead: CampaignLead, circle: people.Circle) -> Record:
        owners = set(Lead.objects.filter(instantly_lead_id=lead.id).values_list("pk", flat=True))
        told = {
            "name": f"{lead.first_name} {lead.last_name}".strip(),
            "company": lead.company_name,
            "email": lead.email,
            "phone": lead.phone,
            "campaign": lead.campaign,
        }
        return Record(
            self.name,
            lead.id,
            circle.kinds(emails=[lead.email], phones=[lead.phone]) or (people.EMAIL,),
            circle.vouches(owners, [lead.email]),
            {key: value for key, value in told.items() if value},
            people.fingerprint({k: v for k, v in lead.raw.items() if k not in _VOLATILE}),
            circle.own("", [lead.email], lead.phone),
        )

    # ------------------------------------------------------------ telling, correcting

    def export(self, record: Record) -> Copy:
        lead = self._get(record.key, Capability.EXPORT)
        return Copy(data=list(_data(lead)), shares=list(_shares(lead.id))) if lead else Copy(data=[])

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        """In place; another e-mail is a new lead, and then the old one's end."""
        written = validated(values)
        old = self._get(record.key, Capability.RECTIFY)
        owner = _owner(record.key)
        if old is None:
            return {}
        changes, email, before = campaign_changes(old, written, owner)
        if changes:
            old = self._ask(Capability.RECTIFY, lambda key: instantly().patch_lead(key, changes), old.id)
        if email:
            self._readdress(old, email)
        elif email is not None:
            self._remove(old.id, Capability.RECTIFY)  # nobody can be written to without an address
        return {name: shown(value) for name, value in before.items()}

    def _readdress(self, old: CampaignLead, email: str) -> None:
        """Added first, so that a crash in between loses nothing; found again, it is not added twice (D12)."""
        campaign = old.campaign or instantly().campaign_id
        new = self._in_campaign(email, campaign) or self._added(old, email, campaign)
        Lead.objects.filter(instantly_lead_id=old.id).update(instantly_lead_id=new.id)
        self._ask(Capability.RECTIFY, lambda key: instantly().delete_lead(key), old.id)

    def _added(self, old: CampaignLead, email: str, campaign: str) -> CampaignLead:
        values: dict[str, Any] = {name: old.raw[name] for name in _COPIED if old.raw.get(name)}
        body = {**values, "email": email, "custom_variables": old.payload, "skip_if_in_campaign": True}
        return self._ask(Capability.RECTIFY, lambda sent: instantly().add_lead(sent, campaign), body)

    def _in_campaign(self, email: str, campaign: str) -> CampaignLead | None:
        listed = self._listed(email, Capability.RECTIFY)
        return next((lead for lead in listed if lead.campaign == campaign), None)

    # ------------------------------------------------------------ erasing

    def erase(self, record: Record) -> None:
        """Raises Unsupported where the lead is still there after "not found": then the call itself is not."""
        if restriction.handing_over(_owners(record.key), self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        if settings.INSTANTLY_BLOCK_ERASED:
            self._block(record)
        self._remove(record.key, Capability.ERASE)

    def _remove(self, lead_id: str, capability: Capability) -> None:
        deleted = self._ask(capability, lambda key: instantly().delete_lead(key), lead_id)
        if not deleted and self._get(lead_id, capability) is not None:
            raise Unsupported(capability)

    def _block(self, record: Record) -> None:
        """The plain address on the workspace's block list: a policy, and off by default."""
        if lead := self._get(record.key, Capability.ERASE):
            self._ask(Capability.ERASE, lambda address: instantly().block_list_entry(address), lead.email)

    def verify_absent(self, record: Record) -> bool:
        """The lead is not there, and the list of the address does not show it any more."""
        if self._get(record.key, Capability.VERIFY) is not None:
            return False
        owner = _owner(record.key)
        emails = record.identity.emails or ((owner.email,) if owner else ())
        addresses = as_kept_elsewhere(email for email in emails if email)
        listed = (lead for email in addresses for lead in self._listed(email, Capability.VERIFY))
        if any(lead.id == record.key for lead in listed):
            raise asking.later_for_index()
        return True

    # ------------------------------------------------------------ keeping only

    def restrict(self, record: Record, ground: Ground) -> None:
        """Nothing more is handed over, and the lead is taken out of its campaign: it cannot be paused there."""
        leads = _owners(record.key)
        if len(leads) == 1:  # of several the officer says whose it is
            restriction.restrict(leads, ground)
        if restriction.handing_over(leads, self.name):
            raise asking.later_for_calls_under_way("A delivery of this lead")
        self._remove(record.key, Capability.RESTRICT)

    def release(self, record: Record, ground: Ground) -> None:
        """The mirror's release hands the lead over again; one that was never ours is a person's to add."""
        if not _owners(record.key) and self._get(record.key, Capability.RELEASE) is None:
            raise Unsupported(Capability.RELEASE)

    # ------------------------------------------------------------ calls

    def _get(self, lead_id: str, capability: Capability) -> CampaignLead | None:
        return self._ask(capability, lambda key: instantly().get_lead(key), lead_id)

    def _ask(self, capability: Capability, call: Callable[[Any], Answer], argument: Any) -> Answer:
        self._configured(capability)
        return asking.ask(
            self.name, lambda: call(argument), capability=capability, limit=LIMIT, scope=instantly().scope()
        )

    def _configured(self, capability: Capability) -> None:
        if not asking.is_set_up(self.name):
            raise Unsupported(capability)


def _stored_ids(circle: people.Circle) -> list[str]:
    past = Handover.objects.filter(lead__in=circle.leads, system=System.INSTANTLY).exclude(external_id="")
    stored = [each.lead.instantly_lead_id for each in circle.known]
    return list(dict.fromkeys(each for each in (*stored, *past.values_list("external_id", flat=True)) if each))


def _owners(lead_id: str) -> list[int]:
    return list(Lead.objects.filter(instantly_lead_id=lead_id).values_list("pk", flat=True))


def _owner(lead_id: str) -> Lead | None:
    owners = list(Lead.objects.filter(instantly_lead_id=lead_id)[:2])
    return owners[0] if len(owners) == 1 else None


def _data(lead: CampaignLead) -> Iterator[Datum]:
    for name, value in {**lead.raw, **lead.payload}.items():
        if name != "payload" and value not in ("", None, [], {}):
            yield Datum(name, value, "Instantly")


def _shares(lead_id: str) -> Iterator[Share]:
    told = Disclosure.objects.filter(lead__instantly_lead_id=lead_id, system=System.INSTANTLY)
    for each in told.order_by("occurred_at"):
        yield Share("Instantly", tuple(each.fields), each.occurred_at)
