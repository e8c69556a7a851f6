"""What is due or late of requests: their dates, steps by hand, last looks and letters."""

import datetime
from collections.abc import Iterable, Iterator

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone

from gdpr.compliance_alerts import ComplianceAlert
from gdpr.due_dates import deadline
from gdpr.messages import defaults, outstanding
from gdpr.models import AfterCheck, Channel, RequestMessage, RequestStep, SubjectRequest
from gdpr.regimes.rules import RULES_OF
from gdpr.states import OPEN, DutyStatus, MessageStatus, StepStatus

OVERDUE, DUE_SOON, STEP_LATE, CHECK_LATE, NEEDS_PERSON, LETTER_UNSENT, UNCONFIRMED = (
    "request_overdue",
    "request_due_soon",
    "step_late",
    "after_check_late",
    "request_needs_person",
    "letter_unsent",
    "receipt_unconfirmed",
)
GRACE = datetime.timedelta(days=1)  # an after-check may take so long before it is said to be late


def overdue_alerts() -> Iterator[ComplianceAlert]:
    """Everything that holds now."""
    today = deadline.today()
    yield from _request_alerts(today)
    yield from _step_alerts(today)
    yield from _after_check_alerts()
    yield from _message_alerts()
    yield from _receipt_alerts(today)


def _request_alerts(today: datetime.date) -> Iterable[ComplianceAlert]:
    soon = today + datetime.timedelta(days=deadline.SOON)
    for request in SubjectRequest.objects.open().filter(due_on__lte=soon).by_due():
        left, day = request.days_left(today), f"{request.due_on:%-d %B %Y}"
        if left < 0:
            yield ComplianceAlert(OVERDUE, request.pk, f"{request.reference} was due on {day} and is unanswered.", True)
        else:
            yield ComplianceAlert(DUE_SOON, request.pk, f"{request.reference} is due on {day}.", left <= 2)
    stuck = RequestStep.objects.needing_person().filter(request__status__in=OPEN, status=StepStatus.FAILED)
    for row in stuck.values("request").annotate(first=Min("id")).order_by("request"):
        reference = SubjectRequest(pk=row["request"]).reference
        # Nothing of the request goes on without a person, and its time runs.
        yield ComplianceAlert(NEEDS_PERSON, row["request"], f"A step of {reference} failed and needs attention.", True)


def _step_alerts(today: datetime.date) -> Iterable[ComplianceAlert]:
    late = RequestStep.objects.filter(
        status=StepStatus.MANUAL, due_on__lt=today, request__status__in=OPEN
    ).select_related("request")
    seen: set[int] = set()
    for step in late.order_by("request_id", "due_on"):
        if step.request_id not in seen:
            seen.add(step.request_id)
            yield ComplianceAlert(
                STEP_LATE,
                step.request_id,
                f"A manual step of {step.request.reference} was due on {step.due_on:%-d %B %Y}.",
            )


def _after_check_alerts() -> Iterable[ComplianceAlert]:
    late = AfterCheck.objects.exclude(status=DutyStatus.DONE).filter(due_at__lt=timezone.now() - GRACE)
    for request_id in late.order_by("request_id").values_list("request_id", flat=True).distinct():
        reference = SubjectRequest(pk=request_id).reference
        yield ComplianceAlert(CHECK_LATE, request_id, f"The final check after the erasure of {reference} is overdue.")


def _message_alerts() -> Iterable[ComplianceAlert]:
    """The person may not know yet what was done, or how a closed request ended (Art. 12)."""
    unsent = ~Q(status=MessageStatus.UNKNOWN)
    stuck = outstanding.undelivered().values("request_id").annotate(unsent=Count("pk", filter=unsent))
    for row in stuck.order_by("request_id"):
        reference = SubjectRequest(pk=row["request_id"]).reference
        sentence = (
            f"A message for {reference} hasn't been sent."
            if row["unsent"]
            else f"Delivery of a message for {reference} is unconfirmed."
        )
        yield ComplianceAlert(LETTER_UNSENT, row["request_id"], sentence, True)


def _receipt_alerts(today: datetime.date) -> Iterable[ComplianceAlert]:
    """Where the law wants the receipt confirmed within a time of its own (California)."""
    confirmed = RequestMessage.objects.filter(
        request=OuterRef("pk"),
        template__slug=defaults.ACKNOWLEDGEMENT,
        status__in=[MessageStatus.SENT, MessageStatus.COPIED],
    )
    bound = [regime for regime, rules in RULES_OF.items() if rules.confirm]
    waiting = SubjectRequest.objects.open().filter(~Exists(confirmed), regime__in=bound).exclude(channel=Channel.OWN)
    for request in waiting.order_by("pk"):
        last = deadline.confirm_by(request)
        if last and today >= last:
            verb = "had" if today > last else "has"
            sentence = f"Receipt of {request.reference} {verb} to be confirmed by {last:%-d %B %Y}."
            yield ComplianceAlert(UNCONFIRMED, request.pk, sentence, True)
