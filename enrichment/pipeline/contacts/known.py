"""What the mirror knows of the contacts that were found, and what is kept of each match before anything is sent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from enrichment.models import ContactMatch, Handover, Lead, MatchAction
from enrichment.models.contact_match import LINKED
from enrichment.models.handover import NOTICE_OUTSTANDING, System
from enrichment.pipeline import compare
from enrichment.pipeline.contacts.look import ContactLookup
from enrichment.pipeline.contacts.rule import ContactPlan, KnownContacts, plan_contact
from enrichment.states import HandoverStatus
from swarm_admin.core.timing import span

OPEN = (HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT, HandoverStatus.UNKNOWN)
Asked = Sequence[tuple[Lead, ContactLookup]]


def plan_contacts(asked: Asked) -> list[ContactPlan | None]:
    """The plan of each, kept before anything is sent; None: another lead with its e-mail goes first.

    That other lead's contact is not there yet, or too new to be found: the look is made again afterwards. A handful
    of queries for all of them.
    """
    owners = _owners(asked)
    matches: dict[int, dict[str, ContactMatch]] = defaultdict(dict)
    for match in ContactMatch.objects.filter(lead__in=[lead.pk for lead, _ in asked]):
        matches[match.lead_id][match.contact_id] = match
    behind, number_taken = _waiting_for_others(asked)
    plans: list[ContactPlan | None] = []
    for lead, look in asked:
        known = KnownContacts(owners.get(lead.pk, {}), lead.pk in number_taken, matches[lead.pk])
        plans.append(None if lead.pk in behind else plan_contact(lead, look, known, settings.GHL_MATCH_POLICY))
    _save_matches([(lead, plan) for (lead, _), plan in zip(asked, plans, strict=True) if plan], matches)
    return plans


def shared_with_others(leads: Mapping[int, str]) -> set[int]:
    """Which of {lead: contact id} have a contact that another lead is linked to as well."""
    ids = {contact_id for contact_id in leads.values() if contact_id}
    linked = set(Lead.objects.filter(ghl_contact_id__in=ids).values_list("ghl_contact_id", "pk"))
    linked |= {(contact_id, pk) for pk, contact_id in leads.items()}
    counted = Counter(contact_id for contact_id, _ in linked)
    return {pk for pk, contact_id in leads.items() if counted[contact_id] > 1}


def fields_held_back(lead: Lead) -> set[str]:
    """What of the lead is not sent to its contact, by the field names of `compare.sent_values`."""
    matches = list(ContactMatch.objects.filter(lead=lead))
    names = {"phone"} if any(match.action == MatchAction.WITHOUT_PHONE for match in matches) else set()
    linked = (match for match in matches if match.contact_id == lead.ghl_contact_id and match.action in LINKED)
    if (match := next(linked, None)) is not None:
        names |= compare.sent_values(lead, System.GHL).keys() - {*match.written, "tags"}
    return names


def _owners(asked: Asked) -> dict[int, dict[str, int]]:
    """{lead: {contact: how many other leads are linked to it}}."""
    ids = {contact.id for _, look in asked for contact in look.contacts()}
    linked: dict[str, set[int]] = defaultdict(set)
    for contact_id, pk in Lead.objects.filter(ghl_contact_id__in=ids).values_list("ghl_contact_id", "pk"):
        linked[contact_id].add(pk)
    owners: dict[int, dict[str, int]] = {}
    for lead, look in asked:
        others = {contact.id: len(linked[contact.id] - {lead.pk}) for contact in look.contacts()}
        owners[lead.pk] = {contact_id: count for contact_id, count in others.items() if count}
    return owners


# ---------------------------------------------------------------- what the look-up cannot show yet


def _waiting_for_others(asked: Asked) -> tuple[set[int], set[int]]:
    """(leads that go after another one with the same e-mail, leads whose number another one has taken).

    Only where the look found nobody: else the contact itself tells.
    """
    unfound = {lead.pk: lead for lead, look in asked if lead.email and not (look.own or look.by_email)}
    by_email = _holders(_with_emails({lead.email for lead in unfound.values()}), "email")
    unnumbered = {lead.pk: lead for lead, look in asked if lead.phone and not look.by_number}
    by_phone = _holders(Lead.objects.filter(phone__in={lead.phone for lead in unnumbered.values()}), "phone")
    turns = _open_deliveries({*unfound, *unnumbered}.union(*by_email.values(), *by_phone.values()))
    behind = {pk for pk, lead in unfound.items() if _must_wait(pk, by_email.get(lead.email, set()), turns)}
    number_taken = {pk for pk, lead in unnumbered.items() if _must_wait(pk, by_phone.get(lead.phone, set()), turns)}
    return behind, number_taken


def _with_emails(emails: set[str]) -> QuerySet[Lead]:
    """Each column is asked apart, by the very condition of its index."""
    at_work = Lead.objects.alias(address=Lower("email_work")).exclude(email_work="")
    own = Lead.objects.alias(address=Lower("email_personal")).exclude(email_personal="")
    found = at_work.filter(address__in=emails).values("pk").union(own.filter(address__in=emails).values("pk"))
    return Lead.objects.filter(pk__in=found)


def _holders(leads: QuerySet[Lead], name: str) -> dict[str, set[int]]:
    """{what a delivery sends as `name`: the leads it is sent of}."""
    held: dict[str, set[int]] = defaultdict(set)
    for lead in leads.only("email_work", "email_personal", "phone"):
        held[getattr(lead, name)].add(lead.pk)
    return held


def _open_deliveries(leads: set[int]) -> dict[int, int]:
    """{lead: its delivery that is open, or 0 where one ended so lately that a look-up may not show its contact}."""
    lately = timezone.now() - span(settings.READ_BACK_SECONDS)
    # What only waits for its notice goes after nobody; claimed or sent, it counts whatever it waited for.
    under_way = Q(status__in=OPEN) & ~Q(status=HandoverStatus.PLANNED, error_kind=NOTICE_OUTSTANDING)
    ended = Q(status=HandoverStatus.DONE, finished_at__gte=lately)
    rows = Handover.objects.filter(lead__in=leads, system=System.GHL).filter(under_way | ended)
    return {
        lead: 0 if status == HandoverStatus.DONE else pk
        for lead, pk, status in rows.order_by("pk").values_list("lead_id", "pk", "status")
    }


def _must_wait(pk: int, holders: set[int], turns: Mapping[int, int]) -> bool:
    mine = turns.get(pk)
    return any(other in turns and (mine is None or turns[other] < mine) for other in holders if other != pk)


# ---------------------------------------------------------------- what is kept


def _save_matches(
    planned: Sequence[tuple[Lead, ContactPlan]], before: Mapping[int, Mapping[str, ContactMatch]]
) -> None:
    """The matches as they are now, before the calls; whoever was erased meanwhile has none."""
    rows = [row for lead, plan in planned for row in _rows(lead, plan, before.get(lead.pk, {}))]
    over = [pk for lead, plan in planned for pk in _obsolete_matches(plan, before.get(lead.pk, {}))]
    if not (rows or over):
        return
    with transaction.atomic():
        leads = Lead.objects.filter(pk__in={row.lead_id for row in rows}).order_by("pk")
        present = set(leads.select_for_update().values_list("pk", flat=True))
        ContactMatch.objects.filter(pk__in=over, decided_at__isnull=True).delete()
        ContactMatch.objects.bulk_create(
            [row for row in rows if row.lead_id in present],
            update_conflicts=True,
            unique_fields=["lead", "contact_id"],
            update_fields=["matched_by", "whose", "action", "written", "kept"],
        )


def _rows(lead: Lead, plan: ContactPlan, before: Mapping[str, ContactMatch]) -> list[ContactMatch]:
    rows = {
        found.contact_id: ContactMatch(
            lead_id=lead.pk,
            contact_id=found.contact_id,
            matched_by=found.matched_by,
            whose=found.whose,
            action=found.action,
        )
        for found in plan.found
    }
    if plan.protected and plan.target is not None:
        held = before.get(plan.target.id)
        row = rows.setdefault(plan.target.id, held) if held is not None else rows[plan.target.id]
        row.written = sorted({*(held.written if held else ()), *plan.write})
        row.kept = sorted(plan.differing)
    return list(rows.values())


def _obsolete_matches(plan: ContactPlan, before: Mapping[str, ContactMatch]) -> list[int]:
    """Matches of the setting, not of a person, that the look does not lead to any more."""
    matched_ids = {each.contact_id for each in plan.found}
    left = (match for contact_id, match in before.items() if contact_id not in matched_ids)
    return [match.pk for match in left if match.action not in LINKED and not match.decided_at]
