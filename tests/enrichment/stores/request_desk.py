"""Subject requests against the real stores, in the test's own process: every wait is over as soon as it began."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from enrichment.models import Lead
from gdpr.messages import send
from gdpr.models import RequestStep, SubjectRequest
from gdpr.requests import manual_steps
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import approve, execute, verify
from gdpr.requests.pipeline.open import open_request


class RequestDesk:
    """Two officers and the worker. `first` takes requests in, `second` approves."""

    def __init__(self) -> None:
        users = get_user_model().objects
        self.first, self.second = users.create_user("first@example.com"), users.create_user("second@example.com")

    def open(self, kind: str, lead: Lead, **more: Any) -> SubjectRequest:
        given = {
            "kind": kind,
            "linkedin_url": lead.linkedin_url,
            "emails": [each for each in (lead.email_work, lead.email_personal) if each],
            "name": lead.full_name,
            "contact_email": "person@home.example",
            **more,
        }
        request = open_request(RequestIn.model_validate(given), channel="form", by=self.first)
        if request.status == "verifying":
            request = verify.confirm_identity(request, method="reply", by=self.first)
        return self.work(request)

    def work(self, request: SubjectRequest) -> SubjectRequest:
        """The worker and the mail, until nothing more comes of it."""
        for _ in range(12):
            waiting = RequestStep.objects.filter(request=request, status__in=["planned", "unknown"])
            waiting.update(not_before=timezone.now())
            if not execute.run_due(100, request_id=request.pk) + send.run_due(5):
                break
        request.refresh_from_db()
        return request

    def by_hand(self, request: SubjectRequest, action: str) -> list[RequestStep]:
        """Steps at Clay that wait for a person."""
        return list(request.steps.filter(action=action, store="clay", status="manual").order_by("id"))

    def did(self, step: RequestStep, evidence: str = "Done in Clay, searched again: nothing.", **more: Any) -> None:
        manual_steps.complete(step, evidence=evidence, by=self.first, **more)

    def searched(self, request: SubjectRequest, found: dict[str, str] | None = None) -> SubjectRequest:
        """Every table was searched by hand."""
        (step,) = self.by_hand(request, "locate")
        self.did(step, "Searched both tables for each value.", found=found)
        return self.work(request)

    def approved(self, request: SubjectRequest) -> SubjectRequest:
        assert request.status == "awaiting_approval", states(request)
        return self.work(approve.approve(request, plan_hash=request.plan_hash, by=self.second))


def states(request: SubjectRequest) -> list[tuple[Any, ...]]:
    """For the message of a failed assertion."""
    steps = request.steps.exclude(status="done")
    return [(request.status,), *steps.values_list("action", "store", "status", "error_message")]
