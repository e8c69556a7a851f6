"""What is due: the figures and the list of the board."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q
from django.http import QueryDict
from django.utils import timezone

from gdpr.due_dates import deadline
from gdpr.identity import Identity, digests
from gdpr.kinds import RequestKind
from gdpr.models import Regime, RequestStep, SubjectRequest
from gdpr.models.request import RequestQuerySet
from gdpr.states import RequestStatus
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.staff import with_permission

ON_TIME_DAYS = 90
STATES = {"open": "Open", "closed": "Closed", "all": "All"}
LATE = {
    "overdue": "Overdue",
    "soon": "Due within 7 days",
    "waits": "Paused",
    "by_hand": "Needs attention",
}


@dataclass(frozen=True)
class Filters:
    """What of the board is asked for; a value nobody knows is left out."""

    state: str = "open"
    kind: str = ""
    status: str = ""
    regime: str = ""
    late: str = ""
    handler: str = ""
    reference: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> "Filters":
        def one_of(name: str, known: Any, otherwise: str = "") -> str:
            value = query.get(name, "")
            return value if value in known else otherwise

        handler = query.get("handler", "")
        return cls(
            one_of("state", STATES, "open"), one_of("kind", RequestKind.values), one_of("status", RequestStatus.values),
            one_of("regime", Regime.values), one_of("late", LATE),
            handler if handler == "nobody" or parse_int(handler) is not None else "", query.get("q", "").strip()[:20],
        )  # fmt: skip

    @property
    def is_narrowed(self) -> bool:
        return self != Filters()

    def requests(self) -> RequestQuerySet:
        """What is due first comes first; closed ones by their end."""
        found: Any = SubjectRequest.objects.select_related("handler").annotate(stuck=Exists(_manual_steps()))
        if self.state != "all":
            found = found.open() if self.state == "open" else found.closed()
        for name in ("kind", "status", "regime"):
            if value := getattr(self, name):
                found = found.filter(**{name: value})
        if self.handler:
            found = found.filter(handler=None if self.handler == "nobody" else int(self.handler))
        if self.reference:
            digits = self.reference.upper().removeprefix("SR-").lstrip("0")
            number = parse_int(digits)
            found = found.none() if number is None else found.filter(pk=number)
        found = self._late(found)
        ordered: RequestQuerySet = found.order_by("-closed_at", "-id") if self.state == "closed" else found.by_due()
        return ordered

    def _late(self, found: Any) -> Any:
        today = deadline.today()
        if self.late == "overdue":
            return found.overdue(today)
        if self.late == "soon":
            return found.open().filter(due_on__range=(today, today + datetime.timedelta(days=deadline.SOON)))
        if self.late == "waits":
            return found.filter(clock_waits=True)
        return found.filter(stuck=True) if self.late == "by_hand" else found


def _manual_steps() -> Any:
    return RequestStep.objects.needing_person().filter(request=OuterRef("pk"))


def requests_of_person(identity: Identity) -> RequestQuerySet:
    """Requests, open or closed, that share an identifier with this person."""
    found = SubjectRequest.objects.of_identity(list(digests(identity.identifiers())))
    return found.select_related("handler").annotate(stuck=Exists(_manual_steps())).order_by("-id")


def figures() -> dict[str, Any]:
    """open, overdue, soon, waits, by_hand; `on_time` of `answered` in the last ON_TIME_DAYS."""
    today = deadline.today()
    soon = today + datetime.timedelta(days=deadline.SOON)
    counts = SubjectRequest.objects.open().aggregate(
        open=Count("pk"),
        overdue=Count("pk", filter=Q(due_on__lt=today)),
        soon=Count("pk", filter=Q(due_on__range=(today, soon))),
        waits=Count("pk", filter=Q(clock_waits=True)),
    )
    counts["by_hand"] = SubjectRequest.objects.open().filter(Exists(_manual_steps())).count()
    return {**counts, **_on_time()}


def _on_time() -> dict[str, Any]:
    since = timezone.now() - datetime.timedelta(days=ON_TIME_DAYS)
    ended = SubjectRequest.objects.closed().filter(closed_at__gte=since)
    verdicts = [deadline.in_time(request) for request in ended.only("closed_at", "due_on", "status")]
    kept = sum(verdict is True for verdict in verdicts)
    share = round(100 * kept / len(verdicts)) if verdicts else None
    return {"answered": len(verdicts), "on_time": kept, "on_time_share": share}


def workload() -> list[dict[str, Any]]:
    """Open requests per officer: email ("" is nobody), open, overdue; the fullest desk first."""
    today = deadline.today()
    rows = SubjectRequest.objects.open().values(email=F("handler__email"), pk=F("handler"))
    counted: Any = rows.annotate(open=Count("id"), overdue=Count("id", filter=Q(due_on__lt=today)))
    return sorted(counted, key=lambda row: (-row["open"], row["email"] or ""))


def officers() -> list[tuple[int, str]]:
    """(id, e-mail) of everybody who may handle requests."""
    people = with_permission("gdpr.handle_request")
    return sorted(people.values_list("pk", "email"), key=lambda pair: pair[1])


EXPORTED = (
    "Reference",
    "Kind",
    "Status",
    "Regime",
    "Received",
    "Due",
    "Days left",
    "Paused",
    "Assignee",
    "Closed",
)


def export_rows(requests: RequestQuerySet) -> Any:
    """Rows of EXPORTED; nothing of the person is in them."""
    today = deadline.today()
    for each in requests.iterator(chunk_size=500):
        closed = deadline.day_of(each.closed_at) if each.closed_at else ""
        yield [
            each.reference, each.kind_label, each.get_status_display(), each.get_regime_display(),
            deadline.day_of(each.received_at), each.due_on, "" if closed else each.days_left(today),
            "yes" if each.clock_waits else "", each.handler.email if each.handler else "", closed,
        ]  # fmt: skip
