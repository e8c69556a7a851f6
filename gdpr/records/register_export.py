"""The register of requests: every one, by reference, without anything of the person (Art. 5(2))."""

from collections.abc import Iterator

from gdpr.due_dates import deadline
from gdpr.models import SubjectRequest
from gdpr.states import OVER
from swarm_admin.core import csv_export

HEAD = (
    "reference", "kind", "status", "channel", "regime", "received", "due", "extended", "closed", "in time",
    "identity check", "steps", "steps finished", "seconds to stop", "keyed hashes",
)  # fmt: skip
CHUNK = 500


def export_rows() -> Iterator[str]:
    """CSV lines, the head first."""
    requests = SubjectRequest.objects.order_by("id").prefetch_related("pauses", "checks", "steps")
    yield from csv_export.lines(HEAD, map(_row, requests.iterator(chunk_size=CHUNK)), mark=False)


def _row(request: SubjectRequest) -> list[object]:
    steps = list(request.steps.all())
    stop = request.seconds_to_stop
    return [
        request.reference, request.kind, request.status, request.channel, request.regime,
        deadline.day_of(request.received_at), request.due_on, _day(request.extended_at), _day(request.closed_at),
        {True: "yes", False: "no", None: ""}[deadline.in_time(request)],
        "; ".join(f"{check.method or 'none'}: {check.result}" for check in request.checks.all()),
        len(steps), sum(step.status in OVER for step in steps), "" if stop is None else round(stop, 1),
        " ".join(request.identity_hashes),
    ]  # fmt: skip


def _day(moment: object) -> object:
    return deadline.day_of(moment) if moment else ""  # type: ignore[arg-type]
