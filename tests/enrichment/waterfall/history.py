"""A drawn history of purchases, retries, late costs, tier moves and deletions, and a journal of what was bought.

Everything is bought by the product's own ways; the journal is kept beside it and never reads what the product wrote,
so that every figure can be computed a second time.
"""

import datetime
import random
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone

from enrichment.models import Attempt, Lead, TakenOver, WaterfallVersion
from enrichment.pipeline.mirror import applying
from enrichment.vendors.clay.wire import ClayRow
from enrichment.waterfall import spending
from gdpr import stores
from gdpr.stores import Record
from swarm_admin.access.models import User
from swarm_admin.core.timing import today
from tests.factories import LeadFactory

SOURCES = ("competitor_follower", "post_liker", "post_commenter")
OFFERS = {
    "apollo": ["email_work"],
    "hunter": ["email_work"],
    "lusha": ["phone"],
    "clearbit": ["company_size", "company_industry", "company_location"],
    "builtwith": ["tech_stack"],
}
RESERVED = Decimal("0.50")


@dataclass
class Call:
    provider: str
    fields: list[str]
    cost: Decimal


@dataclass
class Purchase:
    """One run. `day` is None while it is open; `answered`: Clay brought its end."""

    staff: int
    day: datetime.date | None = None
    calls: list[Call] = field(default_factory=list)
    answered: bool = False
    kept_back: Decimal = Decimal(0)

    @property
    def cost(self) -> Decimal:
        return self.kept_back + sum((call.cost for call in self.calls), Decimal(0))

    @property
    def counts(self) -> bool:
        return self.day is not None and (self.answered or self.cost > 0)


@dataclass
class Person:
    """`tier` is that of the time they were deleted; before, the lead's row says it."""

    lead: int
    source: str
    bought: list[Purchase] = field(default_factory=list)
    row: list[dict] = field(default_factory=list)
    tier: int = 0
    is_deleted: bool = False

    @property
    def open(self) -> Purchase | None:
        return next((each for each in self.bought if each.day is None), None)


class History:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.people: list[Person] = []
        self.saved: list[tuple[datetime.date, Decimal]] = []
        self.staff = User.objects.create_user("ops@example.com")
        self.version = WaterfallVersion.active()
        self.calls = 0

    def play(self, steps: int) -> None:
        acts = {
            self.come: 3, self.run: 8, self.start: 3, self.told_again: 2, self.told_late: 3, self.given_up: 1,
            self.moved: 2, self.reused: 2, self.deleted: 2, spending.close_days: 2, self.ran_by_itself: 1,
        }  # fmt: skip
        self.come()
        for act in self.random.choices(list(acts), weights=list(acts.values()), k=steps):
            act()

    # ------------------------------------------------------------ what happens

    def come(self) -> None:
        source = self.random.choice(SOURCES)
        self.people.append(Person(LeadFactory(source_type=source).pk, source))

    def start(self) -> None:
        """A run begins, and its money is kept back."""
        if not (person := self._somebody()) or person.open:
            return
        by = self.random.choice([None, self.staff])
        Attempt.objects.create(
            lead_id=person.lead, waterfall=self.version, status="running", reserved=RESERVED,
            source_type=person.source, started_by=by, triggered_at=timezone.now(),
        )  # fmt: skip
        person.bought.append(Purchase(by.pk if by else 0))

    def run(self) -> None:
        """A run begins and ends, today or on a day before."""
        person = self._somebody()
        if not person:
            return
        if not person.open:
            self.start()
        for each in self.people:
            if each.open and not each.is_deleted and self.random.random() < 0.8:
                self._answer(each)

    def _answer(self, person: Person) -> None:
        bought = person.open
        bought.calls = self._told(person, self.random.randint(0, 4))
        bought.day, bought.answered = self._day(), True
        attempt = Attempt.objects.filter(lead=person.lead, status="running").get()
        self._apply(person)
        at = datetime.datetime.combine(bought.day, datetime.time(12), datetime.UTC)
        Attempt.objects.filter(pk=attempt.pk).update(finished_at=min(at, timezone.now()))
        spending.reopen([at])

    def told_again(self) -> None:
        """The same row a second time: nothing was bought."""
        person = self._somebody()
        if person and not person.open and person.row:
            self._apply(person)

    def told_late(self) -> None:
        """A further cost of a run that is over, whatever day that was."""
        person = self._somebody()
        if person and not person.open and person.bought:
            person.bought[-1].calls += self._told(person, 1)
            self._apply(person)

    def ran_by_itself(self) -> None:
        """Clay enriched a lead that nobody had asked it for."""
        person = self._somebody()
        if person and not person.bought:
            person.bought.append(Purchase(0, today().date(), self._told(person, 2), answered=True))
            self._apply(person)

    def given_up(self) -> None:
        person = self._somebody()
        if person and person.open:
            Attempt.objects.filter(lead=person.lead, status="running").update(
                status="abandoned", finished_at=timezone.now()
            )
            person.open.day = today().date()

    def moved(self) -> None:
        if person := self._somebody():
            Lead.objects.filter(pk=person.lead).update(icp_tier=self.random.choice([None, 1, 2, 3]))

    def reused(self) -> None:
        if person := self._somebody():
            saved = Decimal(self.random.randint(1, 9)) / 100
            TakenOver.objects.create(lead_id=person.lead, waterfall="company", saved=saved)
            self.saved.append((today().date(), saved))

    def deleted(self) -> None:
        """By an erasure, or in whatever other way a lead goes."""
        if person := self._somebody():
            self.delete(person)

    def delete(self, person: Person) -> None:
        lead = Lead.objects.get(pk=person.lead)
        person.tier, person.is_deleted = lead.icp_tier or 0, True
        if opened := person.open:
            opened.day, opened.kept_back = today().date(), RESERVED
        if self.random.random() < 0.5:
            stores.get_store("mirror").erase(Record("mirror", f"lead:{person.lead}"))
        else:
            Lead.objects.filter(pk=person.lead).delete()

    # ------------------------------------------------------------ parts

    def _somebody(self) -> Person | None:
        living = [person for person in self.people if not person.is_deleted]
        return self.random.choice(living) if living else None

    def _day(self) -> datetime.date:
        return today().date() - datetime.timedelta(days=self.random.choice([0, 0, 1, 2, 5, 29, 40]))

    def _told(self, person: Person, count: int) -> list[Call]:
        calls = []
        for slug in self.random.sample(sorted(OFFERS), count):
            fields = OFFERS[slug] if self.random.random() < 0.6 else []
            cost = Decimal(self.random.randint(0, 1000)) / 10_000
            calls.append(Call(slug, fields, cost))
            self.calls += 1
            at = timezone.now() + datetime.timedelta(microseconds=self.calls)
            person.row.append({"name": slug, "fields_enriched": fields, "timestamp": at.isoformat(), "cost": str(cost)})
        return calls

    def _apply(self, person: Person) -> None:
        raw = {"id": f"row_{person.lead}", "providers_used": list(person.row)}
        applying.apply(person.lead, ClayRow.read(raw), event_at=timezone.now())
