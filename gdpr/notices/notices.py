"""Art. 14: people whose data did not come from themselves are told; who is owed, by when, by which text.

`gdpr.notices.runs` queues the notices that staff or the clock ask for, `gdpr.notices.delivery` sends them.
"""

import datetime
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from gdpr import alarms, audit, data_subjects
from gdpr.data_subjects import Owed
from gdpr.due_dates import calendar
from gdpr.due_dates.deadline import day_of, today
from gdpr.identity import Identity, digest, keys
from gdpr.messages.outlet import check_mail_leaves
from gdpr.models import MessageTemplate, Notice, NoticeChannel, NoticeRun
from gdpr.states import MessageStatus
from gdpr.stores import key_hash
from gdpr.suppression import gate
from swarm_admin.core import locks
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

SLUG = "notice_art14"
MOST = 100_000  # in one go
SHOWN = 50  # people among whom an example is looked for
EXPORTED_AT_ONCE = 1_000  # in one transaction
SUBJECT = "How we use information about you"
# Art. 14(1) and (2): who, why, what, whence, to whom, how long, and which rights.
BODY = """\
Hello $first_name,

$controller holds business contact data about you and is informing you of this, as required by Art. 14 GDPR.

What: $fields.
Source: $source, on $collected_on; completed by providers of business data.
Why: to find out whether our offer fits your company and, if so, to write to you about it. The legal basis is our
legitimate interest (Art. 6(1)(f)); you may object at any time, and then we stop at once.
Who receives it: our processors for enrichment (Clay), contact management (GoHighLevel) and mailing (Instantly).
How long: at most $retention_days days from the day it was collected.

You may ask for a copy, for correction, erasure or restriction, and object to the use. Write to $contact.
You may also complain to a data protection authority.
"""


@dataclass(frozen=True)
class Queued:
    """One person who has not been told: `due` is the last day in time; `days` is negative when it has passed."""

    store: str
    owed: Owed
    due: datetime.date
    days: int


def due_of(owed: Owed) -> datetime.date:
    """The first of: a month from collection, the first delivery or communication (Art. 14(3))."""
    month = calendar.months_after(day_of(owed.collected_at), 1)
    return min(month, day_of(owed.first_use_at)) if owed.first_use_at else month


def queue(limit: int = 100) -> list[Queued]:
    """Those who have not been told, the oldest first."""
    found = [
        Queued(source.store, owed, due_of(owed), (due_of(owed) - today()).days)
        for source in data_subjects.registered()
        for owed in source.owed(collected_before=None, limit=limit)
    ]
    return sorted(found, key=lambda queued: queued.due)[:limit]


def month_ago() -> datetime.datetime:
    """Whoever was collected before this is told late."""
    day = calendar.months_after(today(), -1)
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def figures() -> dict[str, int]:
    """owed, late (collected over a month ago), queued, unknown, failed, told in the last 30 days."""
    recent = timezone.now() - datetime.timedelta(days=30)
    notices = Notice.objects
    return {
        "owed": sum(source.count_owed(None) for source in data_subjects.registered()),
        "late": sum(source.count_owed(month_ago()) for source in data_subjects.registered()),
        "queued": notices.filter(status__in=[MessageStatus.QUEUED, MessageStatus.SENDING]).count(),
        "unknown": notices.filter(status=MessageStatus.UNKNOWN).count(),
        "failed": notices.filter(status=MessageStatus.FAILED).count(),
        "told": notices.filter(sent_at__gte=recent).count(),
    }


# ---------------------------------------------------------------- the text


def template() -> MessageTemplate:
    """The newest version of the text; the first is planted when it is asked for."""
    found = MessageTemplate.objects.filter(slug=SLUG).order_by("-number").first()
    if found is None:
        found, _ = MessageTemplate.objects.get_or_create(
            slug=SLUG, number=1, defaults={"subject": SUBJECT, "body": BODY, "note": "First version"}
        )
    return found


def change_text(*, subject: str, body: str, note: str, by: Any) -> MessageTemplate:
    """A new version of the text; those sent before keep theirs.

    Raises:
        ActionNotAllowed: it is empty, or names a value there is none of.
    """
    subject, body = " ".join(subject.split()), body.strip()
    if not subject or not body:
        raise ActionNotAllowed("Enter a subject and a text.")
    known = {*facts_of(None), *("controller", "contact", "retention_days")}
    if unknown := sorted(set(string.Template(f"{subject}\n{body}").get_identifiers()) - known):
        raise ActionNotAllowed(f"Unknown placeholder: {', '.join(f'${name}' for name in unknown)}.")
    with transaction.atomic():
        number = template().number + 1
        made = MessageTemplate.objects.create(
            slug=SLUG, number=number, subject=subject[:200], body=body, note=note.strip()[:300], created_by=by
        )
        audit.record(Verb.CHANGE_NOTICE_TEXT, by=by, on=made)
    return made


def facts_of(owed: Owed | None) -> dict[str, str]:
    """What the text may name of a person; empty words where nothing is known."""
    given = dict(owed.facts) if owed else {}
    names = ("first_name", "source", "collected_on", "fields")
    return {name: given.get(name, "") for name in names}


def render(text: MessageTemplate, owed: Owed) -> tuple[str, str]:
    """(subject, body) for one person. No line break gets into the subject, whatever a name holds."""
    values = {
        **facts_of(owed),
        "controller": settings.CONTROLLER_NAME,
        "contact": settings.CONTROLLER_CONTACT,
        "retention_days": str(settings.RETENTION_DAYS),
    }
    subject = " ".join(string.Template(text.subject).safe_substitute(values).split())
    return subject, string.Template(text.body).safe_substitute(values)


# ---------------------------------------------------------------- what staff do


