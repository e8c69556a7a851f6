"""The record of processing (Art. 30), rendered from what is configured now. The packages outside tell their part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from gdpr.models import LegalHold, Suppression
from gdpr.stores import registered


@dataclass(frozen=True)
class Recipient:
    """Who receives personal data: its name, what for, and where it sits if we know."""

    name: str
    purpose: str
    safeguard: str = ""


@dataclass(frozen=True)
class Activity:
    """One processing activity (Art. 30(1)): why, on which basis, whose and which data, for whom, how long."""

    name: str
    purpose: str
    legal_basis: str
    subjects: str
    categories: Sequence[str]
    recipients: Sequence[Recipient]
    retention: str


_activities: list[Callable[[], Activity]] = []


def declare(activity: Callable[[], Activity]) -> None:
    """An activity, made anew whenever the record is rendered: so it tells what is configured then."""
    if activity not in _activities:
        _activities.append(activity)


def activities() -> list[Activity]:
    return [activity() for activity in (*_activities, requests, suppression)]


def requests() -> Activity:
    """Our own: answering the people whose data we hold."""
    names = tuple(
        Recipient(store.label, "carries out the person's request") for store in registered() if store.is_recipient
    )
    return Activity(
        "Data subject requests",
        "Handling requests and documenting how they were handled",
        "Legal obligation (Art. 6(1)(c) with Art. 12 to 22)",
        "People who make a request about their data",
        (
            "name",
            "contact address",
            "identifiers",
            "content of the request",
            "evidence of identity until it is checked",
        ),
        names,
        f"Identity: {settings.REQUEST_IDENTITY_DAYS} days after the request closes (erasures: "
        f"{settings.ERASURE_IDENTITY_DAYS}). Packages: {settings.PACKAGE_DAYS} days. Keyed hashes are kept as "
        f"proof.",
    )


def suppression() -> Activity:
    count = Suppression.objects.filter(released_at=None).count()
    return Activity(
        "Suppression list",
        "Not adding or contacting people who were erased or objected",
        "Legal obligation (Art. 17, Art. 21(3))",
        f"People who were erased or objected (currently {count:,} identifiers)",
        ("keyed hashes (HMAC-SHA256) of LinkedIn URL, e-mails and phone; no clear text",),
        (),
        "Until released, with a reason.",
    )


def security() -> list[tuple[str, str]]:
    """(measure, as it is configured) (Art. 32)."""
    secure = "on" if settings.SESSION_COOKIE_SECURE else "off: this installation runs without HTTPS"
    return [
        ("Encryption in transit", secure),
        ("Access", "by role; two-factor authentication available; personal data masked without permission to see it"),
        ("Access log", "append-only audit log, sealed in a hash chain, anchored externally once a day"),
        ("Pseudonymisation", "evidence and suppression hold keyed hashes; the keys are not in the database"),
        ("Content-Security-Policy", "no scripts, styles or frames from other origins"),
        ("Active legal holds", f"{LegalHold.objects.filter(lifted_at=None).count():,}"),
    ]
