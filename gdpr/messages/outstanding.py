"""Letters that have not left yet: in which order they go, and what waits for them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from gdpr import audit
from gdpr.models import RequestMessage, SubjectRequest
from gdpr.states import CLOSED, MessageStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance

QUEUED_OR_SENDING = (MessageStatus.QUEUED, MessageStatus.SENDING)
# Nobody but an officer sends it, or finds out whether it was sent.
BY_PERSON = (MessageStatus.DRAFT, MessageStatus.FAILED, MessageStatus.UNKNOWN)
UNSENT = (*QUEUED_OR_SENDING, *BY_PERSON)


def next_in_order(due: QuerySet[RequestMessage]) -> QuerySet[RequestMessage]:
    """Without those before which an earlier letter of the same request goes to the same address."""
    earlier = RequestMessage.objects.filter(
        request=OuterRef("request"), to=OuterRef("to"), pk__lt=OuterRef("pk"), status__in=QUEUED_OR_SENDING
    )
    return due.exclude(Exists(earlier))


def has_queued(request: SubjectRequest) -> bool:
    """Whether any letter of the request waits to be sent."""
    return request.messages.filter(status__in=QUEUED_OR_SENDING).exists()


def drop_unsent(request: SubjectRequest) -> None:
    """The person has the answer: what never left before it, such as the acknowledgement, says less than it does.

    In the caller's transaction.
    """
    for message in request.messages.filter(status__in=[MessageStatus.DRAFT, MessageStatus.FAILED]):
        advance(RequestMessage.objects.filter(pk=message.pk), MessageStatus.DROPPED)
        audit.record(Verb.DROP_MESSAGE, on=request, counts={"message": message.pk}, reason="answered")


def undelivered() -> QuerySet[RequestMessage]:
    """Letters that did not leave, or of which nobody knows; of closed requests, drafts too."""
    failed = Q(status__in=[MessageStatus.FAILED, MessageStatus.UNKNOWN])
    return RequestMessage.objects.filter(failed | Q(request__status__in=CLOSED, status__in=BY_PERSON))
