"""A person as the mirror knows them: the leads that any identifier leads to, and how sure each is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from enrichment.models import Lead
from enrichment.models.lead_queries import LeadQuerySet
from gdpr.identity import Identity, phone_key
from swarm_admin.core.identifiers.emails import as_kept_elsewhere
from swarm_admin.core.identifiers.emails import key as email_key

URL, EMAIL, PHONE = "linkedin_url", "email", "phone"
_LOADED = (
    "linkedin_url", "first_name", "last_name", "company_name", "email_work", "email_personal", "phone",
    "clay_row_id", "clay_table_id", "ghl_contact_id", "instantly_lead_id", "restriction",
)  # fmt: skip


@dataclass(frozen=True)
class LeadMatch:
    """A lead that `matched` led to. `sure` is False where it may be another person's."""

    lead: Lead
    matched: tuple[str, ...]
    sure: bool


@dataclass(frozen=True)
class KnownPerson:
    """A person as asked for (`identity`, normalised), and the leads known under any of the identifiers."""

    identity: Identity
    known: tuple[LeadMatch, ...]

    @cached_property
    def leads(self) -> dict[int, LeadMatch]:
        return {each.lead.pk: each for each in self.known}

    @cached_property
    def urls(self) -> list[str]:
        return _once([self.identity.linkedin_url, *(each.lead.linkedin_url for each in self.known)])

    @cached_property
    def emails(self) -> list[str]:
        """Canonical: those asked for first, then what the mirror knows beside them."""
        return _once([*self.identity.emails, *(e for each in self.known for e in emails_of(each.lead))])

    @cached_property
    def addresses(self) -> list[str]:
        """`emails`, and each as people write it: the other systems may keep either."""
        return as_kept_elsewhere(self.emails)

    @cached_property
    def phones(self) -> list[str]:
        return _once([self.identity.phone, *(each.lead.phone for each in self.known)])

    @cached_property
    def own_urls(self) -> set[str]:
        """The profiles that are this person's beyond doubt."""
        return {self.identity.linkedin_url, *(each.lead.linkedin_url for each in self.known if each.sure)} - {""}

    @cached_property
    def own_emails(self) -> set[str]:
        """The addresses that are this person's alone, as far as the mirror knows."""
        certain = {*self.identity.emails, *(e for each in self.known if each.sure for e in emails_of(each.lead))}
        return {e for e in certain if self._holders[e] < 2}

    def kinds(
        self, *, urls: Iterable[str] = (), emails: Iterable[str] = (), phones: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Which kinds of identifiers of this person are among a record's.

        What only leads hold that may be another person's is none of theirs: such a record is told to match by what
        led to that lead, as when a colleague has the same switchboard.
        """
        given = {
            URL: set(urls),
            EMAIL: {email_key(e) for e in emails},
            PHONE: {phone_key(phone) for phone in phones},
        }
        hits = tuple(kind for kind, values in given.items() if (values & self._own[kind]) - {""})
        return hits or self._through(given)

    def _through(self, identifiers: Mapping[str, set[str]]) -> tuple[str, ...]:
        led = {
            kind
            for each in self.known
            if any((identifiers[of] & values) - {""} for of, values in identifiers_of(each.lead).items())
            for kind in each.matched
        }
        return tuple(kind for kind in (URL, EMAIL, PHONE) if kind in led)

    @cached_property
    def _own(self) -> dict[str, set[str]]:
        """{kind: what was asked for, and what the leads hold that are this person's beyond doubt}."""
        own = {
            URL: {self.identity.linkedin_url},
            EMAIL: set(self.identity.emails),
            PHONE: {self.identity.phone},
        }
        for each in self.known:
            if each.sure:
                for kind, values in identifiers_of(each.lead).items():
                    own[kind] |= values
        return own

    @cached_property
    def _holders(self) -> Counter[str]:
        """{address or phone of the circle: how many leads have it}."""
        phones = Lead.objects.filter(phone__in=self.phones).values_list("phone").annotate(count=Count("pk"))
        return holders(self.emails) + Counter(dict(phones.order_by()))

    def own(self, linkedin_url: str, emails: Iterable[str], phone: str) -> Identity:
        """What of a record's identifiers is one person's alone: to block a shared inbox would block others."""
        identity = Identity(linkedin_url, tuple(emails), phone)
        more = {*identity.emails, identity.phone} - {*self.emails, *self.phones, ""}
        shared = self._holders | (KnownPerson(identity, ())._holders if more else Counter())
        alone = identity.phone if identity.phone and shared[identity.phone] < 2 else ""
        return Identity(identity.linkedin_url, tuple(e for e in identity.emails if shared[e] < 2), alone)

    def vouches(self, leads: Iterable[int], emails: Iterable[str]) -> bool:
        """Whether a vendor's record is this person's alone: that of one sure lead, or under an address of theirs."""
        refers = set(leads)
        if refers:
            only = self.leads.get(next(iter(refers))) if len(refers) == 1 else None
            return only is not None and only.sure
        return bool({email_key(e) for e in emails} & self.own_emails)


def known_person(identity: Identity) -> KnownPerson:
    """Everything the mirror knows of a person; three look-ups, each along an index."""
    matched: dict[int, list[str]] = {}
    leads: dict[int, Lead] = {}
    for kind, found in (
        (URL, Lead.objects.filter(linkedin_url=identity.linkedin_url) if identity.linkedin_url else None),
        (EMAIL, with_emails(identity.emails) if identity.emails else None),
        (PHONE, Lead.objects.filter(phone=identity.phone) if identity.phone else None),
    ):
        for lead in found.only(*_LOADED) if found is not None else ():
            leads[lead.pk] = lead
            matched.setdefault(lead.pk, []).append(kind)
    # Whoever has one of the addresses is among them, so nobody has to be counted.
    shared = Counter(e for lead in leads.values() for e in emails_of(lead) if e in identity.emails)
    known = (
        LeadMatch(lead, tuple(matched[pk]), _is_certain(lead, matched[pk], identity, shared))
        for pk, lead in leads.items()
    )
    return KnownPerson(identity, tuple(sorted(known, key=lambda each: (not each.sure, each.lead.pk))))


def _is_certain(lead: Lead, matched: list[str], identity: Identity, shared: Mapping[str, int]) -> bool:
    """The profile settles it; an e-mail does where it is one lead's alone and no other profile is asked for."""
    if URL in matched:
        return True
    if EMAIL not in matched or identity.linkedin_url:
        return False
    return any(shared.get(each, 0) == 1 for each in emails_of(lead) if each in identity.emails)


def with_emails(emails: Iterable[str]) -> LeadQuerySet:
    """Leads with one of these canonical addresses in either column.

    Each column is asked apart, by the very condition of its index: only then does PostgreSQL know how few there are.
    """
    wanted = list(emails)
    at_work = Lead.objects.alias(address=Lower("email_work")).exclude(email_work="")
    own = Lead.objects.alias(address=Lower("email_personal")).exclude(email_personal="")
    matching = at_work.filter(address__in=wanted).values("pk").union(own.filter(address__in=wanted).values("pk"))
    return Lead.objects.filter(pk__in=matching)


def holders(emails: Iterable[str]) -> Counter[str]:
    """{address: how many leads have it in either column}."""
    wanted = set(emails)
    if not wanted:
        return Counter()
    matching = with_emails(wanted).only("email_work", "email_personal")
    return Counter(e for lead in matching for e in emails_of(lead) if e in wanted)


def emails_of(lead: Lead) -> set[str]:
    return {email_key(e) for e in (lead.email_work, lead.email_personal) if e}


def identifiers_of(lead: Lead) -> dict[str, set[str]]:
    return {URL: {lead.linkedin_url}, EMAIL: emails_of(lead), PHONE: {lead.phone}}


def summary_of(lead: Lead) -> dict[str, str]:
    """What tells two people apart at the match desk; the same names in every store."""
    summary = {
        "name": lead.full_name,
        "company": lead.company_name,
        "linkedin_url": lead.linkedin_url,
        "email_work": lead.email_work,
        "email_personal": lead.email_personal,
        "phone": lead.phone,
    }
    return {name: value for name, value in summary.items() if value}


def fingerprint(contents: Mapping[str, Any]) -> str:
    """Changes when the contents do; keyed, since a bare hash of a person's data could be guessed back."""
    text = "\x1f".join(f"{name}\x1e{contents[name]!r}" for name in sorted(contents))
    return salted_hmac("record", text, algorithm="sha256").hexdigest()


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
