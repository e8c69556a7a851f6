"""The last look of an erasure: is anything left of the person in what is ours?"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from gdpr.identity import digest, digests, keys
from gdpr.kinds import Action
from gdpr.leftovers import progress
from gdpr.leftovers import scan as leftovers
from gdpr.leftovers.hits import Hit
from gdpr.leftovers.search_patterns import REFERENCE
from gdpr.models import DocumentKind, RequestDocument, RequestStep, SubjectRequest
from gdpr.package import files
from gdpr.requests import plan
from gdpr.requests.pipeline.step_outcomes import ManualStepNeeded
from gdpr.states import StepStatus
from gdpr.stores import RetryLater

PLACES_TOLD = 20
# One attempt at most; the next one goes on where it stopped, and others had the worker meanwhile.
LONGEST_ATTEMPT = datetime.timedelta(minutes=5)
# Where the request itself knows the person: erased with it, and named in the certificate.
OWN_TABLES = (
    "gdpr_subjectrequest",
    "gdpr_foundrecord",
    "gdpr_requeststep",
    "gdpr_requestmessage",
    "gdpr_identitycheck",
    "gdpr_aftercheck",
)
BY_HAND = (
    "Ask your system administrator to run `manage.py leftovers` with this person's identifiers. Erase what it "
    "finds, or note why it may stay. Enter when the search ran and what it found."
)
Heartbeat = Callable[[Mapping[str, Any]], None]


def scan(step: RequestStep, heartbeat: Heartbeat) -> tuple[str, Any]:
    """Everything of ours is searched for the person; (proof, result), places and counts only.

    `heartbeat` is called every second or so while it lasts, with how far it has come: an attempt after a killed one
    goes on there.

    Raises:
        RetryLater: this attempt took its time; the next one goes on.
        ManualStepNeeded: something was found; an officer erases it, or says why it may stay, such as another's record.
    """
    request = step.request
    _erase_packages(request)
    sought = identifiers(request)
    so_far = progress.resume(step.result, _about(sought))
    alive = _with_time_limit(so_far, heartbeat)
    untidy = leftovers.tidy(sought, alive)
    found = leftovers.scan(sought, skip=OWN_TABLES, heartbeat=alive, pages=False, progress=so_far)
    found.remains += (untidy,) if untidy else ()
    document = {**found.document(), "skipped": list(OWN_TABLES)}
    if found.rows or found.mentions:
        RequestStep.objects.filter(request=request, action=Action.SCAN, status=StepStatus.IN_FLIGHT).update(
            result=document
        )
        raise ManualStepNeeded(_instructions(found))
    return _proof(found), document


def _with_time_limit(so_far: progress.Progress, heartbeat: Heartbeat) -> Callable[[], None]:
    """What says that the search is alive, and ends an attempt that has had its time in the tables."""
    begun, from_here = timezone.now(), (len(so_far.done), so_far.page)

    def alive() -> None:
        heartbeat(so_far.document())
        has_come_on = (len(so_far.done), so_far.page) > from_here
        if so_far.table and has_come_on and timezone.now() - begun > LONGEST_ATTEMPT:
            raise RetryLater(f"Searched {len(so_far.done)} tables so far; still searching", timezone.now())

    return alive


def _instructions(found: leftovers.Report) -> str:
    parts = []
    if found.rows:
        parts.append(
            f"This person's identifiers were found in: {_places(found.rows)}. They may belong to someone else's "
            f"record, such as a shared inbox or switchboard."
        )
    if found.mentions:
        parts.append(
            f"The name was found in: {_places(found.mentions)}. It may be another person with this name: no "
            f"identifier confirms it."
        )
    parts.append("Review each place: enter why it may stay, or erase it and retry the search.")
    return " ".join(parts)


def _places(hits: list[Hit]) -> str:
    places = [f"{hit.place}: {hit.count} ({', '.join(hit.what)}){_rows(hit)}" for hit in hits[:PLACES_TOLD]]
    more = len(hits) - PLACES_TOLD
    return "; ".join([*places, f"and {more} more places"] if more > 0 else places)


def _rows(hit: Hit) -> str:
    if not hit.where:
        return ""
    more = f" and {hit.count - len(hit.where)} more" if hit.count > len(hit.where) else ""
    one = "row" if hit.column else "key"
    return f", {one}{'s' * (hit.count > 1)} {', '.join(hit.where)}{more}"


def _proof(found: leftovers.Report) -> str:
    """Only what was looked for, and where; the systems outside have steps of their own."""
    proof = f"Searched on {timezone.now():%-d %B %Y}: no identifiers found in our rows, files or caches."
    if found.names is None:
        return f"{proof} No full name was known to search for."
    records = sum(hit.count for hit in found.names)
    if not records:
        return f"{proof} The name was not found in rows or files."
    return f"{proof} {records} record{'s' * (records > 1)} with the same name but other identifiers."


def _about(sought: list[tuple[str, str]]) -> str:
    return digest("\n".join(sorted(f"{kind}:{value}" for kind, value in sought)), keys()[0][1])


def _erase_packages(request: SubjectRequest) -> None:
    """Copies that the person was given on earlier requests: the files go too; one still to be sent does not.

    Of requests by this person's identifiers alone: one that shares an inbox or a phone with them is a neighbour's.
    """
    known = [word for identity in plan.identities(request) for word in identity.identifiers()]
    theirs = SubjectRequest.objects.closed().filter(
        identity_hashes__contained_by=list(digests(known)), identity_hashes__len__gt=0
    )
    kept = RequestDocument.objects.filter(request__in=theirs, erased_at=None).select_related("request")
    for document in kept.exclude(kind=DocumentKind.CERTIFICATE):
        files.erase_file(document)


def identifiers(request: SubjectRequest) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for identity in plan.identities(request):
        pairs += [("email", email) for email in identity.emails]
        pairs += [("linkedin_url", identity.linkedin_url)] if identity.linkedin_url else []
        pairs += [("phone", identity.phone)] if identity.phone else []
    pairs += [(REFERENCE, each) for record in plan.included(request) for each in record.references]
    names = [request.name, *(record.summary.get("name", "") for record in plan.included(request))]
    pairs += [("name", name) for name in names if name]
    return list(dict.fromkeys(pairs))
