"""Deliveries to GoHighLevel: a look for the contact, upsert without tags, then the tags, each added without loss."""

import contextlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.models import Lead, MatchAction
from enrichment.models.handover import LEFT_OUT, UNDECIDED, System
from enrichment.pipeline import compare, fanout
from enrichment.pipeline.contacts import known as contacts_known
from enrichment.pipeline.contacts import look
from enrichment.pipeline.contacts import look as contacts_look
from enrichment.pipeline.contacts.look import ContactLookup
from enrichment.pipeline.contacts.rule import ContactPlan
from enrichment.pipeline.delivery_outcomes import (
    DeliveryRequest,
    NeedsDecision,
    NotSent,
    Outcome,
    PartlySent,
    Postponed,
    Sent,
    Withheld,
)
from enrichment.vendors import limiter, registry
from enrichment.vendors.connections import ghl
from enrichment.vendors.errors import Misconfigured, VendorError
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel import known_fields
from enrichment.vendors.gohighlevel.client import Contact, UpsertResult
from enrichment.vendors.gohighlevel.location import LIMIT
from enrichment.vendors.lead_values import is_same_value
from swarm_admin.core import shutdown


def scope() -> str:
    return registry.delivery_to(System.GHL).scope()


def send_all(asked: Sequence[DeliveryRequest], until: float) -> list[Outcome]:
    """Look for the contacts of each lead, decide, then upsert and tag; none is begun after `until`.

    `until` is in the process's monotonic seconds.
    """
    with contextlib.suppress(Misconfigured):  # which each of them is told
        known_fields.ghl()  # whose threads have no database: they use what is known of the fields now
    begun = fanout.call_each(asked, lambda one: _look_up(one, until), vendor="ghl")
    looked = [(one, work) for one, work in zip(asked, begun, strict=True) if isinstance(work, _Prepared)]
    plans = contacts_known.plan_contacts([(one.lead, work.lookup) for one, work in looked])
    ready = [(*both, plan) for both, plan in zip(looked, plans, strict=True)]
    answers = fanout.call_each(ready, lambda one: _carry_out(*one), vendor="ghl", changes=True)
    outcomes: dict[int, Outcome] = {one.lead.pk: answer for (one, _), answer in zip(looked, answers, strict=True)}
    _note_shared(outcomes)
    return [
        outcomes[one.lead.pk] if isinstance(work, _Prepared) else work for one, work in zip(asked, begun, strict=True)
    ]


@dataclass(frozen=True)
class _Prepared:
    slots: limiter.Slots
    lookup: ContactLookup


def _look_up(one: DeliveryRequest, until: float) -> _Prepared | NotSent:
    """The look. Raises VendorError. All slots that may be needed are taken at once, and the others given back."""
    if shutdown.is_requested() or time.monotonic() > until:
        return NotSent()
    slots = limiter.reserve(LIMIT, scope(), look.calls(one.lead, one.existing_id) + _writes_needed(one))
    if slots.wait:
        return NotSent(slots.wait)
    try:
        return _Prepared(slots, contacts_look.find_contacts(one.lead, slots, one.existing_id))
    except Exception:
        slots.give_back()
        raise


def _writes_needed(one: DeliveryRequest) -> int:
    """Upsert and tags; and tags to be taken away of a contact there was."""
    return 2 + bool(one.lead.ghl_contact_id or one.unsure or one.existing_id)


def _carry_out(one: DeliveryRequest, work: _Prepared, plan: ContactPlan | None) -> Outcome:
    """What the plan says. Raises VendorError."""
    try:
        if plan is None:
            return Postponed()
        if plan.left_out:
            return Withheld(LEFT_OUT)
        if plan.waits:
            return NeedsDecision(UNDECIDED, _sentence(plan))
        return _protect(one, plan, work.slots) if plan.protected else _write(one, plan, work.slots)
    finally:
        work.slots.give_back()


def _sentence(plan: ContactPlan) -> str:
    waiting = next(each for each in plan.found if each.action == MatchAction.WAITS)
    return f"GoHighLevel has a contact with this {waiting.matched_by.label}. {waiting.whose.label}"


def _note_shared(outcomes: dict[int, Outcome]) -> None:
    """A contact that stands for two leads is a difference, whatever it holds."""
    sent = {pk: outcome for pk, outcome in outcomes.items() if isinstance(outcome, Sent)}
    for pk in contacts_known.shared_with_others({pk: outcome.external_id for pk, outcome in sent.items()}):
        sent[pk].differences.add("contact")


# ---------------------------------------------------------------- a contact of the lead's own


def _write(one: DeliveryRequest, plan: ContactPlan, slots: limiter.Slots) -> Sent | PartlySent:
    """Made, or brought up to date as a whole: it is ours."""
    lead, target = one.lead, plan.target
    held_back = frozenset({"phone"} if plan.without_phone else ())
    if target is not None and (
        target.id == one.existing_id or (one.unsure and _contains_lead(target, lead, held_back))
    ):
        return _finish_contact(target, lead, slots, held_back)
    body = {name: value for name, value in contact_fields.contact_of(lead).items() if name not in held_back}
    if target is not None:
        _make_findable(target, body, slots)
    slots.use()
    result = ghl().upsert_contact(body)
    differences = {*result.differs}
    if not _is_expected(result, plan, lead, one.unsure):
        differences.add("contact")
    return _finish_contact(result.contact, lead, slots, held_back, differences=differences)


