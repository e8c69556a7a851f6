"""Notices leave by e-mail, one after the other.

One of which nobody knows whether it left is not sent again by itself: a mail server that takes mail and does not say
so would have everybody written to twice by somebody they do not know. The person counts as not told until staff
decide: send again, or count as told.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, data_subjects
from gdpr.data_subjects import UnnotifiedPerson
from gdpr.identity import Identity
from gdpr.models import Notice
from gdpr.notices import exports, wording
from gdpr.notices import runs as notice_runs
from gdpr.states import MessageStatus
from gdpr.suppression import gate
from swarm_admin.core import mail, work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance
from swarm_admin.core.timing import backoff

log = logging.getLogger(__name__)
AT_ONCE = 200  # in one turn; the next turn goes on
NOT_KNOWN = "Delivery is unconfirmed: the mail server didn't answer, or the worker stopped while sending."


def run_due(limit: int = AT_ONCE) -> int:
    """Queue who was asked for, then send what is queued; returns how many went out."""
    work.hand_back_lapsed(Notice.objects.filter(status=MessageStatus.SENDING), _mark_unknown, _mark_unknown)
    exports.run_due()
    notice_runs.run_due()
    if mail.why_not():
        _drop_queue()
        return 0
    notice_runs.queue_automatically()
    sent, server_is_away = 0, False
    for _ in range(limit):
        if server_is_away or (notice := _claim()) is None:
            break
        went_out, server_is_away = _deliver(notice)
        sent += went_out
    return sent


def _drop_queue() -> None:
    """No mail leaves any more: whoever is queued is not notified yet, and can be exported for another tool."""
    with transaction.atomic():
        count, _ = Notice.objects.filter(status=MessageStatus.QUEUED).delete()
        if count:
            audit.record(Verb.RETURN_NOTICES, counts={"people": count}, reason=mail.why_not())


def _mark_unknown(held: QuerySet[Notice], lease: work.Values) -> None:
    """What a killed worker held: whether it left is not known."""
    advance(held, MessageStatus.UNKNOWN, error_message=NOT_KNOWN, **lease)


def _claim() -> Notice | None:
    due = Notice.objects.filter(status=MessageStatus.QUEUED, not_before__lte=timezone.now())
    return work.claim_one(due.order_by("not_before", "id"), MessageStatus.SENDING, stage="notices")


def _deliver(notice: Notice) -> tuple[bool, bool]:
    """(whether it went out, whether the mail server is away)."""
    person = _recipient(notice)
    if person is None:
        # Gone, told, blocked or without an address since it was queued: nothing goes to this address any more.
        Notice.objects.filter(pk=notice.pk).delete()
        return False, False
    subject, body = wording.render(notice.template, person)
    try:
        mail.send(subject, body, [person.email], message_id=mail.message_id("notice", notice.pk))
    except mail.OutcomeUnknown:
        log.warning("notice %s: outcome unknown", notice.pk)
        _advance_own(notice, MessageStatus.UNKNOWN, error_message=NOT_KNOWN)
        return False, True
    except mail.NotSent as error:
        _record_failure(notice, str(error))
        return False, error.server_is_away
    _mark_sent(notice)
    return True, False


def _recipient(notice: Notice) -> UnnotifiedPerson | None:
    source = data_subjects.source_of(notice.store)
    person = source.recipient(notice.key) if source else None
    if person is None or not person.email or gate.look_up([Identity(emails=(person.email,))]):
        return None
    return person


def _record_failure(notice: Notice, kind: str) -> None:
    tries = notice.tries + 1
    if tries >= settings.MAX_ATTEMPTS:
        _advance_own(notice, MessageStatus.FAILED, tries=tries, error_message=kind)
    else:
        _advance_own(notice, MessageStatus.QUEUED, tries=tries, error_message=kind, not_before=backoff(tries))


def _advance_own(notice: Notice, status: MessageStatus, **values: Any) -> int:
    """Unless it lapsed meanwhile, and with it our word."""
    return advance(work.held_by_us(notice), status, in_flight_since=None, **values)


def _mark_sent(notice: Notice) -> None:
    """It went out: so it is, even where the lease ran out meanwhile and it was taken for unknown."""
    now = timezone.now()
    source = data_subjects.source_of(notice.store)
    with transaction.atomic():
        if source:
            source.mark_notified([notice.key], now)
        ours = Notice.objects.filter(pk=notice.pk)
        advance(ours, MessageStatus.SENT, key="", sent_at=now, in_flight_since=None, error_message="")
