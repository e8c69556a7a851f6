"""One erasure request from intake to end: `python -m tests.bench.erasing NUMBER_OF_A_LEAD` prints how it went."""

import json
import sys
import time
from typing import Any

import django

LONGEST = 3_600.0


def main() -> None:
    django.setup()
    from django.contrib.auth.models import Group

    from enrichment.models import Lead
    from gdpr.kinds import Action, RequestKind
    from gdpr.models import SubjectRequest
    from gdpr.requests.intake import RequestIn
    from gdpr.requests.pipeline import approve, open, verify
    from swarm_admin.access.models import User
    from swarm_admin.access.roles import COMPLIANCE

    lead = Lead.objects.exclude(email_work="").filter(pk__gte=int(sys.argv[1])).order_by("pk")[0]
    officers = [User.objects.get_or_create(email=f"{name}@example.com")[0] for name in ("first", "second")]
    for officer in officers:
        officer.groups.add(Group.objects.get(name=COMPLIANCE))
    started = time.monotonic()
    asked = RequestIn(
        kind=RequestKind.ERASURE,
        linkedin_url=lead.linkedin_url,
        name=lead.full_name,
        contact_email=lead.email_work,
    )
    request = open.open_request(asked, channel="email", by=officers[0])
    verify.confirm_identity(request, method="reply", by=officers[0])
    _work(request)
    if request.status == "awaiting_approval":
        approve.approve(request, plan_hash=request.plan_hash, by=officers[1])
        _work(request)
    request = SubjectRequest.objects.get(pk=request.pk)
    step = request.steps.get(action=Action.SCAN)
    spent = [each.ended_at - each.started_at for each in step.attempts.exclude(ended_at=None)]
    unfinished = request.steps.exclude(status="done").values_list("action", "store", "error_message", "instructions")
    told = {
        "status": request.status,
        "seconds": time.monotonic() - started,
        "scan": sum(each.total_seconds() for each in spent),
        "tries": step.attempts.count(),
        "unfinished": list(unfinished),
        "proof": step.proof,
    }
    sys.stdout.write(json.dumps(told))


def _work(request: Any) -> None:
    """As a worker does it, until a person is needed or it is over."""
    from gdpr.messages import send
    from gdpr.requests.pipeline import execute
    from gdpr.states import WORKED_ON

    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        request.refresh_from_db()
        if request.status not in WORKED_ON or request.steps.needing_person().exists():
            return
        if not execute.run_due(request_id=request.pk) + send.run_due():
            time.sleep(0.05)
    raise SystemExit("it did not end")


if __name__ == "__main__":
    main()
