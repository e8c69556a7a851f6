"""What was done with whose data, without whose: keyed hashes, steps, read-backs, and what remains until when (D17)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, stores
from gdpr.due_dates import deadline
from gdpr.identity import keys
from gdpr.kinds import Action, RequestKind
from gdpr.leftovers.scan import REMAINS
from gdpr.models import AfterCheck, DocumentKind, RequestDocument, RequestStep, SubjectRequest
from gdpr.package import files, statements
from gdpr.requests import forget, leftover_erasure
from gdpr.states import CLOSED, DutyStatus, RequestStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb

FORMAT = 1
TOLD = (Action.ANSWER, Action.FOREWARN)


def missing_certificates() -> QuerySet[SubjectRequest]:
    """Closed requests of which no certificate counts: there is none yet, or what it says is not all any more."""
    have = RequestDocument.objects.filter(kind=DocumentKind.CERTIFICATE, superseded_at=None)
    return SubjectRequest.objects.filter(status__in=CLOSED).exclude(pk__in=have.values("request"))


def versions(request: SubjectRequest) -> QuerySet[RequestDocument]:
    """Its certificates, the newest first."""
    return RequestDocument.objects.filter(request=request, kind=DocumentKind.CERTIFICATE).order_by("-number")


def issue_due(limit: int = 50) -> int:
    """Write those that are wanted; returns how many. However many workers are at it, each is written once."""
    due = list(missing_certificates().order_by("id").values_list("pk", flat=True)[:limit])
    return sum(issue(request_id) is not None for request_id in due)


def issue(request_id: int) -> RequestDocument | None:
    """Write the certificate of a closed request; what it says is fixed with its hash.

    None where another worker writes it or has written it: the request's row is its claim.
    """
    with transaction.atomic():
        ours = SubjectRequest.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=request_id)
        request = ours.first()
        if request is None or not missing_certificates().filter(pk=request_id).exists():  # asked under the lock
            return None
        before = versions(request).first()
        document = compose(request, before)
        content = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True).encode()
        kept = files.add_version(request, DocumentKind.CERTIFICATE, content, number=document["version"])
        counts = {"document": kept.pk, "version": kept.number}
        audit.record(Verb.ISSUE_CERTIFICATE, on=request, counts=counts, reason=kept.sha256)
    return kept


def supersede(request_ids: Iterable[int], because: str) -> None:
    """What their certificates say is not all any more: a new version is written, with the reason in it.

    In the caller's transaction, which has to hold the locks of the requests: nobody is writing one meanwhile.
    """
    for request_id in request_ids:
        newest = RequestDocument.objects.filter(request=request_id, kind=DocumentKind.CERTIFICATE)
        newest = newest.order_by("-number")[:1]
        RequestDocument.objects.filter(pk__in=newest.values("pk")).update(
            superseded_at=timezone.now(), superseded_because=because
        )


def compose(request: SubjectRequest, before: RequestDocument | None = None) -> dict[str, Any]:
    """JSON-serialisable; no value of the person in it, and no staff but by number. `before` is its last version."""
    steps = list(request.steps.select_related("record"))
    return {
        "format": FORMAT,
        "version": before.number + 1 if before else 1,
        "supersedes": _superseded(before) if before else None,
        "reference": request.reference,
        "kind": request.kind,
        "status": request.status,
        "regime": request.regime,
        "received_on": _iso(deadline.day_of(request.received_at)),
        "due_on": _iso(request.due_on),
        "closed_at": _iso(request.closed_at),
        "in_time": deadline.in_time(request),
        "extended": request.extended_at is not None,
        "issued_at": _iso(timezone.now()),
        "identity": {"key_id": keys()[0][0], "hashes": request.identity_hashes},
        "identified_by": list(request.checks.filter(result="passed").values_list("method", flat=True)),
        "refusal_ground": request.refusal_ground,
        "approval": _approval(request),
        "records": [_record(record, steps) for record in request.records.all()],
        "steps": [_step(step) for step in steps if step.record_id is None],
        "statements": statements.sentences(request),
        "seconds_to_stop": request.seconds_to_stop,
        "remains": _remaining_data(request, steps),
    }


def _superseded(before: RequestDocument) -> dict[str, Any]:
    return {
        "version": before.number,
        "sha256": before.sha256,
        "issued_at": _iso(before.created_at),
        "because": before.superseded_because,
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _approval(request: SubjectRequest) -> dict[str, Any] | None:
    if not request.approved_hash:
        return None
    return {
        "plan_hash": request.approved_hash,
        "approved_at": _iso(request.approved_at),
        "approved_by": request.approved_by_id,
        "prepared_by": request.prepared_by,
    }


def _record(record: Any, steps: list[RequestStep]) -> dict[str, Any]:
    return {
        "store": record.store,
        "key_hash": record.key_hash,
        "matched": record.matched,
        "decision": record.decision,
        "found_by_hand": record.by_hand,
        "steps": [_step(step) for step in steps if step.record_id == record.pk],
    }


def _step(step: RequestStep) -> dict[str, Any]:
    return {
        "action": step.action,
        "store": step.store,
        "status": step.status,
        "tries": step.tries,
        "done_at": _iso(step.done_at),
        "by_hand": bool(step.done_by_id),
        "proof": step.proof,
        **({"scan": step.result} if step.action == Action.SCAN and step.result else {}),
    }


def _remaining_data(request: SubjectRequest, steps: list[RequestStep]) -> list[str]:
    """What is not gone, and until when; said plainly."""
    if request.kind != RequestKind.ERASURE or request.status != RequestStatus.COMPLETED:
        return []
    sentences = [sentence for check in request.after_checks.all() for sentence in _after_check_sentences(check)]
    sentences += [
        f"{stores.label_of(step.store)} keeps record {step.record.key_hash[:12]}: {step.proof}"
        for step in steps
        if step.status == StepStatus.WITHHELD and step.action == Action.ERASE and step.record
    ]
    sentences += statements.still_kept(request)
    sentences += [_unerased_sentence(step) for step in steps if step.done_by_id and _unerased(step)]
    sentences += [
        f"Request {other.reference} ({other.kind_label}) shares an identifier with this one and is "
        "open. It keeps the person's details until it closes."
        for other in forget.open_requests_naming(request).order_by("pk")
    ]
    sentences.append("Keyed hashes of the identifiers stay on the suppression list, so the data isn't added again.")
    if request.forget_after:
        sentences.append(
            f"The request itself keeps the person's details until {request.forget_after:%Y-%m-%d %H:%M} "
            "UTC. Then they are erased."
        )
    return [*sentences, *REMAINS]


def _unerased(step: RequestStep) -> list[str]:
    """What the last search of this step found, and was not erased at the step: places, counts and kinds."""
    hits = [hit for hit in leftover_erasure.leftovers_found(step) if hit["count"] > 0]
    return [f"{hit['place']}: {hit['count']} ({', '.join(hit['what'])})" for hit in hits]


def _unerased_sentence(step: RequestStep) -> str:
    ended = f" on {step.done_at:%Y-%m-%d}" if step.done_at else ""
    return (
        f"The last search for leftovers found {'; '.join(_unerased(step))}. Staff completed it by hand{ended}, with "
        f"evidence. The search was not repeated."
    )


def _after_check_sentences(check: AfterCheck) -> list[str]:
    """What came of a record after the end of its request."""
    label, record = stores.label_of(check.store), check.key_hash[:12]
    lines = []
    if check.hold_lifted_at:
        if check.erased_at is None:
            return []  # the step says that it is still there
        lines.append(
            f"{label} kept record {record} under legal hold until {check.hold_lifted_at:%Y-%m-%d}. It was erased on "
            f"{check.erased_at:%Y-%m-%d} and verified as gone."
        )
    if check.status == DutyStatus.DONE and check.done_at:
        lines.append(f"{label} was checked for record {record} again on {check.done_at:%Y-%m-%d}: it is gone.")
    else:
        lines.append(f"{label} can restore record {record} until {check.due_at:%Y-%m-%d}. It is checked again then.")
    return lines
