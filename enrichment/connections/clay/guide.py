"""What is copied into Clay for a table, and whether the connection still holds."""

import datetime
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from enrichment.clay_sources import forecast
from enrichment.models import ClaySource, Connection, SourceClosed, TestRow
from enrichment.vendors.clay import template
from enrichment.vendors.vendor_health import call_health
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb

SECRET_HEADER: Final = "X-Webhook-Secret"  # noqa: S105 - a header's name
ABSENT_FOR: Final = datetime.timedelta(days=1)  # a column that a callback lacks may just not have been found
SILENT_FOR: Final = datetime.timedelta(days=1)
NEARLY: Final = 0.8  # of a source's life


def row_url() -> str:
    """Where the HTTP API column posts."""
    return f"{settings.BASE_URL}{reverse('clay_row')}"


def reaches_us() -> bool:
    """Whether Clay can reach that address: one of this machine only the sandbox can."""
    return (urlsplit(settings.BASE_URL).hostname or "") not in ("127.0.0.1", "localhost", "::1")


def headers_text(secret: str) -> str:
    """As Clay's form takes them."""
    return json.dumps({SECRET_HEADER: secret})


def show_secret(*, by: Any) -> str:
    """The secret of Clay's webhooks, for whoever sets Clay up; "" where none is set."""
    with transaction.atomic():
        connection, _ = Connection.objects.get_or_create(system="clay")
        audit.record(Verb.SHOW_WEBHOOK_SECRET, by=by, on=connection)
    return str(settings.CLAY_WEBHOOK_SECRET)


@dataclass(frozen=True)
class SourceLine:
    """A source as the list shows it. `tone`: grey, amber or red."""

    source: ClaySource
    percent: int
    tone: str
    lasts: str
    is_in_use: bool
    test: TestRow | None

    @property
    def address(self) -> str:
        """Enough to tell it apart: whoever has the whole may post rows to it."""
        parts = urlsplit(self.source.url)
        return f"{parts.netloc}/…{self.source.url[-6:]}"


def source_lines() -> list[SourceLine]:
    """Open ones in their order, then the closed ones, the newest first."""
    listed = list(ClaySource.objects.all())
    open_ones = [source for source in listed if source.closed_at is None]
    in_use = next((source for source in open_ones if source.left), None)
    closed = list(ClaySource.objects.filter(closed_at__isnull=False).order_by("-closed_at"))
    tests = {test.source_id: test for test in TestRow.objects.order_by("source", "sent_at")}
    return [_line(source, source is in_use, tests.get(source.pk)) for source in (*open_ones, *closed)]


def _line(source: ClaySource, is_in_use: bool, test: TestRow | None) -> SourceLine:
    share = source.taken / source.life if source.life else 1.0
    tone = "red" if share >= 1 else "amber" if share >= NEARLY else "grey"
    lasts = forecast.words_left(source) if source.closed_at is None else ""
    return SourceLine(source, min(100, round(100 * share)), tone, lasts, is_in_use, test)


@dataclass(frozen=True)
class Check:
    """A line of the checklist. `state`: ok, amber, red or open (not known yet); `at`: when that was seen."""

    label: str
    state: str
    words: str
    at: datetime.datetime | None = None


def checklist(lines: list[SourceLine]) -> list[Check]:
    """What stays true only while somebody looks after it; as it stands now."""
    open_ones = [line.source for line in lines if line.source.closed_at is None]
    return [_source_check(lines), _token_check(), _callback_check(open_ones), *_column_checks(open_ones)]


def _source_check(lines: list[SourceLine]) -> Check:
    label = "A source takes rows"
    in_use = next((line for line in lines if line.is_in_use), None)
    if in_use:
        left = f"{in_use.source.left:,} submissions left in {in_use.source.name}."
        is_last = sum(1 for line in lines if line.source.closed_at is None and line.source.left) == 1
        if in_use.tone == "grey" or not is_last:
            return Check(label, "ok", left)
        return Check(label, "amber", f"{left} Add the next source before it is full.")
    if not lines:
        return Check(label, "open", "None added yet: steps 1 and 2.")
    if all(line.source.closed_because == SourceClosed.USED_UP for line in lines):
        return Check(label, "red", "All are used up. Create a new webhook in Clay and add it.")
    return Check(label, "red", "All are closed. Add one, or reopen one.")


def _token_check() -> Check:
    label = "Clay accepts our token"
    call = next((call for call in call_health("clay") if call.call == "submit_row"), None)
    if call is None or call.last_seen is None:
        return Check(label, "open", "Nothing sent yet.")
    if call.last_good and call.last_good >= call.last_seen:
        return Check(label, "ok", "Last submission accepted.", call.last_good)
    if call.last_bad is None or call.last_bad < call.last_seen:  # a 404 counts as neither good nor bad
        return Check(label, "red", "The webhook was deleted in Clay (404). Add a new one.", call.last_seen)
    if call.last_bad_status in ("401", "403"):
        return Check(label, "red", f"Rejected ({call.last_bad_status}). Enter the token again.", call.last_bad)
    words = call.last_bad_status.replace("_", " ")
    return Check(label, "amber", f"Not rejected, but the last submission wasn't accepted: {words}.", call.last_bad)


def _callback_check(open_ones: list[ClaySource]) -> Check:
    label = "Rows come back"
    came = max((each.last_callback_at for each in open_ones if each.last_callback_at), default=None)
    sent = max((each.last_sent_at for each in open_ones if each.last_sent_at), default=None)
    if came is None:
        words = "Rows were sent, none came back. Check the HTTP API column." if sent else "None yet: send a test row."
        return Check(label, "amber" if sent else "open", words)
    if sent and sent - came > SILENT_FOR:
        return Check(label, "red", "None since, although rows were sent. Check the HTTP API column.", came)
    return Check(label, "ok", "Last row received.", came)


def _column_checks(open_ones: list[ClaySource]) -> list[Check]:
    """One for all columns of a source, or what is missing of each source that has had a callback."""
    told = [source for source in open_ones if source.last_callback_at]
    checks = [check for source in told for check in _absences(source)]
    if not told:
        return [Check("Columns are complete", "open", "Not known before the first row comes back.")]
    return checks or [Check("Columns are complete", "ok", "None went missing.")]


def _absences(source: ClaySource) -> list[Check]:
    """Columns that used to come and have not for a day, by the day on which they were missed first."""
    last: datetime.datetime = source.last_callback_at  # type: ignore[assignment]
    since: dict[datetime.date, list[str]] = {}
    for name in (*template.ENRICHED, *template.PROVIDERS.values(), template.COST):
        seen = _moment(source.columns.get(name))
        if seen and last - seen > ABSENT_FOR:
            since.setdefault(seen.date() + datetime.timedelta(days=1), []).append(name)
    return [
        Check(
            f"Columns of {source.name}",
            "amber",
            f"{', '.join(names)} missing since {_day(day)}. Check the column in Clay and the body.",
        )
        for day, names in sorted(since.items())
    ]


def _moment(text: Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _day(day: datetime.date) -> str:
    """ "Tuesday" within the last week, else the date."""
    return f"{day:%A}" if (timezone.now().date() - day).days < 7 else f"{day:%d %B %Y}"
