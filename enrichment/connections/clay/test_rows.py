"""A row of a real person sent through a source, to see each link of the chain: sent, acknowledged, come back.

Nothing of the person is kept here; Clay's table has the row, as any other.
"""

import datetime
import secrets
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from enrichment.clay_sources import sources
from enrichment.labels import field_label
from enrichment.models import ClaySource, Lead, TestRow
from enrichment.pipeline.receive import refused
from enrichment.vendors import token_bucket
from enrichment.vendors.clay import template
from enrichment.vendors.clay.table_webhook import TableWebhook
from enrichment.vendors.errors import UnknownOutcome, VendorError
from gdpr import audit
from gdpr.identity import Identity
from gdpr.suppression import gate
from swarm_admin.core import encryption
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.clean_text import cleaned
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.identifiers import linkedin
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.timing import span

LIMIT: Final = "clay.submissions"
PATIENCE_SECONDS: Final = 300.0  # of the product's clock; then the page says what to check
POLLED_SECONDS: Final = 3600.0  # real: no page asks for ever
REFUSED: Final = {
    401: "Clay asks for a token (401). Copy it from the webhook's settings in Clay and save it with the source.",
    403: "Clay rejected the token (403). Copy it from the webhook's settings in Clay and save it with the source.",
    404: "Clay has no such webhook (404): it was deleted. Create a new one in Clay and add it here.",
    413: "Clay found the row too large (413).",
    429: "Clay's limit for submissions is reached (429). Wait a minute and try again.",
}
TEXT: Final = {"class": "form-control", "autocomplete": "off"}


class TestForm(forms.Form):
    """The person to test with."""

    linkedin_url = forms.CharField(
        label="LinkedIn URL",
        max_length=linkedin.MAX_LENGTH,
        widget=forms.TextInput(attrs={**TEXT, "placeholder": "https://www.linkedin.com/in/…"}),
    )
    first_name = forms.CharField(label="First name", required=False, max_length=100, widget=forms.TextInput(attrs=TEXT))
    last_name = forms.CharField(label="Last name", required=False, max_length=100, widget=forms.TextInput(attrs=TEXT))
    company_name = forms.CharField(label="Company", required=False, max_length=200, widget=forms.TextInput(attrs=TEXT))

    def clean_linkedin_url(self) -> str:
        try:
            return linkedin.canonical(self.cleaned_data["linkedin_url"])
        except ValueError as error:
            raise ValidationError(f"It {error}") from None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        for name in ("first_name", "last_name", "company_name"):
            values[name] = cleaned(values.get(name, ""))
        return values


def source_to_test(given: str) -> ClaySource:
    """The one of this id, else the one in use. Raises ActionNotAllowed."""
    source = sources.current()
    if given:
        source = ClaySource.objects.filter(pk=parse_int(given, most=2**62) or 0).first()
    if source is None:
        raise ActionNotAllowed("No source takes rows. Add one first (steps 1 and 2).")
    return source


def check_can_send(source: ClaySource) -> None:
    """Raises ActionNotAllowed with the sentence why not."""
    if source.closed_at:
        raise ActionNotAllowed("This source is closed.")
    if not source.left:
        raise ActionNotAllowed("This source's submissions are used up.")


def check_person(linkedin_url: str) -> None:
    """Raises ActionNotAllowed for somebody of whom nothing may be sent."""
    if gate.screen([Identity(linkedin_url=linkedin_url)], "enrichment"):
        raise ActionNotAllowed("This person is on the do-not-contact list, so nothing was sent. Use somebody else.")
    if Lead.objects.filter(linkedin_url=linkedin_url).exclude(restriction="").exists():
        raise ActionNotAllowed("This person's data is restricted, so nothing was sent. Use somebody else.")


def send(source: ClaySource, person: dict[str, str], *, by: Any) -> TestRow:
    """Submits one row, from a valid TestForm; what became of the call stands in the row. Raises ActionNotAllowed.

    It counts as a submission of the source, and is enriched and charged in Clay as any row.
    """
    check_person(person["linkedin_url"])
    grant = token_bucket.take(
        LIMIT,
        settings.CLAY_WORKSPACE_ID,
        1,
        per_second=settings.CLAY_SUBMISSIONS_PER_SECOND,
        burst=settings.CLAY_SUBMISSIONS_BURST,
    )
    if not grant.tokens:
        raise ActionNotAllowed("Other submissions are using Clay's limit right now. Try again in a moment.")
    try:
        address = sources.address(source)
    except encryption.Unreadable:
        raise ActionNotAllowed("The saved token can't be read any more. Enter it again under Edit.") from None
    row = _record(source, by)
    try:
        with closing(TableWebhook(settings.CLAY_WORKSPACE_ID)) as clay:
            clay.submit_row(address, _row_of(row, person))
    except VendorError as error:
        _note_error(row, error)
    else:
        # The row may have come back before its acknowledgement did.
        TestRow.objects.filter(pk=row.pk, answered_at=None).update(answered_at=timezone.now())
    row.refresh_from_db()
    return row


