"""Art. 14: people whose data did not come from themselves are told; the queue, its clock, and the sending."""

import datetime
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from gdpr import alarms, audit, clock, gate, sources
from gdpr.deadline import day_of, today
from gdpr.holds import key_hash
from gdpr.identity import Identity, digest, keys
from gdpr.messages.outlet import check_mail_leaves
from gdpr.models import MessageTemplate, Notice, NoticeChannel
from gdpr.possible import NotPossible
from gdpr.sources import Owed
from gdpr.states import MessageStatus, advance, advance_one
from gdpr.waits import backoff, lapsed

SLUG = "notice_art14"
AT_ONCE = 500
MOST = 50_000  # in one go
SUBJECT = "How we use information about you"
# Art. 14(1) and (2): who, why, what, whence, to whom, how long, and which rights.
BODY = """\
Hello $first_name,

$controller holds business contact data about you and tells you so, as Art. 14 GDPR asks.

What: $fields.
Whence: $source, on $collected_on; completed by providers of business data.
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
    month = clock.months_after(day_of(owed.collected_at), 1)
    return min(month, day_of(owed.first_use_at)) if owed.first_use_at else month


def queue(limit: int = 100) -> list[Queued]:
    """Those who have not been told, the oldest first."""
    found = [
        Queued(source.store, owed, due_of(owed), (due_of(owed) - today()).days)
        for source in sources.registered()
        for owed in source.owed(collected_before=None, limit=limit)
    ]
    return sorted(found, key=lambda queued: queued.due)[:limit]


def month_ago() -> datetime.datetime:
    """Whoever was collected before this is told late."""
    day = clock.months_after(today(), -1)
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def figures() -> dict[str, int]:
    """owed, late (collected over a month ago), queued, failed, told in the last 30 days."""
    recent = timezone.now() - datetime.timedelta(days=30)
    notices = Notice.objects
    return {
        "owed": sum(source.count_owed(None) for source in sources.registered()),
        "late": sum(source.count_owed(month_ago()) for source in sources.registered()),
        "queued": notices.filter(status__in=[MessageStatus.QUEUED, MessageStatus.SENDING]).count(),
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
        NotPossible: it is empty, or names a value there is none of.
    """
    subject, body = " ".join(subject.split()), body.strip()
    if not subject or not body:
        raise NotPossible("A notice needs a subject and a text.")
    known = {*facts_of(None), *("controller", "contact", "retention_days")}
    if unknown := sorted(set(string.Template(f"{subject}\n{body}").get_identifiers()) - known):
        raise NotPossible(f"There is no value for {', '.join(f'${name}' for name in unknown)}.")
    with transaction.atomic():
        number = template().number + 1
        made = MessageTemplate.objects.create(
            slug=SLUG, number=number, subject=subject[:200], body=body, note=note.strip()[:300], created_by=by
        )
        audit.record("change_notice_text", by=by, on=made)
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


# ---------------------------------------------------------------- sending


def check_can_send() -> None:
    """Raises NotPossible while the text could not name whom to turn to."""
    if not settings.CONTROLLER_NAME or not settings.CONTROLLER_CONTACT:
        raise NotPossible(
            "Set CONTROLLER_NAME and CONTROLLER_CONTACT: a notice names who writes and how to answer."
        )


def plan(limit: int) -> dict[str, Any]:
    """What `send` would do: how many can be written to, how many have no address, the text as one would read it."""
    waiting = [owed for source in sources.registered() for owed in _reachable(source, limit)][:limit]
    owed = sum(source.count_owed(None) for source in sources.registered())
    example = render(template(), waiting[0]) if waiting else ("", "")
    return {"count": len(waiting), "owed": owed, "example": example, "template": template()}


def send(*, limit: int, by: Any) -> int:
    """Queue a notice to the `limit` people who wait longest and have an address; returns how many.

    Raises:
        NotPossible: with a sentence.
    """
    check_can_send()
    check_mail_leaves()
    if not 0 < limit <= MOST:
        raise NotPossible(f"Between 1 and {MOST:,} at once.")
    queued = 0
    for source in sources.registered():
        for owed in _reachable(source, limit - queued):
            queued += _queue(source.store, [owed], NoticeChannel.EMAIL, MessageStatus.QUEUED, by)
    audit.record("send_notices", by=by, counts={"people": queued})
    return queued


def _reachable(source: sources.SubjectSource, limit: int) -> Sequence[Owed]:
    waiting = set(Notice.objects.filter(store=source.store).exclude(key="").values_list("key", flat=True))
    people = [
        owed
        for owed in source.owed(collected_before=None, limit=limit + len(waiting))
        if owed.email and owed.key not in waiting
    ]
    blocked = gate.look_up([Identity(emails=(owed.email,)) for owed in people])
    return [owed for place, owed in enumerate(people) if place not in blocked][:limit]


