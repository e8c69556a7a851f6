"""Who asked is erased from the request when its time has come; keyed hashes and what was done stay (D17)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from gdpr import audit
from gdpr.kinds import Action
from gdpr.leftovers import planner
from gdpr.messages.outstanding import UNSENT
from gdpr.models import (
    FoundRecord,
    IdentityCheck,
    RequestDocument,
    RequestMessage,
    RequestStep,
    SubjectRequest,
)
from gdpr.models.request import RequestQuerySet
from gdpr.package import files, statements
from gdpr.requests.pipeline import refresh_status
from gdpr.states import CLOSED
from swarm_admin.core.audit_verbs import Verb

FIELDS = (
    "name", "contact_email", "text", "linkedin_url", "emails", "phone", "values", "refusal_reason",
    "withdrawal_reason", "extension_reason",
)  # fmt: skip


def open_requests_naming(request: SubjectRequest) -> RequestQuerySet:
    """Other open requests with an identifier of this one: they name the person until they have ended."""
    return SubjectRequest.objects.open().of_identity(request.identity_hashes).exclude(pk=request.pk)


def run_due(limit: int = 50) -> int:
    """What is kept while a request is open goes with its end; who asked, when the set time is over."""
    drop_results()
    now = timezone.now()
    due = SubjectRequest.objects.filter(forget_after__lte=now, forgotten_at=None, status__in=CLOSED)
    # Its own words have to be out first: a refusal or a confirmation that still waits to be sent.
    waiting = RequestMessage.objects.filter(status__in=UNSENT).values("request")
    ids = list(due.exclude(pk__in=waiting).order_by("id").values_list("pk", flat=True)[:limit])
    done = sum(forget(request_id) for request_id in ids)
    if done:
        _renew_statistics()
    return done


def _renew_statistics() -> None:
    """What the planner keeps of these tables' values goes as well."""
    for model in (SubjectRequest, FoundRecord, RequestStep, RequestMessage, IdentityCheck):
        planner.analyse("public", model._meta.db_table)


def drop_results() -> int:
    """Copies, and what stood before a correction, are kept only while the request is open."""
    done = RequestStep.objects.filter(request__status__in=CLOSED).exclude(result=None)
    kept = Q(action__in=[Action.SCAN, Action.LOCATE, Action.RECHECK])  # places and recipients: nobody's data
    return done.exclude(kept).update(result=None)


def _blank_steps(steps: QuerySet[RequestStep]) -> None:
    """What a recipient did without keeping a record stays: a later version of the certificate says it as well."""
    for step in steps.exclude(result=None).only("pk", "result"):
        RequestStep.objects.filter(pk=step.pk).update(result=statements.only_these(step.result))
    steps.update(instructions="", evidence="")


def forget(request_id: int) -> bool:
    """Blank everything personal of one closed request, its files included; False where it was done already."""
    for kept in RequestDocument.objects.filter(request=request_id, erased_at=None, expires_at__isnull=False):
        files.erase_file(kept)
    with transaction.atomic():
        request = refresh_status.lock_request(request_id)
        if request.forgotten_at or request.is_open:
            return False
        SubjectRequest.objects.filter(pk=request_id).update(
            **{name: "" for name in FIELDS if name not in ("emails", "values")},
            emails=[], values={}, forgotten_at=timezone.now(),
        )  # fmt: skip
        FoundRecord.objects.filter(request=request_id).update(key="", summary={}, identifiers={}, decision_reason="")
        _blank_steps(RequestStep.objects.filter(request=request_id))
        RequestMessage.objects.filter(request=request_id).update(to="", subject="", body="")
        refresh_status.delete_evidence(IdentityCheck.objects.filter(request=request_id), timezone.now())
        audit.record(Verb.FORGET_REQUESTER, on=request, fields=FIELDS)
    return True
