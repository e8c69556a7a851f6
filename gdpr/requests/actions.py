"""What staff do to a request: keyword-only, with the person, and audited in the same transaction."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.kinds import RequestKind
from gdpr.messages import defaults, write
from gdpr.models import (
    RefusalGround,
    Regime,
    RequestMessage,
    SubjectRequest,
)
from gdpr.requests.clarifications import (
    CLOSED,
    answer_questions,
    ask,
    check_can_note_answer,
    note_answer,
)
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import refresh_status
from gdpr.requests.pipeline.open import open_request
from gdpr.requests.withdrawal import BEGUN
from gdpr.states import MessageStatus, RequestStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text

__all__ = [
    "accept_offer",
    "ask",
    "assign",
    "change_contact",
    "check_can_accept_offer",
    "check_can_change_contact",
    "check_can_explain_portability",
    "check_can_extend",
    "check_can_note_answer",
    "check_can_refuse",
    "explain_portability",
    "extend",
    "note_answer",
    "refuse",
]


def assign(request: SubjectRequest, *, to: Any, by: Any) -> SubjectRequest:
    """Who looks after it; None is nobody yet."""
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        request.handler = to
        request.save(update_fields=["handler"])
        audit.record(Verb.ASSIGN_REQUEST, by=by, on=request, counts={"to": to.pk} if to else {})
    return request


# ---------------------------------------------------------------- extension


def check_can_extend(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it was done, or is too late, or the law gives no more (Art. 12(3))."""
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)
    if request.rules.fast:
        raise ActionNotAllowed("An objection is executed immediately.")
    rules = request.regime_rules
    if not rules.extends(request.kind):
        raise ActionNotAllowed(f"{request.get_regime_display()} gives no more time for this.")
    if request.extended_at is not None:
        raise ActionNotAllowed("The deadline was already extended. It can be extended only once.")
    last = deadline.last_day_to_extend(request)
    if deadline.today() > last:
        first = str(rules.period(request.kind, extended=False)).removeprefix("one ")
        raise ActionNotAllowed(f"The deadline could only be extended until {last:%-d %B %Y}, within the first {first}.")


def extend(request: SubjectRequest, *, reason: str, by: Any) -> SubjectRequest:
    """To the longer time of its law, counted from the origin; the reasons go to the person in the same transaction.

    Raises:
        ActionNotAllowed: it is too late, was done, or no reason is given.
    """
    reason = require_text(reason, "why the request is complex, or how many requests there are")
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_extend(request)
        request.extended_at, request.extension_reason = timezone.now(), reason
        request.save(update_fields=["extended_at", "extension_reason"])
        deadline.refresh(request)
        write.write(request, defaults.EXTENSION, by=by, reasons=reason)
        audit.record(Verb.EXTEND_REQUEST, by=by, on=request, fields=["due_on"])
    return request


# ---------------------------------------------------------------- refusal


def check_can_refuse(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it is closed, or something has been done that a refusal would deny."""
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)
    if request.rules.fast:
        raise ActionNotAllowed("An objection to direct marketing can't be refused (Art. 21(3)).")
    if refresh_status.has_begun(request):
        raise ActionNotAllowed(BEGUN)


def refuse(request: SubjectRequest, *, ground: str, reason: str, by: Any) -> SubjectRequest:
    """Refuse, with the reasons and the right to complain sent to the person (Art. 12(4)).

    Raises:
        ActionNotAllowed: it has begun, or the ground or the reasons are missing.
    """
    if ground not in RefusalGround.values:
        raise ActionNotAllowed("Choose a ground for refusal.")
    reason = require_text(reason, "the reason the person will read", longest=4_000, shortest=20)
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_refuse(request)
        _refuse(request, ground, reason, by)
        write.write(request, defaults.REFUSAL, by=by, reasons=reason, ground=RefusalGround(ground).label + ".")
    return request


def _refuse(request: SubjectRequest, ground: str, reason: str, by: Any) -> None:
    answer_questions(request)
    refresh_status.close(request, RequestStatus.REFUSED, refusal_ground=ground, refusal_reason=reason)
    audit.record(Verb.REFUSE_REQUEST, by=by, on=request, reason=ground)


PORTABILITY_REASON = (
    "We process the data on the basis of legitimate interest, not consent or a contract (Art. 20(1)(a)). We "
    "offer a machine-readable copy instead."
)


def check_can_explain_portability(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it is another kind of request, or closed."""
    if request.kind != RequestKind.PORTABILITY:
        raise ActionNotAllowed("Only available for portability requests.")
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)


def explain_portability(request: SubjectRequest, *, by: Any) -> SubjectRequest:
    """Refuse portability with its explanation, and offer the machine-readable copy (Art. 20).

    Raises:
        ActionNotAllowed: it is another kind, or closed.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_explain_portability(request)
        _refuse(request, RefusalGround.NOT_APPLICABLE, PORTABILITY_REASON, by)
        write.write(request, defaults.PORTABILITY, by=by)
    return request


def check_can_accept_offer(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where no copy was offered, or it was asked for already, or nobody knows of whom."""
    if request.kind != RequestKind.PORTABILITY or request.status != RequestStatus.REFUSED:
        raise ActionNotAllowed("No copy was offered for this request.")
    if request.later_requests.filter(kind=RequestKind.ACCESS).exists():
        raise ActionNotAllowed("The copy was already requested.")
    if request.forgotten_at:
        raise ActionNotAllowed("The requester's details were erased. Open a new request.")


def accept_offer(request: SubjectRequest, *, by: Any, received_at: datetime.datetime | None = None) -> SubjectRequest:
    """The person wants the copy: an access request of its own, with its own clock and its own checks.

    Raises:
        ActionNotAllowed: none was offered, or it was asked for already.
    """
    check_can_accept_offer(request)
    entry = RequestIn(
        kind=RequestKind.ACCESS,
        received_at=received_at or timezone.now(),
        name=request.name,
        contact_email=request.contact_email or None,
        linkedin_url=request.linkedin_url,
        emails=request.emails,
        phone=request.phone,
        regime=Regime(request.regime),
        calendar=request.calendar,
    )
    with transaction.atomic():
        refresh_status.lock_request(request.pk)
        check_can_accept_offer(request)
        copy = open_request(entry, channel=request.channel, by=by)
        copy.concerns = request
        copy.save(update_fields=["concerns"])
    return copy


# ---------------------------------------------------------------- the person's own data in the request


def check_can_change_contact(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it is closed."""
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)


def change_contact(request: SubjectRequest, *, name: str, contact_email: str, by: Any) -> SubjectRequest:
    """Where answers go; messages that wait go to the new address.

    Raises:
        ActionNotAllowed: it is closed, or that isn't a valid e-mail address.
    """
    contact_email = contact_email.strip()
    if contact_email:
        try:
            validate_email(contact_email)
        except ValidationError:
            raise ActionNotAllowed("Enter a valid e-mail address.") from None
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_change_contact(request)
        request.name, request.contact_email = " ".join(name.split())[:200], contact_email
        request.save(update_fields=["name", "contact_email"])
        waiting = RequestMessage.objects.filter(request=request)
        waiting.filter(status__in=[MessageStatus.DRAFT, MessageStatus.FAILED]).update(to=request.contact_email)
        audit.record(Verb.CHANGE_CONTACT, by=by, on=request, fields=["name", "contact_email"])
    return request