def check_can_send() -> None:
    """Raises ActionNotAllowed while the text could not name whom to turn to."""
    if not settings.CONTROLLER_NAME or not settings.CONTROLLER_CONTACT:
        raise ActionNotAllowed(
            "Set CONTROLLER_NAME and CONTROLLER_CONTACT: a notice must say who sends it and how to reply."
        )


def check_is_idle() -> None:
    """Raises ActionNotAllowed while a run still takes people into the queue."""
    run = open_run()
    if run is not None:
        raise ActionNotAllowed(f"Queuing notices: {run.queued:,} of up to {run.wanted:,}.")


def open_run() -> NoticeRun | None:
    return NoticeRun.objects.filter(finished_at=None).first()


def plan(limit: int) -> dict[str, Any]:
    """What `send` would do: how many at most can be written to, how many are owed, the text as one would read it."""
    found = data_subjects.registered()
    first = [owed for source in found for owed in source.reachable(after="", limit=SHOWN)[0]][:1]
    example = render(template(), first[0]) if first else ("", "")
    count = min(limit, sum(source.count_reachable() for source in found))
    owed = sum(source.count_owed(None) for source in found)
    return {"count": count, "owed": owed, "example": example, "template": template()}


def send(*, limit: int, by: Any) -> NoticeRun:
    """Have the worker queue a notice to at most `limit` people, those who wait longest and have an address.

    The request writes a run and its event, whatever the number; `gdpr.notices.runs` does the rest.

    Raises:
        ActionNotAllowed: with a sentence.
    """
    check_can_send()
    check_mail_leaves()
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


def not_blocked(people: Sequence[Owed]) -> list[Owed]:
    """Those whom the suppression list does not keep from being written to."""
    blocked = gate.look_up([Identity(emails=(owed.email,)) for owed in people])
    return [owed for place, owed in enumerate(people) if place not in blocked]


def enter(store: str, people: Sequence[Owed], channel: NoticeChannel, by: Any) -> int:
    """A notice for each: to be sent, or given to another tool now. One statement; returns how many."""
    text, (_, key) = template(), keys()[0]
    given = channel == NoticeChannel.EXPORT
    status, sent_at = (MessageStatus.COPIED, timezone.now()) if given else (MessageStatus.QUEUED, None)
    made = Notice.objects.bulk_create(
        [
            Notice(
                store=store, key="" if given else owed.key, key_hash=key_hash(store, owed.key), template=text,
                channel=channel, status=status, due_on=due_of(owed), created_by=by, sent_at=sent_at,
                address_hash=_hashed(owed.email, key),
            )
            for owed in sorted(people, key=lambda owed: owed.key)  # two who queue the same wait in turn
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return len(made)


def _hashed(email: str, key: bytes) -> str:
    found = Identity(emails=(email,)).identifiers()
    return digest(found[0], key) if found else ""


EXPORTED = ("E-mail", "Subject", "Text", "Due")


def export(*, limit: int, by: Any) -> Iterator[Sequence[object]]:
    """Rows of EXPORTED for another tool, a page at a time; each page is recorded as told by it before it is given.

    Raises ActionNotAllowed before the first.
    """
    check_can_send()
    return _exported(min(limit, MOST), by)


def _exported(limit: int, by: Any) -> Iterator[Sequence[object]]:
    for source in data_subjects.registered():
        after, is_over = "", False
        while limit > 0 and not is_over:
            rows, after = _export_page(source, after, min(limit, EXPORTED_AT_ONCE), by)
            limit -= len(rows)
            is_over = not after
            yield from rows


@transaction.atomic
def _export_page(
    source: data_subjects.SubjectSource, after: str, limit: int, by: Any
) -> tuple[list[Sequence[object]], str]:
    one_page_at_a_time()
    text = template()
    found, after = source.reachable(after=after, limit=limit)
    people = not_blocked(found)
    rows = [(owed.email, *render(text, owed), due_of(owed).isoformat()) for owed in people]
    if people:
        enter(source.store, people, NoticeChannel.EXPORT, by)
        source.mark_told([owed.key for owed in people], timezone.now())
        audit.record(Verb.EXPORT_NOTICES, by=by, counts={"people": len(rows)})
    return list(rows), after


def one_page_at_a_time() -> None:
    """Until the transaction ends: two that look at the same people at once would both take them."""
    locks.wait_for_turn("gdpr.notices.notices")


def try_again(status: MessageStatus, *, by: Any) -> int:
    """Queue those that failed, or whose outcome is unknown, once more; returns how many."""
    with transaction.atomic():
        waiting = Notice.objects.filter(status=status)
        again = advance(waiting, MessageStatus.QUEUED, tries=0, not_before=timezone.now(), error_message="")
        audit.record(Verb.RETRY_NOTICES, by=by, counts={"people": again}, reason=status)
    return again


def count_as_told(*, by: Any) -> int:
    """An officer found that those of which nobody knew did leave, such as in the mail server's log; how many."""
    now = timezone.now()
    with transaction.atomic():
        unknown = Notice.objects.select_for_update().filter(status=MessageStatus.UNKNOWN)
        told: dict[str, list[str]] = {}
        for store, key in unknown.values_list("store", "key"):
            told.setdefault(store, []).append(key)
        for store, found in told.items():
            if source := data_subjects.named(store):
                source.mark_told(found, now)
        count = advance(unknown, MessageStatus.SENT, key="", sent_at=now, error_message="")
        audit.record(Verb.CONFIRM_NOTICES, by=by, counts={"people": count})
    return count


def late() -> list[alarms.Alarm]:
    """Whoever should have been told by now."""
    count = figures()["late"]
    if not count:
        return []
    sentence = f"{count} people whose data was collected over a month ago haven't been notified (Art. 14)."
    return [alarms.Alarm("notices_late", 0, sentence, True)]
