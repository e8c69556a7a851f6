"""What may be written to which contact, decided from what was found. Calls nobody and reads nothing.

A contact that another lead of ours stands for, that has another e-mail, or that was there before us, is never written
over: a number is no identity, and whoever keeps contacts in GoHighLevel has put into them what they know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.models import ContactMatch, ContactOwner, Lead, MatchAction, MatchedBy
from enrichment.models.contact_match import LINKED
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.contacts.look import ContactLookup, has_email, has_number
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.lead_values import is_empty, is_same_value
from swarm_admin.core.identifiers.emails import key as email_key

# Custom fields that only we fill, by their names: brought up to date in every contact of a lead.
OURS = frozenset(
    "icp_score icp_tier source_type source_name source_url engagement_action engagement_content clay_record_id".split()
)


@dataclass(frozen=True)
class KnownContacts:
    """What the mirror knows about one lead's look.

    `owners`: {contact id: how many other leads are linked to it}. `number_taken`: another lead with this number is
    being delivered or has just been, so that the look-up may not show it yet. `matches`: those kept of the lead.
    """

    owners: Mapping[str, int] = field(default_factory=dict)
    number_taken: bool = False
    matches: Mapping[str, ContactMatch] = field(default_factory=dict)


@dataclass(frozen=True)
class MatchedContact:
    """A contact that is not simply the lead's, and what is done about it. `contact_id` "": not known yet."""

    contact_id: str
    matched_by: MatchedBy
    whose: ContactOwner
    action: MatchAction


@dataclass(frozen=True)
class ContactPlan:
    """`target`: the contact to write to; None: one is made. `protected`: it was there before us.

    `write`: of a protected one, the fields that may be written; `differing`: those it holds otherwise than the lead.
    """

    target: Contact | None = None
    found: tuple[MatchedContact, ...] = ()
    protected: bool = False
    without_phone: bool = False
    write: frozenset[str] = frozenset()
    differing: frozenset[str] = frozenset()

    @property
    def waits(self) -> bool:
        return any(each.action == MatchAction.WAITS for each in self.found)

    @property
    def left_out(self) -> bool:
        return any(each.action == MatchAction.LEAVE_OUT for each in self.found)


def plan_contact(lead: Lead, look: ContactLookup, known: KnownContacts, policy: str) -> ContactPlan:
    """The plan for a lead; `policy` as GHL_MATCH_POLICY."""
    own = look.own if look.own and not _is_anothers(look.own, lead, known) else None
    by_email, by_number = look.by_email, look.by_number
    if look.own is not None and own is None and by_number is None and has_number(look.own, lead.phone):
        by_number = look.own  # nobody asked for the number: it is in the contact that is not the lead's any more
    if by_email is None and by_number is not None and has_email(by_number, lead.email):
        by_email, by_number = by_number, None
    target, found = own, []
    if by_email is not None and (own is None or by_email.id != own.id):
        whose = _whose(by_email, lead, known)
        if whose is None and own is None:
            target = by_email
        else:
            match = _by_email(by_email, whose or ContactOwner.EXISTING, own, known, policy)
            found.append(match)
            target = by_email if match.action in LINKED else target
    numbered = _by_number(by_number, lead, target, known, policy)
    if numbered is not None:
        found.append(numbered)
        target = by_number if numbered.action in LINKED and target is None else target
    elif by_number is not None and target is None:
        target = by_number
    return _with_fields(lead, target, tuple(found), known, policy)


def _is_anothers(own: Contact, lead: Lead, known: KnownContacts) -> bool:
    """Linked to several leads, and by its e-mail not this one's: the link is not followed any more."""
    return own.id in known.owners and not has_email(own, lead.email)


def _whose(contact: Contact, lead: Lead, known: KnownContacts) -> ContactOwner | None:
    """None: we made it for this lead, though its reference was lost."""
    if contact.id in known.owners:
        return ContactOwner.OTHER_LEAD
    if _is_ours(contact, lead):
        return None
    if lead.email and contact.email and not has_email(contact, lead.email):
        return ContactOwner.OTHER_EMAIL
    return ContactOwner.EXISTING


