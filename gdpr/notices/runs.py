"""Takes people into the queue of notices a page at a time: each page, its progress and its place commit together."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from gdpr import audit, data_subjects
from gdpr.data_subjects import SubjectSource
from gdpr.messages.mail_check import check_can_send_mail
from gdpr.models import Notice, NoticeChannel, NoticeRun
from gdpr.notices import notices
from gdpr.states import MessageStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed

PAGE = 1_000
BY_ITSELF = 500  # people in one turn of the clock (NOTICE_AUTOMATIC), while no more than that wait to be sent


def run_due() -> int:
    """Go on with the run that staff asked for, to its end; returns how many people were queued."""
    queued = 0
    while (taken := _next_page()) is not None:
        queued += taken
    return queued


@transaction.atomic
def _next_page() -> int | None:
    """A page more of the open run; None where there is none, or another worker is at it."""
    unfinished = NoticeRun.objects.filter(finished_at=None, channel=NoticeChannel.EMAIL)
    run = unfinished.select_for_update(skip_locked=True).first()
    if run is None:
        return None
    if reason := why_not_allowed(check_can_send_mail):
        _finish(run, reason)
        return None
    source = _source_of(run)
    notices.wait_for_turn()
    left = run.wanted - run.queued
    if source is None or left <= 0:
        _finish(run)
        return None
    people, run.after = source.reachable(after=run.after, limit=min(PAGE, left))
    free = notices.without_suppressed(people)
    queued = notices.create_notices(source.store, free, run.created_by)
    run.queued, run.left_out = run.queued + queued, run.left_out + len(people) - len(free)
    if not run.after:
        run.store = _store_after(source.store)
    if run.store == ENDED:
        _finish(run)
    run.save(update_fields=["queued", "left_out", "store", "after"])
    return queued


ENDED = "-"  # no source has this name


def _source_of(run: NoticeRun) -> SubjectSource | None:
    found = data_subjects.registered()
    run.store = run.store or (found[0].store if found else ENDED)
    return data_subjects.source_of(run.store)


def _store_after(store: str) -> str:
    names = [source.store for source in data_subjects.registered()]
    following = names[names.index(store) + 1 :]
    return following[0] if following else ENDED


def _finish(run: NoticeRun, note: str = "") -> None:
    run.finished_at, run.note = timezone.now(), note[:200]
    run.save(update_fields=["finished_at", "note"])
    audit.record(Verb.QUEUE_NOTICES, on=run, counts={"people": run.queued, "left_out": run.left_out})


def queue_automatically() -> int:
    """Where the settings ask for it, who is not notified yet is queued without anybody asking; returns how many."""
    if not settings.NOTICE_AUTOMATIC:
        return 0
    try:
        notices.check_can_send()
        check_can_send_mail()
    except ActionNotAllowed:
        return 0
    if Notice.objects.filter(status=MessageStatus.QUEUED)[:BY_ITSELF].count() == BY_ITSELF:
        return 0
    return sum(_queue_from(source) for source in data_subjects.registered())


def _queue_from(source: SubjectSource) -> int:
    queued, after, is_over = 0, "", False
    while queued < BY_ITSELF and not is_over:
        people, after = source.reachable(after=after, limit=BY_ITSELF)
        queued += notices.create_notices(source.store, notices.without_suppressed(people), None)
        is_over = not after
    return queued