def _make_findable(contact: Contact, body: dict[str, Any], slots: limiter.Slots) -> None:
    """The upsert goes by the e-mail, without one by the number: the contact has to hold that first.

    Else a second contact would be made, or the number would lead to somebody else's.
    """
    name = "email" if body.get("email") else "phone"
    value = body.get(name)
    if value and not is_same_value(name, value, contact.raw.get(name)):
        slots.use()
        ghl().update_contact(contact.id, {name: value})


def _is_expected(result: UpsertResult, plan: ContactPlan, lead: Lead, unsure: bool) -> bool:
    """Whether the upsert wrote where the look said; a contact that the look-up did not show yet is another."""
    if plan.target is not None:
        return result.contact.id == plan.target.id
    known = result.contact.id == lead.ghl_contact_id
    return known or (not lead.ghl_contact_id and (unsure or result.new is not False))


# ---------------------------------------------------------------- a contact that was there before


def _protect(one: DeliveryRequest, plan: ContactPlan, slots: limiter.Slots) -> Sent | PartlySent:
    """Only the fields of the plan, by the contact's id; nothing that it held is written over."""
    assert plan.target is not None
    lead, written = one.lead, plan.target
    contact, sent = contact_fields.contact_of(lead), compare.sent_values(lead, System.GHL)
    body = {name: contact[name] for name in plan.write if name in contact}
    custom = [entry for entry in contact["custom_fields"] if entry["key"] in plan.write]
    changes = {name: value for name, value in body.items() if name != "company_name"}
    if custom:
        changes["custom_fields"] = custom
    if written.id != one.existing_id:
        written = _change(written, changes, body.get("company_name"), slots)
    left = frozenset((contact.keys() - {"custom_fields"}) - body.keys()) | ({"custom_fields"} - changes.keys())
    return _finish_contact(written, lead, slots, frozenset(sent) - plan.write - {"tags"}, left)


def _change(contact: Contact, changes: dict[str, Any], company: str | None, slots: limiter.Slots) -> Contact:
    if changes:
        slots.use()
        contact = ghl().update_contact(contact.id, changes)
    return contact if company is None else _name_company(contact, company, slots)


def _name_company(contact: Contact, company: str, slots: limiter.Slots) -> Contact:
    """PUT refuses the company's name; an upsert by what the contact itself holds takes it."""
    key = {"email": contact.email} if contact.email else {"phone": contact.phone}
    if not any(key.values()):
        return contact
    slots.use()
    return ghl().upsert_contact({**key, "company_name": company}).contact


# ---------------------------------------------------------------- parts


def _contains_lead(contact: Contact, lead: Lead, held_back: Collection[str]) -> bool:
    """True when the lost call took effect: the contact holds every field that is sent; its tags are brought up to date.

    It may have been there before, so a field that differs or that its answers do not tell is sent again: that
    changes one contact, and makes none.
    """
    wanted = _values_to_send(lead, {"tags", *held_back})
    stored = contact_fields.stored_values(contact, wanted)
    return stored.keys() == wanted.keys() and not compare.differing_fields(lead, wanted, stored)


def _values_to_send(lead: Lead, held_back: Collection[str]) -> dict[str, Any]:
    sent = compare.sent_values(lead, System.GHL)
    return {name: value for name, value in sent.items() if name not in held_back}


def _finish_contact(
    contact: Contact,
    lead: Lead,
    slots: limiter.Slots,
    held_back: frozenset[str],
    left: frozenset[str] | None = None,
    differences: Collection[str] = (),
) -> Sent | PartlySent:
    """The contact is there: what is wrong from here on is wrong with its tags alone.

    `held_back`: fields that are not compared, by our names; `left`: what was not sent, where that is told apart.
    """
    unsent = held_back if left is None else left
    try:
        differs = {*differences, *_tag_and_compare(contact, lead, slots, held_back)}
    except VendorError as error:
        return PartlySent(contact.id, error, unsent)
    return Sent(contact.id, differs, unsent)


def _tag_and_compare(contact: Contact, lead: Lead, slots: limiter.Slots, held_back: Collection[str]) -> set[str]:
    """Tags the contact; the fields it then holds otherwise than sent."""
    tags = _sync_tags(contact.id, contact.tags, lead, slots)
    wanted = _values_to_send(lead, held_back)
    stored = {**contact_fields.stored_values(_with_custom_fields(contact), wanted), "tags": tags}
    return compare.differing_fields(lead, wanted, stored)


def _with_custom_fields(contact: Contact) -> Contact:
    """The contact with its custom fields: read where the answer left them out and there is a slot to spare."""
    if contact_fields.has_custom_fields(contact) or limiter.take(LIMIT, scope()):
        return contact
    try:
        return ghl().get_contact(contact.id) or contact
    except VendorError:
        return contact  # the delivery itself is done


def _sync_tags(contact_id: str, present: list[str], lead: Lead, slots: limiter.Slots) -> list[str]:
    """Brings the contact's tags up to date; all it then has, lower case."""
    client = ghl()
    held = [str(tag).casefold() for tag in present]
    if missing := [tag for tag in contact_fields.tags_of(lead) if tag not in held]:
        slots.use()
        answered_tags = client.add_tags(contact_id, missing)
        held = [*held, *missing] if answered_tags is None else [tag.casefold() for tag in answered_tags]
    if outdated := [tag for tag in contact_fields.outdated_tags(lead) if tag in held]:
        slots.use()
        answered_tags = client.remove_tags(contact_id, outdated)
        left = [tag for tag in held if tag not in outdated]
        held = left if answered_tags is None else [tag.casefold() for tag in answered_tags]
    return held
