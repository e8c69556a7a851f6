"""A request comes in: it is written down, its clock starts, and an objection stops everything in the same moment."""

from __future__ import annotations

import logging
from typing import Any

from celery import signature
from django.db import transaction

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.identity import Identity, digest, digests, keys
from gdpr.kinds import RULES, Action, RequestKind
from gdpr.messages import write
from gdpr.models import Channel, RequestStep, SubjectRequest
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import locate, refresh_status, verify
from gdpr.requests.plan import AT_ONCE
from gdpr.states import OPEN, RequestStatus, StepStatus
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance_one

log = logging.getLogger(__name__)
RUN_REQUEST = "gdpr.tasks.run_request"  # by its name: the tasks stand above what they run


def open_request(entry: RequestIn, *, channel: str, by: Any = None) -> SubjectRequest:
    """Take a request in; a doubled one is linked and goes through every check all the same.

    Raises:
        ActionNotAllowed: it is about an earlier request that there is not, or that it cannot be about.
    """
    with transaction.atomic():
        concerned = _concerned_request(entry, by)
        request = _create(entry, concerned, channel, by)
        audit.record(Verb.OPEN_REQUEST, by=by, on=request, fields=_filled_in(entry), reason=f"{entry.kind} {channel}")
        if request.duplicate_of_id:
            audit.record(Verb.DUPLICATE_REQUEST, on=request, object_id="", counts={"of": request.duplicate_of_id})
        if channel != Channel.OWN:
            write.acknowledge(request, by=by)
        begin(request, by=by)
    return request


def _filled_in(entry: RequestIn) -> list[str]:
    names = ("name", "contact_email", "text", "linkedin_url", "emails", "phone", "values")
    return [name for name in names if getattr(entry, name)]


def _concerned_request(entry: RequestIn, by: Any) -> SubjectRequest | None:
    """The earlier request it is about, locked.

    Whoever is not an officer has to name the person of that request, and is told nothing else of it.

    Raises:
        ActionNotAllowed: there is none, or it is not of the kind or the state it would have to be.
    """
    wanted = RULES[entry.kind].concerns
    if not wanted or entry.concerns is None:
        return None
    found = SubjectRequest.objects.select_for_update(of=("self",)).filter(pk=entry.concerns).first()
    own = found is not None and not set(digests(entry.identity.identifiers())).isdisjoint(found.identity_hashes)
    if not own and (by is None or entry.identity.identifiers()):
        raise ActionNotAllowed("No such request from this person.")
    if found is None:
        raise ActionNotAllowed("No request with this number.")
    if entry.kind == RequestKind.WITHDRAWAL and not found.is_open:
        raise ActionNotAllowed("That request is closed and can't be withdrawn.")
    if entry.kind == RequestKind.RELEASE:
        if found.kind != RequestKind.RESTRICTION or found.status != RequestStatus.COMPLETED:
            raise ActionNotAllowed("Only an active restriction can be ended.")
        if found.forgotten_at and not entry.identity.identifiers():
            raise ActionNotAllowed(
                "The requester's details were erased from that restriction. Enter the identifiers again."
            )
    return found


def _create(entry: RequestIn, concerned: SubjectRequest | None, channel: str, by: Any) -> SubjectRequest:
    identity = entry.identity
    if concerned is not None and not identity.identifiers():
        identity = concerned.identity
    request = SubjectRequest(
        kind=entry.kind,
        channel=channel,
        regime=entry.regime,
        calendar=entry.calendar,
        received_at=entry.received_at,
        opened_by=by,
        handler=by,
        name=entry.name,
        contact_email=entry.contact_email or (concerned.contact_email if concerned else ""),
        text=entry.text,
        linkedin_url=identity.linkedin_url,
        emails=list(identity.emails),
        phone=identity.phone,
        identity_hashes=identity_hashes(identity),
        values=entry.values,
        concerns=concerned,
        duplicate_of=find_duplicate(entry.kind, identity),
        prepared_by=[by.pk] if by is not None else [],
    )
    request.due_on = deadline.calculate(request).due
    request.save()
    return request


def identity_hashes(identity: Identity) -> list[str]:
    """Keyed hashes of the identifiers under the first key: what stays of the person."""
    key = keys()[0][1]
    return sorted(digest(identifier, key) for identifier in identity.identifiers())


def find_duplicate(kind: str, identity: Identity) -> SubjectRequest | None:
    """An open request of the same kind that shares an identifier: the first of them."""
    same = SubjectRequest.objects.of_identity(list(digests(identity.identifiers())))
    return same.filter(kind=kind, status__in=OPEN).order_by("id").first()


def begin(request: SubjectRequest, *, by: Any = None) -> None:
    """On to the identity check, or at once to the search where the kind asks for none (D20)."""
    if request.kind == RequestKind.PORTABILITY:
        return  # it is explained and refused, and a copy offered: nothing has to be looked for
    if verify.needs_check(request):
        verify.begin(request)
        return
    if request.rules.fast:
        suppress_immediately(request, by=by)
    locate.plan_searches(request)
    refresh_status.refresh_status(request.pk)
    request.refresh_from_db()
    transaction.on_commit(lambda: enqueue(request.pk), robust=True)


def suppress_immediately(request: SubjectRequest, *, by: Any) -> None:
    """Everything that asks the gate stops with this transaction; the systems outside follow step by step."""
    gate.suppress(request.identity, reason=request.kind, by=by)
    step = RequestStep.objects.create(request=request, action=Action.SUPPRESS, stage=AT_ONCE)
    advance_one(step, StepStatus.IN_FLIGHT, tries=1)
    advance_one(
        step,
        StepStatus.DONE,
        done_at=request.opened_at,
        proof="Suppressed when the request was opened.",
    )


def enqueue(request_id: int) -> None:
    """Wake a worker; where the queue is down, the tick finds the request all the same."""
    signature(RUN_REQUEST).delay(request_id)
