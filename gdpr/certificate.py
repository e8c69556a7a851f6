"""What was done with whose data, without whose: keyed hashes, steps, read-backs, and what remains until when (D17)."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, deadline, forget, plan
from gdpr.identity import keys
from gdpr.kinds import Action, RequestKind
from gdpr.leftovers.scan import REMAINS
from gdpr.models import DocumentKind, RequestDocument, RequestStep, SubjectRequest
from gdpr.package import files
from gdpr.states import CLOSED, RequestStatus, StepStatus

FORMAT = 1
TOLD = (Action.ANSWER, Action.FOREWARN)


def wanted() -> QuerySet[SubjectRequest]:
    """Closed requests that have no certificate yet."""
    have = RequestDocument.objects.filter(kind=DocumentKind.CERTIFICATE).values("request")
    return SubjectRequest.objects.filter(status__in=CLOSED).exclude(pk__in=have)


def issue_due(limit: int = 50) -> int:
    return len([issue(request) for request in wanted().order_by("id")[:limit]])


def issue(request: SubjectRequest) -> RequestDocument:
    """Write the certificate of a closed request; what it says is fixed with its hash."""
    content = json.dumps(compose(request), ensure_ascii=False, indent=2, sort_keys=True).encode()
    kept = files.store(request, DocumentKind.CERTIFICATE, content)
    audit.record("issue_certificate", on=request, counts={"document": kept.pk}, reason=kept.sha256)
    return kept


def compose(request: SubjectRequest) -> dict[str, Any]:
    """JSON-serialisable; no value of the person in it, and no staff but by number."""
    steps = list(request.steps.select_related("record"))
    return {
        "format": FORMAT,
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
        "seconds_to_stop": request.seconds_to_stop,
        "remains": _remains(request, steps),
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


def _remains(request: SubjectRequest, steps: list[RequestStep]) -> list[str]:
    """What is not gone, and until when; said plainly."""
    if request.kind != RequestKind.ERASURE or request.status != RequestStatus.COMPLETED:
        return []
    said = [
        f"{plan.label_of(check.store)} can bring record {check.key_hash[:12]} back until {check.due_at:%Y-%m-%d}; "
        "it is looked for once more then."
        for check in request.after_checks.all()
    ]
    said += [
        f"{plan.label_of(step.store)} keeps record {step.record.key_hash[:12]}: {step.proof}"
        for step in steps
        if step.status == StepStatus.WITHHELD and step.action == Action.ERASE and step.record
    ]
    said += [
        f"Request {other.reference} ({other.get_kind_display()}) shares an identifier with this one and is open; "
        "what it says of the person stays until it has ended."
        for other in forget.named_in(request).order_by("pk")
    ]
    said.append(
        "Keyed hashes of the identifiers stay on the suppression list, so that the data do not come in again."
    )
    if request.forget_after:
        said.append(
            f"The request itself names the person until {request.forget_after:%Y-%m-%d %H:%M} UTC, then it is blanked."
        )
    return [*said, *REMAINS]