def _queue(store: str, people: Sequence[Owed], channel: str, status: str, by: Any) -> int:
    text, (_, key) = template(), keys()[0]
    made = Notice.objects.bulk_create(
        [
            Notice(
                store=store, key=owed.key, key_hash=key_hash(store, owed.key), template=text, channel=channel,
                status=status, due_on=due_of(owed), created_by=by, address_hash=_hashed(owed.email, key),
            )
            for owed in people
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    return len(made)


def _hashed(email: str, key: bytes) -> str:
    found = Identity(emails=(email,)).identifiers()
    return digest(found[0], key) if found else ""


def run_due() -> int:
    """Send what is queued; returns how many went out. What a killed worker held goes out again."""
    if settings.NOTICE_AUTOMATIC:
        _queue_automatically()
    held = Notice.objects.filter(status=MessageStatus.SENDING, in_flight_since__lt=lapsed())
    advance(held, MessageStatus.QUEUED, in_flight_since=None)
    sent = 0
    while notice := _claim():
        sent += _deliver(notice)
    return sent


def _queue_automatically() -> None:
    try:
        check_can_send()
        check_mail_leaves()
    except NotPossible:
        return
    for source in sources.registered():
        people = _reachable(source, AT_ONCE)
        _queue(source.store, people, NoticeChannel.EMAIL, MessageStatus.QUEUED, None)


def _claim() -> Notice | None:
    with transaction.atomic():
        due = Notice.objects.filter(status=MessageStatus.QUEUED, not_before__lte=timezone.now())
        notice = due.order_by("not_before", "id").select_for_update(skip_locked=True, of=("self",)).first()
        if notice is not None:
            advance_one(notice, MessageStatus.SENDING, in_flight_since=timezone.now())
    return notice


def _deliver(notice: Notice) -> bool:
    source = sources.named(notice.store)
    owed = source.addressee(notice.key) if source else None
    if owed is None or not owed.email or gate.look_up([Identity(emails=(owed.email,))]):
        # Gone, told, blocked or without an address since it was queued: nothing goes to this address any more.
        Notice.objects.filter(pk=notice.pk).delete()
        return False
    subject, body = render(notice.template, owed)
    try:
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [owed.email]).send()
    except Exception as error:
        tries = notice.tries + 1
        kind = type(error).__name__
        if tries >= settings.MAX_ATTEMPTS:
            advance_one(notice, MessageStatus.FAILED, tries=tries, error_message=kind, in_flight_since=None)
        else:
            again = {"tries": tries, "error_message": kind, "not_before": backoff(tries)}
            advance_one(notice, MessageStatus.QUEUED, in_flight_since=None, **again)
        return False
    _told(notice, MessageStatus.SENT)
    return True


def _told(notice: Notice, status: MessageStatus) -> None:
    now = timezone.now()
    source = sources.named(notice.store)
    with transaction.atomic():
        if source:
            source.mark_told([notice.key], now)
        advance_one(notice, status, key="", sent_at=now, in_flight_since=None, error_message="")


EXPORTED = ("E-mail", "Subject", "Text", "Due")


def export(*, limit: int, by: Any) -> Iterator[Sequence[object]]:
    """Rows of EXPORTED for another tool, each recorded as told by it. Raises NotPossible before the first."""
    check_can_send()
    people = [
        (source, owed) for source in sources.registered() for owed in _reachable(source, min(limit, MOST))
    ]
    text, now = template(), timezone.now()
    rows = [(owed.email, *render(text, owed), due_of(owed).isoformat()) for _, owed in people]
    with transaction.atomic():
        for source in sources.registered():
            mine = [owed for of, owed in people if of is source]
            _queue(source.store, mine, NoticeChannel.EXPORT, MessageStatus.COPIED, by)
            Notice.objects.filter(store=source.store, key__in=[owed.key for owed in mine]).update(
                key="", sent_at=now
            )
            source.mark_told([owed.key for owed in mine], now)
        audit.record("export_notices", by=by, counts={"people": len(rows)})
    return iter(rows)


def try_again(*, by: Any) -> int:
    """Queue those that failed once more; returns how many."""
    with transaction.atomic():
        failed = Notice.objects.filter(status=MessageStatus.FAILED)
        again = advance(failed, MessageStatus.QUEUED, tries=0, not_before=timezone.now())
        audit.record("retry_notices", by=by, counts={"people": again})
    return again


def late() -> list[alarms.Alarm]:
    """Whoever should have been told by now."""
    count = figures()["late"]
    if not count:
        return []
    sentence = f"{count} people were collected over a month ago and have not been told (Art. 14)."
    return [alarms.Alarm("notices_late", 0, sentence, True)]