def _is_ours(contact: Contact, lead: Lead) -> bool:
    """By its row at Clay, which nobody else writes there; without one by profile and tag."""
    if lead.clay_row_id and _has_value(contact, "clay_record_id", lead.clay_row_id):
        return True
    tagged = contact_fields.OUR_TAG in {str(tag).casefold() for tag in contact.tags}
    return tagged and _has_value(contact, "linkedin_url", lead.linkedin_url)


def _has_value(contact: Contact, name: str, value: str) -> bool:
    stored = contact_fields.stored_values(contact, {name: value})
    return name in stored and is_same_value(name, value, stored[name])


def _by_email(
    contact: Contact, whose: ContactOwner, own: Contact | None, known: KnownContacts, policy: str
) -> MatchedContact:
    usual = MatchAction.FILL if policy == "fill" else MatchAction.KEEP
    if policy == "ask" or own is not None or whose != ContactOwner.EXISTING:
        usual = MatchAction.WAITS
    return MatchedContact(contact.id, MatchedBy.EMAIL, whose, _decision_about(known, contact.id) or usual)


def _by_number(
    contact: Contact | None, lead: Lead, target: Contact | None, known: KnownContacts, policy: str
) -> MatchedContact | None:
    """None: nobody else's contact has the lead's number."""
    if contact is None:
        held = target is not None and has_number(target, lead.phone)
        if not known.number_taken or held:
            return None
        whose, contact_id = ContactOwner.OTHER_LEAD, ""
    elif target is not None and contact.id == target.id:
        return None
    else:
        of = _whose(contact, lead, known)
        if of is None and target is None:
            return None
        whose, contact_id = of or ContactOwner.EXISTING, contact.id
    usual = MatchAction.WITHOUT_PHONE
    if policy == "ask":
        usual = MatchAction.WAITS
    elif policy == "fill" and whose == ContactOwner.EXISTING and target is None:
        usual = MatchAction.FILL
    action = _decision_about(known, contact_id) or usual
    if action == MatchAction.WITHOUT_PHONE and not lead.email:
        action = MatchAction.WAITS  # nothing would be left to find the contact by
    return MatchedContact(contact_id, MatchedBy.NUMBER, whose, action)


def _decision_about(known: KnownContacts, contact_id: str) -> MatchAction | None:
    match = known.matches.get(contact_id)
    return MatchAction(match.action) if match is not None and match.decided_at else None


def _with_fields(
    lead: Lead, target: Contact | None, found: tuple[MatchedContact, ...], known: KnownContacts, policy: str
) -> ContactPlan:
    without_phone = any(
        each.matched_by == MatchedBy.NUMBER and (target is None or each.contact_id != target.id) for each in found
    )
    linked = next((each.action for each in found if target and each.contact_id == target.id), None)
    match = known.matches.get(target.id) if target is not None else None
    if linked is None and match is not None and match.action in LINKED:
        linked = MatchAction(match.action)
        if not match.decided_at:
            linked = MatchAction.FILL if policy == "fill" else MatchAction.KEEP
    if target is None or linked not in LINKED:
        return ContactPlan(target, found, without_phone=without_phone)
    written = set(match.written) if match is not None else set()
    write, differing = fields(lead, target, written, fill=linked == MatchAction.FILL)
    drop = {"phone"} if without_phone else set()
    return ContactPlan(target, found, True, without_phone, frozenset(write - drop), frozenset(differing))


def fields(lead: Lead, contact: Contact, written: set[str], *, fill: bool) -> tuple[set[str], set[str]]:
    """(the fields that may be written, those left as they are though the lead holds another value).

    Written are fields that only we fill, those we filled before, our custom fields that are empty, and with `fill`
    every empty one. A custom field whose value cannot be told is not empty.
    """
    wanted: dict[str, Any] = compare.sent_values(lead, System.GHL)
    del wanted["tags"]
    stored = contact_fields.stored_values(contact, wanted)
    untold = contact_fields.unreadable_fields(contact, wanted)
    write, differing = set(), set()
    for name, value in wanted.items():
        if name in written or name in OURS:
            write.add(name)
        elif name not in untold and is_empty(stored.get(name)):
            write |= {name} if fill or name in contact_fields.CUSTOM else set()
        elif not is_same_value(name, value, stored.get(name)):
            differing.add(name)
    if "email" in differing and email_key(str(stored.get("email") or "")) == email_key(lead.email):
        differing.discard("email")
    return write, differing
