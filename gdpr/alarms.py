"""What is due: told to whoever registered, on each look, as the whole of what holds at that time."""

import datetime
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, Q
from django.utils import timezone

from gdpr.due_dates import deadline
from gdpr.messages import owed
from gdpr.models import AfterCheck, RequestStep, SubjectRequest
from gdpr.states import OPEN, DutyStatus, MessageStatus, StepStatus

log = logging.getLogger(__name__)
OVERDUE, DUE_SOON, STEP_LATE, CHECK_LATE, NEEDS_PERSON, LETTER_UNSENT = (
    "request_overdue",
    "request_due_soon",
    "step_late",
    "after_check_late",
    "request_needs_person",
    "letter_unsent",
)
GRACE = datetime.timedelta(days=1)  # an after-check may take so long before it is said to be late


@dataclass(frozen=True)
class Alarm:
    """`kind` and `request_id` are one cause; the sentence holds ids and dates, nothing of the person."""

    kind: str
    request_id: int
    sentence: str
    severe: bool = False


_listeners: list[Callable[[Sequence[Alarm]], None]] = []
_lookouts: list[Callable[[], Iterable[Alarm]]] = []


def watch(lookout: Callable[[], Iterable[Alarm]]) -> None:
    """`lookout` tells what of a standing duty is late; its alarms are about no request (id 0)."""
    if lookout not in _lookouts:
        _lookouts.append(lookout)


def register(listener: Callable[[Sequence[Alarm]], None]) -> None:
    """`listener` is given every alarm that holds now; what it is not given any more is over."""
    if listener not in _listeners:
        _listeners.append(listener)


def unregister(listener: Callable[[Sequence[Alarm]], None]) -> None:
    _listeners.remove(listener)


def look() -> list[Alarm]:
    """Tell every listener what is due; one that fails keeps no other from hearing it."""
    found = current()
    for listener in _listeners:
        try:
            listener(found)
        except Exception:
            log.exception("an alarm listener failed")
    return found


def current() -> list[Alarm]:
    """Everything that is due or late now, the severe first."""
    today = deadline.today()
    found = [*_requests(today), *_steps(today), *_after_checks(), *_letters()]
    found += [alarm for lookout in _lookouts for alarm in lookout()]
    return sorted(found, key=lambda alarm: (not alarm.severe, alarm.request_id))


def _requests(today: datetime.date) -> Iterable[Alarm]:
    soon = today + datetime.timedelta(days=deadline.SOON)
    for request in SubjectRequest.objects.open().filter(due_on__lte=soon).by_due():
        left, day = request.days_left(today), f"{request.due_on:%-d %B %Y}"
        if left < 0:
            yield Alarm(OVERDUE, request.pk, f"{request.reference} was due on {day} and is not answered.", True)
        else:
            yield Alarm(DUE_SOON, request.pk, f"{request.reference} is due on {day}.", left <= 2)
    stuck = RequestStep.objects.by_person().filter(request__status__in=OPEN, status=StepStatus.FAILED)
    for row in stuck.values("request").annotate(first=Min("id")).order_by("request"):
        reference = SubjectRequest(pk=row["request"]).reference
        # Nothing of the request goes on without a person, and its time runs.
        yield Alarm(NEEDS_PERSON, row["request"], f"A step of {reference} failed and needs a person.", True)


def _steps(today: datetime.date) -> Iterable[Alarm]:
    late = RequestStep.objects.filter(
        status=StepStatus.MANUAL, due_on__lt=today, request__status__in=OPEN
    ).select_related("request")
    seen: set[int] = set()
    for step in late.order_by("request_id", "due_on"):
        if step.request_id not in seen:
            seen.add(step.request_id)
            yield Alarm(
                STEP_LATE,
                step.request_id,
                f"A step by hand of {step.request.reference} was due on {step.due_on:%-d %B %Y}.",
            )


def _after_checks() -> Iterable[Alarm]:
    late = AfterCheck.objects.exclude(status=DutyStatus.DONE).filter(due_at__lt=timezone.now() - GRACE)
    for request_id in late.order_by("request_id").values_list("request_id", flat=True).distinct():
        reference = SubjectRequest(pk=request_id).reference
        yield Alarm(CHECK_LATE, request_id, f"The last look after the erasure of {reference} has not been possible.")


def _letters() -> Iterable[Alarm]:
    """The person may not know yet what was done, or how a closed request ended (Art. 12)."""
    unsent = ~Q(status=MessageStatus.UNKNOWN)
    stuck = owed.stuck().values("request_id").annotate(unsent=Count("pk", filter=unsent))
    for row in stuck.order_by("request_id"):
        reference = SubjectRequest(pk=row["request_id"]).reference
        said = (
            f"A letter of {reference} has not left."
            if row["unsent"]
            else f"Nobody knows whether a letter of {reference} has left."
        )
        yield Alarm(LETTER_UNSENT, row["request_id"], said, True)
