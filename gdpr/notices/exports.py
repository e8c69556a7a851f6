"""Notices that another tool sends: a file of them, and the word of staff that it went out.

Exported is not told: whom a file names counts as notified from the moment staff say it was sent, and goes back into
the queue where they say it was not. The worker writes either, a page at a time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from gdpr import audit, data_subjects
from gdpr.models import Notice, NoticeChannel, NoticeRun
from gdpr.notices import notices, wording
from gdpr.states import MessageStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

COLUMNS = ("E-mail", "Subject", "Text", "Due")
AT_ONCE = 1_000  # people in one transaction


def rows(*, limit: int, by: Any) -> Iterator[Sequence[object]]:
    """Rows of COLUMNS for another tool, a page at a time; each page is recorded before it is given.

    Raises ActionNotAllowed before the first.
    """
    notices.check_can_send()
    return _pages(min(limit, notices.MOST), by)


def _pages(limit: int, by: Any) -> Iterator[Sequence[object]]:
    run = NoticeRun.objects.create(
        channel=NoticeChannel.EXPORT, wanted=limit, created_by=by, finished_at=timezone.now()
    )
    for source in data_subjects.registered():
        after, is_over = "", False
        while limit > 0 and not is_over:
            page, after = _page(run, source, after, min(limit, AT_ONCE), by)
            limit -= len(page)
            is_over = not after
            yield from page


@transaction.atomic
def _page(
    run: NoticeRun, source: data_subjects.SubjectSource, after: str, limit: int, by: Any
) -> tuple[list[Sequence[object]], str]:
    notices.wait_for_turn()
    text = wording.template()
    found, after = source.reachable(after=after, limit=limit)
    people = notices.without_suppressed(found)
    page: list[Sequence[object]] = [
        (person.email, *wording.render(text, person), notices.due_date(person).isoformat()) for person in people
    ]
    if people:
        run.queued += notices.create_notices(source.store, people, by, export=run)
        run.save(update_fields=["queued"])
        audit.record(Verb.EXPORT_NOTICES, by=by, on=run, counts={"people": len(page)})
    return page, after


def waiting() -> QuerySet[NoticeRun]:
    """Exports of which nobody has said whether they were sent, with `people`, how many still wait for it."""
    undecided = NoticeRun.objects.filter(channel=NoticeChannel.EXPORT, notices__status=MessageStatus.GIVEN)
    return undecided.annotate(people=Count("notices")).select_related("created_by").order_by("id")


def check_can_decide(run: NoticeRun) -> None:
    """Raises ActionNotAllowed where somebody has, or there is nothing to decide."""
    if run.channel != NoticeChannel.EXPORT or run.confirmed_at or run.returned_at:
        raise ActionNotAllowed("This export was already confirmed or returned.")


def confirm(run: NoticeRun, *, sent_at: datetime.datetime, by: Any) -> None:
    """The other tool has sent it, at that time; the worker marks its people as notified.

    Raises:
        ActionNotAllowed: it was decided before, or was not sent at a time like that.
    """
    if sent_at > timezone.now():
        raise ActionNotAllowed("The sending can't be in the future.")
    if sent_at < run.created_at.replace(second=0, microsecond=0):
        raise ActionNotAllowed("The sending can't be earlier than the export.")
    _decide(run, Verb.CONFIRM_NOTICES, by, confirmed_at=sent_at)


def give_back(run: NoticeRun, *, by: Any) -> None:
    """It was not sent: its people go back into the queue.

    Raises:
        ActionNotAllowed: it was decided before.
    """
    _decide(run, Verb.RETURN_NOTICES, by, returned_at=timezone.now())


def _decide(run: NoticeRun, verb: Verb, by: Any, **values: Any) -> None:
    with transaction.atomic():
        run = NoticeRun.objects.select_for_update().get(pk=run.pk)
        check_can_decide(run)
        NoticeRun.objects.filter(pk=run.pk).update(decided_by=by, **values)
        audit.record(verb, by=by, on=run, counts={"people": run.queued}, reason="export")


def run_due() -> int:
    """Carry out what staff said of exports, to its end; returns how many people it was."""
    done = 0
    decided = NoticeRun.objects.filter(channel=NoticeChannel.EXPORT, notices__status=MessageStatus.GIVEN)
    for run in decided.exclude(confirmed_at=None, returned_at=None).distinct():
        while count := _carry_out(run):
            done += count
    return done


@transaction.atomic
def _carry_out(run: NoticeRun) -> int:
    given = Notice.objects.filter(run=run, status=MessageStatus.GIVEN).order_by("id")
    page = list(given.select_for_update()[:AT_ONCE])
    ours = Notice.objects.filter(pk__in=[notice.pk for notice in page])
    if run.returned_at:
        ours.delete()
        return len(page)
    if run.confirmed_at:
        notices.mark_people_notified(page, run.confirmed_at)
    advance(ours, MessageStatus.COPIED, key="", sent_at=run.confirmed_at)
    return len(page)
