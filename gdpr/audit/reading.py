"""The audit ledger as people read it: filtered, newest first, with names and places in the chain."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import NoReverseMatch, reverse

from gdpr.models import AuditEvent, AuditSeal
from swarm_admin.core.audit_verbs import current, sentence, stored_as
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.paging import by_time

SIZE = 50
EXPORTED = ("Event", "When (UTC)", "Who", "Did", "On", "Id", "Fields", "Counts", "Reason", "Link", "Digest")
CHUNK = 2_000


@dataclass(frozen=True)
class Entry:
    """One event with who did it ("" is the system), its place in the chain and the page of what it was done to."""

    event: AuditEvent
    who: str
    link: int | None
    digest: str
    url: str

    @property
    def did(self) -> str:
        return sentence(self.event.verb)


@dataclass
class Filters:
    """What of the ledger is asked for; unreadable values are left out and named in `ignored`."""

    verb: str = ""
    who: str = ""
    object_type: str = ""
    object_id: str = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    ignored: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, query: QueryDict) -> "Filters":
        verb, who, object_type, object_id = (
            query.get(name, "").replace("\x00", "").strip()[:128]
            for name in ("verb", "who", "object_type", "object_id")
        )
        found = cls(verb=current(verb), who=who, object_type=object_type, object_id=object_id)
        if found.who and found.who != "system" and parse_int(found.who) is None:
            found.who = ""
            found.ignored.append("who")
        found.since = found._date(query, "since")
        found.until = found._date(query, "until")
        return found

    def _date(self, query: QueryDict, name: str) -> datetime.date | None:
        text = query.get(name, "").strip()
        if not text:
            return None
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            self.ignored.append(name)
            return None

    @property
    def is_narrowed(self) -> bool:
        return any((self.verb, self.who, self.object_type, self.object_id, self.since, self.until))

    def events(self) -> QuerySet[AuditEvent]:
        """The events asked for. Days are UTC."""
        found = AuditEvent.objects.all()
        if self.verb:
            found = found.filter(verb__in=stored_as(self.verb))
        for name in ("object_type", "object_id"):
            if value := getattr(self, name):
                found = found.filter(**{name: value})
        if self.who:
            found = found.filter(actor_id=None if self.who == "system" else int(self.who))
        if self.since:
            found = found.filter(occurred_at__gte=_start_of_day(self.since))
        if self.until:
            last = datetime.datetime.combine(self.until, datetime.time.max, datetime.UTC)
            found = found.filter(occurred_at__lte=last)  # the next midnight may be beyond the calendar's end
        return found


def _start_of_day(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def entries(events: Iterable[AuditEvent]) -> list[Entry]:
    """The events of one page with their names and links; two queries whatever their number."""
    events = list(events)
    people = _names({event.actor_id for event in events if event.actor_id is not None})
    links = {seal.event_id: seal for seal in AuditSeal.objects.filter(event_id__in=[event.pk for event in events])}
    return [_entry(event, people, links.get(event.pk)) for event in events]


def _entry(event: AuditEvent, people: dict[int, str], seal: AuditSeal | None) -> Entry:
    who = "" if event.actor_id is None else people.get(event.actor_id, f"person {event.actor_id}")
    place, digest = (seal.position, seal.digest) if seal else (None, "")
    return Entry(event, who, place, digest, object_url(event.object_type, event.object_id))


def _names(ids: set[int]) -> dict[int, str]:
    people = get_user_model()._default_manager.filter(pk__in=ids)
    return {person.pk: person.get_full_name() or person.email for person in people}


def page(filters: Filters, *, before: int = 0) -> tuple[list[Entry], int | None]:
    """(a page of events older than `before`, the id the next page starts below; None at the end)."""
    found = by_time(filters.events(), size=SIZE, after=before)
    return entries(found.rows), found.after


def choices() -> dict[str, Any]:
    """What the filters offer: verbs and kinds of objects that occur, and staff.

    `verbs`: [(verb, its sentence)], one for all the names an act has had, by their sentences.
    """
    people = get_user_model()._default_manager.order_by("email").values_list("pk", "email")
    return {
        "verbs": sorted(
            ((verb, sentence(verb)) for verb in {current(stored) for stored in _distinct("verb")}),
            key=lambda each: each[1],
        ),
        "object_types": [value for value in _distinct("object_type") if value],
        "people": list(people),
    }


def _distinct(column: str) -> list[str]:
    """The column's values by hops along its index: their number counts, not that of the events."""
    values: list[str] = []
    while True:
        rest = AuditEvent.objects.order_by(column)
        following = rest.filter(**{f"{column}__gt": values[-1]}) if values else rest
        value = following.values_list(column, flat=True).first()
        if value is None:
            return values
        values.append(value)


def export_rows(filters: Filters) -> Iterator[list[Any]]:
    """Rows of the CSV, in EXPORTED's order, a page of the ledger at a time."""
    after: int | None = 0
    while after is not None:
        found = by_time(filters.events(), size=CHUNK, after=after)
        for entry in entries(found.rows):
            event = entry.event
            counts = ", ".join(f"{name}: {value}" for name, value in sorted(event.counts.items()))
            yield [
                event.pk, event.occurred_at.isoformat(), entry.who or "system", entry.did, event.object_type,
                event.object_id, ", ".join(event.fields), counts, event.reason, entry.link, entry.digest,
            ]  # fmt: skip
        after = found.after


# ---------------------------------------------------------------- where an event's object is shown

_pages: dict[str, str] = {}  # told by the packages outside as well


def register_page(object_type: str, page: str) -> None:
    """Objects of this type (a model's name, lower case) have a page of that name that takes their key."""
    _pages[object_type] = page


def object_url(object_type: str, object_id: str) -> str:
    """The page of one object; empty where it has none."""
    page = _pages.get(object_type)
    number = parse_int(object_id)
    if not page or number is None:
        return ""
    try:
        return reverse(page, args=[number])
    except NoReverseMatch:
        return ""
