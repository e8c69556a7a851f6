"""Art. 14: people whose data did not come from themselves are told; who has to be, and by when.

`gdpr.notices.wording` keeps the text, `runs` queues the notices that staff or the clock ask for, `delivery` sends them.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from gdpr import audit, compliance_alerts, data_subjects
from gdpr.data_subjects import UnnotifiedPerson
from gdpr.due_dates.deadline import day_of, start_of, today
from gdpr.identity import Identity, digest, keys
from gdpr.messages.mail_check import check_can_send_mail
from gdpr.models import Notice, NoticeChannel, NoticeRun
from gdpr.notices import wording
from gdpr.regimes import calendar
from gdpr.states import MessageStatus
from gdpr.stores import key_hash
from gdpr.suppression import gate
from swarm_admin.core import locks
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.cache import cached
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

MOST = 100_000  # in one go
SHOWN = 50  # people among whom an example is looked for


@dataclass(frozen=True)
class QueueEntry:
    """One person who has not been told: `due` is the last day in time; `days` is negative when it has passed."""

    store: str
    person: UnnotifiedPerson
    due: datetime.date
    days: int


def due_date(person: UnnotifiedPerson) -> datetime.date:
    """The first of: a month from collection, the first delivery or communication (Art. 14(3))."""
    month = calendar.months_after(day_of(person.collected_at), 1)
    return min(month, day_of(person.first_use_at)) if person.first_use_at else month


def queue(limit: int = 100) -> list[QueueEntry]:
    """Those who have not been told, whoever is due first first."""
    found = [
        QueueEntry(source.store, person, due_date(person), (due_date(person) - today()).days)
        for source in data_subjects.registered()
        for person in source.unnotified(limit=limit)
    ]
    return sorted(found, key=lambda queued: queued.due)[:limit]


def late_before(on: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """(collected before this, first used before this): whose due date has passed on that day, by `due_date`."""
    first_in_time = calendar.months_after(on, -1)
    while calendar.months_after(first_in_time, 1) < on:  # short months: several days are due on their last
        first_in_time += calendar.ONE_DAY
    return start_of(first_in_time), start_of(on)


def count_late() -> int:
    """People who should have been told by now."""
    collected, used = late_before(today())
    found = data_subjects.registered()
    return sum(source.count_late(collected_before=collected, used_before=used) for source in found)


def figures() -> dict[str, int]:
    """owed, late (by `due_date`), queued, unknown, failed, told in the last 30 days; some seconds old at most."""
    return dict(cached("notices:figures", _count_figures))


def _count_figures() -> dict[str, int]:
    recent = timezone.now() - datetime.timedelta(days=30)
    notices = Notice.objects
    return {
        "owed": sum(source.count_unnotified() for source in data_subjects.registered()),
        "late": count_late(),
        "queued": notices.filter(status__in=[MessageStatus.QUEUED, MessageStatus.SENDING]).count(),
        "unknown": notices.filter(status=MessageStatus.UNKNOWN).count(),
        "failed": notices.filter(status=MessageStatus.FAILED).count(),
        "told": notices.filter(sent_at__gte=recent).count(),
    }


# ---------------------------------------------------------------- what staff do


def check_can_send() -> None:
    """Raises ActionNotAllowed while the text could not name whom to turn to, or says less than Art. 14 asks for."""
    if not settings.CONTROLLER_NAME or not settings.CONTROLLER_CONTACT:
        raise ActionNotAllowed(
            "Set CONTROLLER_NAME and CONTROLLER_CONTACT: a notice must say who sends it and how to reply."
        )
    wording.check_can_use(wording.template())


def check_is_idle() -> None:
    """Raises ActionNotAllowed while a run still takes people into the queue."""
    run = open_run()
    if run is not None:
        raise ActionNotAllowed(f"Queuing notices: {run.queued:,} of up to {run.wanted:,}.")


def open_run() -> NoticeRun | None:
    return NoticeRun.objects.filter(finished_at=None, channel=NoticeChannel.EMAIL).first()


def plan(limit: int) -> dict[str, Any]:
    """What `send` would do: how many at most can be written to, how many are still to be told, an example text."""
    found = data_subjects.registered()
    first = [person for source in found for person in source.reachable(after="", limit=SHOWN)[0]][:1]
    example = wording.render(wording.template(), first[0]) if first else ("", "")
    count = min(limit, sum(source.count_reachable() for source in found))
    unnotified = sum(source.count_unnotified() for source in found)
    return {"count": count, "owed": unnotified, "example": example, "template": wording.template()}


def send(*, limit: int, by: Any) -> NoticeRun:
    """Have the worker queue a notice to at most `limit` people, those who wait longest and have an address.

    The request writes a run and its event, whatever the number; `gdpr.notices.runs` does the rest.

    Raises:
        ActionNotAllowed: with a sentence.
    """
    check_can_send()
    check_can_send_mail()
    check_is_idle()
    if not 0 < limit <= MOST:
        raise ActionNotAllowed(f"Enter a number from 1 to {MOST:,}.")
    try:
        with transaction.atomic():
            run = NoticeRun.objects.create(wanted=limit, created_by=by)
            audit.record(Verb.SEND_NOTICES, by=by, on=run, counts={"at_most": limit})
    except IntegrityError:
        raise ActionNotAllowed("Someone just started sending notices.") from None
    return run


def without_suppressed(people: Sequence[UnnotifiedPerson]) -> list[UnnotifiedPerson]:
    """Those whom the suppression list does not keep from being written to."""
    blocked = gate.look_up([Identity(emails=(person.email,)) for person in people])
    return [person for place, person in enumerate(people) if place not in blocked]


def create_notices(store: str, people: Sequence[UnnotifiedPerson], by: Any, *, export: NoticeRun | None = None) -> int:
    """A notice for each: to be sent, or given to another tool with `export`. One statement; returns how many."""
    text, (_, key) = wording.template(), keys()[0]
    status = MessageStatus.GIVEN if export else MessageStatus.QUEUED
    made = Notice.objects.bulk_create(
        [
            Notice(
                store=store, key=person.key, key_hash=key_hash(store, person.key), template=text, run=export,
                channel=NoticeChannel.EXPORT if export else NoticeChannel.EMAIL, status=status,
                due_on=due_date(person), created_by=by, address_hash=_address_hash(person.email, key),
            )
            for person in sorted(people, key=lambda person: person.key)  # two who queue the same wait in turn
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return len(made)


def _address_hash(email: str, key: bytes) -> str:
    found = Identity(emails=(email,)).identifiers()
    return digest(found[0], key) if found else ""


def wait_for_turn() -> None:
    """Until the transaction ends: two that look at the same people at once would both take them."""
    locks.lock("gdpr.notices.notices")


def retry(status: MessageStatus, *, by: Any) -> int:
    """Queue those that failed, or whose outcome is unknown, once more; returns how many."""
    with transaction.atomic():
        waiting = Notice.objects.filter(status=status)
        again = advance(waiting, MessageStatus.QUEUED, tries=0, not_before=timezone.now(), error_message="")
        audit.record(Verb.RETRY_NOTICES, by=by, counts={"people": again}, reason=status)
    return again


def mark_people_notified(told: Iterable[Notice], at: datetime.datetime) -> None:
    """Their sources learn that they were told then; in the caller's transaction, before the notices' keys go."""
    keys_by_store: dict[str, list[str]] = {}
    for notice in told:
        keys_by_store.setdefault(notice.store, []).append(notice.key)
    for store, found in keys_by_store.items():
        if source := data_subjects.source_of(store):
            source.mark_notified(found, at)


def mark_as_sent(*, by: Any) -> int:
    """An officer found that those of which nobody knew did leave, such as in the mail server's log; how many."""
    now = timezone.now()
    with transaction.atomic():
        unknown = Notice.objects.select_for_update().filter(status=MessageStatus.UNKNOWN)
        mark_people_notified(unknown.only("store", "key"), now)
        count = advance(unknown, MessageStatus.SENT, key="", sent_at=now, error_message="")
        audit.record(Verb.CONFIRM_NOTICES, by=by, counts={"people": count})
    return count


def overdue_alerts() -> list[compliance_alerts.ComplianceAlert]:
    """Whoever should have been told by now."""
    count = count_late()
    if not count:
        return []
    have = "person has" if count == 1 else "people have"
    sentence = (
        f"{count:,} {have} not been notified in time (Art. 14): it was due within a month of collection, or when their "
        "data was first delivered."
    )
    return [compliance_alerts.ComplianceAlert("notices_late", 0, sentence, True)]