def _record(source: ClaySource, by: Any) -> TestRow:
    """Before the call, so that a row whose outcome is unknown is counted and known when it comes."""
    with transaction.atomic():
        open_source = ClaySource.objects.select_for_update().get(pk=source.pk)
        check_can_send(open_source)
        ClaySource.objects.filter(pk=source.pk).update(taken=F("taken") + 1, last_sent_at=timezone.now())
        row = TestRow.objects.create(reference=secrets.token_urlsafe(16), source=source, by=by)
        audit.record(Verb.SEND_TEST_ROW, by=by, on=row)
    return row


def _row_of(row: TestRow, person: dict[str, str]) -> dict[str, str]:
    """As a lead's submission."""
    now = timezone.now().astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    named = {"source_name": "Test row", "scraped_at": now, **person}
    return {template.REFERENCE: row.reference, **{name: value for name, value in named.items() if value}}


def _note_error(row: TestRow, error: VendorError) -> None:
    if isinstance(error, UnknownOutcome):
        words = "Clay didn't answer. The row may have arrived all the same: if it comes back, it shows here."
    else:
        words = REFUSED.get(error.status or 0, f"Clay returned an error: {error}. {error.advice}")
        sources.give_back(row.source, 1)
    TestRow.objects.filter(pk=row.pk).update(error=words[:300])


# ---------------------------------------------------------------- what became of it


@dataclass(frozen=True)
class Step:
    """A link of the chain. `state`: done, waiting, failed or open (not reached). `seconds` since the row was sent."""

    label: str
    state: str
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a test row is. `sentences`: what is missing and what to do; `checks`: what to look at, nothing came."""

    row: TestRow
    steps: list[Step]
    sentences: list[str]
    checks: list[str]
    is_live: bool

    @property
    def is_whole(self) -> bool:
        """It came back, and there is nothing to improve."""
        return self.row.came_back_at is not None and not self.sentences


def progress_of(row: TestRow) -> Progress:
    now = timezone.now()
    was_refused = bool(row.error) and row.answered_at is None and not row.error.startswith("Clay didn't answer")
    is_late = row.came_back_at is None and not was_refused and now - row.sent_at > span(PATIENCE_SECONDS)
    is_live = row.came_back_at is None and not was_refused and (now - row.sent_at).total_seconds() < POLLED_SECONDS
    steps = [Step("Sent", "done", 0.0), _acknowledged(row, was_refused), _came_back(row, was_refused, is_late)]
    sentences = what_is_missing(row) if row.came_back_at else []
    return Progress(row, steps, sentences, _checks(row) if is_late else [], is_live)


def _acknowledged(row: TestRow, was_refused: bool) -> Step:
    if row.answered_at:
        return Step("Acknowledged by Clay", "done", (row.answered_at - row.sent_at).total_seconds())
    return Step("Acknowledged by Clay", "failed" if was_refused else "waiting", note=row.error)


def _came_back(row: TestRow, was_refused: bool, is_late: bool) -> Step:
    if row.came_back_at:
        return Step("Enriched and came back", "done", (row.came_back_at - row.sent_at).total_seconds())
    if was_refused:
        return Step("Enriched and came back", "open")
    return Step("Enriched and came back", "failed" if is_late else "waiting", note="Nothing yet." if is_late else "")


def what_is_missing(row: TestRow) -> list[str]:
    """Of a row that came back, in sentences."""
    sentences = [f"Clay reported an error: {row.error}"] if row.error else []
    sentences += [
        f"{name} {'failed' if word == 'error' else f'did not run (it is {word})'} in Clay: open its cell there."
        for name, word in sorted(row.cells.items())
    ]
    absent = [name for name in row.missing if name in template.ENRICHED and name not in row.cells]
    if len(absent) == len(template.ENRICHED):
        return [*sentences, "No column came back, only the reference. Add the columns to the body (step 4)."]
    sentences += [f"{name} never came: add it to the body, if your table has it." for name in absent]
    untold = [name for name in template.PROVIDERS.values() if name in row.missing]
    if untold:
        sentences.append(
            f"{', '.join(untold)} never came: without {'it' if len(untold) == 1 else 'them'}, "
            "Economics can't tell which provider answered."
        )
    if template.COST in row.missing:
        sentences.append("cost never came: costs are estimated from the catalogue.")
    return sentences


def empty_columns(row: TestRow) -> list[str]:
    """Labels of the columns that came without a value: nobody found one."""
    known = (*row.columns, *row.missing, *row.cells)
    return [field_label(name) for name in template.ENRICHED if name not in known]


def _checks(row: TestRow) -> list[str]:
    """Where to look when nothing came back, the likeliest first."""
    wrong_secret = refused.last_day().get(refused.WORDS[refused.UNSIGNED], 0)
    return [
        *(
            [
                f"{wrong_secret:,} call{'' if wrong_secret == 1 else 's'} with a wrong secret arrived in the last 24 "
                "hours. Copy the X-Webhook-Secret header again."
            ]
            if wrong_secret
            else []
        ),
        "In Clay, is the row in the table? If not, switch auto-dedupe off and check that the webhook feeds this table.",
        "Are its columns filled? If not, switch auto-update on, and check that the workspace has credits left.",
        "Did the HTTP API column run? Its cell shows the status of our answer: 401 is the secret, 404 the address.",
        "Does the body contain swarm_ref? Without it the row can't be recognised.",
    ]
