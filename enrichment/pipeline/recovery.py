"""What happens to work whose call failed: the one place where an error becomes a next step."""

import datetime
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils import timezone

from enrichment.alerts import Cause, raise_alert
from enrichment.labels import provider_name
from enrichment.models import AlertKind
from enrichment.models.connection import CLAY_CREATES, CLAY_TRIGGERS
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter, outages, registry
from enrichment.vendors.clay.calls import CREATE_ROWS, TRIGGER
from enrichment.vendors.errors import (
    Misconfigured,
    Paused,
    RateLimited,
    Recovery,
    Retryable,
    UnknownOutcome,
    VendorError,
)
from enrichment.waterfall import provider_budget
from swarm_admin.core.timing import backoff, due_in, span

PAUSED_ALONE = {
    ("clay", CREATE_ROWS.name): CLAY_CREATES,
    ("clay", TRIGGER.name): CLAY_TRIGGERS,
}
ALONE_SECONDS = 86_400.0  # so long what sends waits for one kind of call; then a person sees it
LONGEST_BACKOFF = 3600.0  # seconds: Clay's widest window is an hour


@dataclass(frozen=True)
class NextStep:
    """`again`: send then. `read_back`: look first. `give_up`: a person or nobody. `counted`: it was a try."""

    action: Literal["again", "read_back", "give_up"]
    not_before: datetime.datetime
    counted: bool = True


def next_step(error: VendorError, *, tries: int, limit: str, scope: str) -> NextStep:
    """The step after `error` on the `tries`-th try of a call under `limit` in `scope`.

    Opens a hold for a refused key, a used-up quota or a vendor that does not answer, and obeys a 429's Retry-After
    for every worker. What was tried while it did not answer was no try. Where it answers other calls, what sends waits
    for a day without a try, Clay's under a pause of that call; what only looks has its tries.
    """
    now = timezone.now()
    # a data provider's limit or quota, not the vendor's
    if isinstance(error, RateLimited | Paused) and error.provider:
        provider_refused(error.provider)
        return NextStep("again", backoff(1), counted=False)
    if isinstance(error, Misconfigured | Paused):
        pauses.pause_vendor(error)
        # Reading goes on while only the quota is used up; where it was refused itself, not at every tick.
        return NextStep("again", backoff(1) if error.reads else now, counted=False)
    if _is_down(error, tries):
        pauses.pause_for_outage(error)
        looks_first = isinstance(error, UnknownOutcome)
        return NextStep("read_back" if looks_first else "again", due_in(settings.VENDOR_PROBE_SECONDS), counted=False)
    if _only_call_unanswered(error, tries):
        return _retry_later(error)
    if isinstance(error, RateLimited):
        alert_of_limit(error)
        seconds = error.retry_after if error.retry_after is not None else _backoff_seconds(tries, limit, scope)
        limiter.penalise(limit, scope, seconds)
        return NextStep("again", now + datetime.timedelta(seconds=seconds), counted=False)
    if isinstance(error, UnknownOutcome) and tries < 2 * settings.MAX_ATTEMPTS:  # a try is a call or a look
        return NextStep("read_back", due_in(settings.READ_BACK_SECONDS))
    if isinstance(error, Retryable) and tries < settings.MAX_ATTEMPTS:
        return NextStep("again", backoff(tries))
    return NextStep("give_up", now)


def _is_down(error: VendorError, tries: int) -> bool:
    """Whether the vendor did not answer, and not for the first time: calls like it go unanswered one after the other.

    Work that would be given up now is its own proof, where nobody else had an answer meanwhile.
    """
    if not outages.is_sign(error):
        return False
    hold = pauses.open_pause(error.vendor)
    if hold is not None and hold.reason == Recovery.VENDOR_DOWN:
        return True
    enough = tries >= settings.MAX_ATTEMPTS
    return _unanswered(error.vendor, error.call, enough=enough) and not outages.answered_other_calls(
        error.vendor, error.call
    )


