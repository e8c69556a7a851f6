"""The alerts that a vendor's answers raise: a service paused and resumed, a call or a data provider asked too often."""

import datetime

from enrichment.alerts import Cause, close, raise_alert
from enrichment.models import AlertKind, ServiceHold, Severity
from enrichment.models.connection import ALONE
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendor_pauses.words import NAMES
from enrichment.vendors.errors import Recovery, VendorError

HOLDS: dict[str, AlertKind] = {
    Recovery.REFRESH_KEY: AlertKind.KEY_REFUSED,
    Recovery.PAUSE: AlertKind.QUOTA,
    Recovery.CREDITS: AlertKind.CREDITS,
    Recovery.VENDOR_DOWN: AlertKind.NO_ANSWER,
    Recovery.TABLE_FULL: AlertKind.TABLE_FULL,
}


def _hold_cause(hold: ServiceHold) -> Cause:
    system = hold.system.partition(".")[0]
    subject = hold.system if hold.system in ALONE else ""
    return Cause(HOLDS.get(hold.reason, AlertKind.HOLD), system, subject)


def hold_opened(hold: ServiceHold, *, table: str = "", quota_remaining: int | None = None) -> None:
    """In the transaction that pauses the service, and at each look that finds it still so."""
    where = f"Table {table}." if table else ""
    remaining = "" if quota_remaining is None else f"What remains: {quota_remaining:,}."
    parts = [hold_words.sentence(hold), where, remaining, hold_words.outlook(hold), _next(hold)]
    raise_alert(_hold_cause(hold), " ".join(part for part in parts if part), severity=Severity.CRITICAL)


def _next(hold: ServiceHold) -> str:
    """Nothing of the next probe, of which there are many: an alert that lasts says what stays true."""
    if hold.reason == Recovery.VENDOR_DOWN:
        return f"Since {_utc(hold.since)}."
    return f"{hold_words.next_step(hold)} at {_utc(hold.until)}." if hold.until else ""


def hold_lifted(hold: ServiceHold) -> None:
    """In the transaction that resumes the service."""
    close(_hold_cause(hold))


def rate_limited(error: VendorError) -> None:
    """A 429: a fault of ours (D11), which our own limits should have prevented."""
    name = NAMES.get(error.vendor, error.vendor)
    sentence = f"{name} refused {error.call} as too many calls: our limit is too high, or others call too."
    raise_alert(Cause(AlertKind.RATE_LIMITED, error.vendor, error.call), sentence)


def provider_refused(slug: str, name: str) -> None:
    """A data provider's 429 or used-up quota, as Clay tells it: nobody has to do anything unless it comes again."""
    sentence = (
        f"{name} refused a call: too many, or its quota is used up. It is not asked for an hour; what it would have "
        "found is asked for after that. If this comes again, lower its calls an hour in the catalogue of providers."
    )
    raise_alert(Cause(AlertKind.RATE_LIMITED, "clay", slug), sentence)


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
