"""Instantly as a store: the leads of all campaigns under a person's addresses. The collection is never deleted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings

from enrichment.models import Lead
from enrichment.stores import people
from enrichment.stores.vendor_store import VendorStore
from enrichment.vendors.connections import instantly
from enrichment.vendors.instantly import chosen
from enrichment.vendors.instantly import fields as campaign_fields
from enrichment.vendors.instantly.client import Lead as CampaignLead
from enrichment.vendors.instantly.client import LeadPatch
from enrichment.vendors.instantly.record import INSTANTLY
from gdpr.stores import Capability, Copy, Datum, Ground, Record, Unsupported
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key

# What a campaign changes as it runs.
_VOLATILE = ("timestamp_created", "timestamp_updated", "status", "timestamp_last_contact")
_COPIED = tuple(name for name in LeadPatch.model_fields if name != "custom_variables")


class InstantlyStore(VendorStore[CampaignLead]):
    vendor = INSTANTLY
    reference = "instantly_lead_id"
    order = 20

    # ------------------------------------------------------------ finding

    def _records(self, circle: people.KnownPerson) -> Sequence[Record]:
        """By the leads we added, and by every e-mail in every campaign."""
        leads: dict[str, CampaignLead] = {}
        for lead_id in self._known_ids(circle):
            if lead := self._get(lead_id, Capability.LOCATE):
                leads[lead.id] = lead
        for email in circle.addresses:
            leads |= {lead.id: lead for lead in self._listed(email, Capability.LOCATE)}
        return [self._record(lead, circle) for lead in leads.values()]

    def _listed(self, email: str, capability: Capability) -> Iterator[CampaignLead]:
        after: str | None = None
        while True:
            page = self._ask(capability, lambda start: instantly().list_leads(email, starting_after=start), after)
            yield from (lead for lead in page.items if email_key(lead.email) == email_key(email))
            after = page.next_starting_after
            if after is None:
                return

    def _record(self, lead: CampaignLead, circle: people.KnownPerson) -> Record:
        owners = set(Lead.objects.filter(instantly_lead_id=lead.id).values_list("pk", flat=True))
        summary = {
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
            {key: value for key, value in summary.items() if value},
            people.fingerprint({k: v for k, v in lead.raw.items() if k not in _VOLATILE}),
            circle.own("", [lead.email], lead.phone),
        )

    # ------------------------------------------------------------ telling, correcting

    def _copy(self, record: Record, found: CampaignLead) -> Copy:
        return Copy(data=list(_data(found)), shares=list(self._shares(record)))

    def _correct(self, record: Record, found: CampaignLead, written: dict[str, Any]) -> Mapping[str, Any]:
        """In place; another e-mail is a new lead, and then the old one's end."""
        changes, email, before = campaign_fields.correction(found, written, self._owner(record))
        if changes:
            found = self._ask(Capability.RECTIFY, lambda key: instantly().patch_lead(key, changes), found.id)
        if email:
            self._readdress(found, email)
        elif email is not None:
            self._remove(record, Capability.RECTIFY)  # nobody can be written to without an address
        return before

    def _readdress(self, old: CampaignLead, email: str) -> None:
        """Added first, so that a crash in between loses nothing; found again, it is not added twice (D12)."""
        campaign = old.campaign or chosen.campaign_id()
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

    def _delete(self, record: Record, capability: Capability) -> bool:
        if capability == Capability.ERASE and settings.INSTANTLY_BLOCK_ERASED:
            self._block(record)
        return self._ask(capability, lambda key: instantly().delete_lead(key), record.key)

    def _block(self, record: Record) -> None:
        """The plain address on the workspace's block list: a policy, and off by default."""
        if lead := self._read(record, Capability.ERASE):
            self._ask(Capability.ERASE, lambda address: instantly().block_list_entry(address), lead.email)

    def _is_found(self, record: Record) -> bool:
        owner = self._owner(record)
        emails = record.identity.emails or ((owner.email,) if owner else ())
        addresses = as_kept_elsewhere(email for email in emails if email)
        listed = (lead for email in addresses for lead in self._listed(email, Capability.VERIFY))
        return any(lead.id == record.key for lead in listed)

    # ------------------------------------------------------------ keeping only

    def _limit_processing(self, record: Record, ground: Ground) -> None:
        """The lead is taken out of its campaign: it cannot be paused there."""
        self._remove(record, Capability.RESTRICT)

    def release(self, record: Record, ground: Ground) -> None:
        """The mirror's release hands the lead over again; one that was never ours is a person's to add."""
        if not self._owners(record) and self._read(record, Capability.RELEASE) is None:
            raise Unsupported(Capability.RELEASE)

    # ------------------------------------------------------------ calls

    def _read(self, record: Record, capability: Capability) -> CampaignLead | None:
        return self._get(record.key, capability)

    def _get(self, lead_id: str, capability: Capability) -> CampaignLead | None:
        return self._ask(capability, lambda key: instantly().get_lead(key), lead_id)


def _data(lead: CampaignLead) -> Iterator[Datum]:
    for name, value in {**lead.raw, **lead.payload}.items():
        if name != "payload" and value not in ("", None, [], {}):
            yield Datum(name, value, "Instantly")