def _only_call_unanswered(error: VendorError, tries: int) -> bool:
    """Whether this kind of call, which sends something, goes unanswered while the vendor answers others.

    One record that is never answered, of a kind that is not paused alone, is given up with its last try: so there it
    takes more calls than one record makes.
    """
    if error.reads or not outages.is_sign(error) or not _is_young(error.vendor, error.call):
        return False
    if (error.vendor, error.call) in PAUSED_ALONE:
        return _unanswered(error.vendor, error.call, enough=tries >= settings.MAX_ATTEMPTS)
    return outages.failures_in_a_row(error.vendor, error.call) > 3 * int(settings.MAX_ATTEMPTS)


def _retry_later(error: VendorError) -> NextStep:
    if alone := PAUSED_ALONE.get((error.vendor, error.call)):
        pauses.pause_for_outage(error, alone)
    lasted = outages.unanswered_seconds(error.vendor, error.call) * settings.CLOCK_SPEED
    wait = min(max(lasted / 2, settings.VENDOR_PROBE_SECONDS), settings.VENDOR_PROBE_MOST_SECONDS)
    action: Literal["again", "read_back"] = "read_back" if isinstance(error, UnknownOutcome) else "again"
    seconds = settings.VENDOR_PROBE_SECONDS if alone else wait
    return NextStep(action, due_in(seconds), counted=False)


def _is_young(vendor: str, call: str) -> bool:
    return outages.unanswered_seconds(vendor, call) < span(ALONE_SECONDS).total_seconds()


def never_arrived(vendor: str, call: str) -> bool:
    """Whether a send of this kind that left no trace was no try: none of them is answered, others for a day at most."""
    unanswered = _unanswered(vendor, call, enough=True)
    return unanswered and (_is_young(vendor, call) or not outages.answered_other_calls(vendor, call))


def _unanswered(vendor: str, call: str, *, enough: bool = False) -> bool:
    """So many calls of this kind in a row had no answer that the vendor counts as down; `enough`: MAX_ATTEMPTS do."""
    most = int(settings.VENDOR_DOWN_CALLS)
    return outages.failures_in_a_row(vendor, call) >= (min(most, int(settings.MAX_ATTEMPTS)) if enough else most)


def provider_refused(provider: str) -> None:
    """A data provider was asked too often: its hour is used up for everybody, whatever our own count says (D11)."""
    provider_budget.block_for_an_hour(provider)
    alert_of_provider(provider, provider_name(provider))


def alert_of_limit(error: VendorError) -> None:
    """A 429: a fault of ours (D11), which our own limits should have prevented."""
    name = registry.name_of(error.vendor)
    sentence = f"{name} rate-limited {error.call}: our limit is too high, or other tools use the same quota."
    raise_alert(Cause(AlertKind.RATE_LIMITED, error.vendor, error.call), sentence)


def alert_of_provider(slug: str, name: str) -> None:
    """A data provider's 429 or used-up quota, as Clay tells it: nobody has to do anything unless it comes again."""
    sentence = (
        f"{name} rejected a call: rate limit or quota reached. It is skipped for an hour; missing data is "
        f"filled in after that. If this repeats, lower its calls per hour in the provider catalogue."
    )
    raise_alert(Cause(AlertKind.RATE_LIMITED, "clay", slug), sentence)


def _backoff_seconds(tries: int, limit: str, scope: str) -> float:
    """Real seconds to wait after a 429 that does not say: twice the last, until none came for a while.

    The work's own tries do not tell, since a 429 is no try of its; so they are counted beside the limit.
    """
    longest = span(LONGEST_BACKOFF).total_seconds()
    struck = limiter.strikes(limit, scope, lapse=2 * longest)
    doubled = span(settings.RETRY_BASE_SECONDS * 2 ** (min(max(tries, struck), 16) - 1))
    return min(doubled.total_seconds(), longest)
