"""A worker killed with -9 at every step of an erasure: it ends complete, nothing is done twice, neighbours stay."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from django.contrib.auth.models import Group
from django.forms import model_to_dict

from enrichment.models import Lead
from gdpr.kinds import Action, RequestKind
from gdpr.models import AuditEvent, RequestStep, Suppression
from gdpr.requests import certificate
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import approve, open, verify
from swarm_admin.access.models import User
from swarm_admin.access.roles import COMPLIANCE
from tests.enrichment.stores import planting
from tests.flows.dying_steps import POINTS
from tests.flows.test_crash_points import environment

pytestmark = pytest.mark.flow
IDENTIFIERS = [planting.URL.rpartition("/")[2], planting.WORK.lower(), planting.OWN, planting.PHONE]


@pytest.fixture
def officers(db):
    found = [User.objects.create_user(f"{name}@example.com") for name in ("officer", "second")]
    for officer in found:
        officer.groups.add(Group.objects.get(name=COMPLIANCE))
    return found


@pytest.fixture
def workers(pipeline, process_environment, settings):
    """Runs workers that die at a point until the request is done with; returns how many died."""
    told = environment(process_environment, pipeline.sandbox, settings)
    told |= {"CLAY_EXPORTS_PER_HOUR": "1000", "EMAIL_URL": "dummymail://"}

    def run(request, point):
        command = [sys.executable, "-m", "tests.flows.dying_steps", point, str(request.pk)]
        done = subprocess.run(command, env=told, check=True, capture_output=True, text=True)
        request.refresh_from_db()
        return int(done.stdout)

    return run


def vendors_about(sandbox, word):
    """What each vendor holds, as text, of the records that have the word in them."""
    kept = {vendor: sandbox.state(vendor) for vendor in ("clay", "ghl", "instantly")}
    records = [*kept["clay"]["tables"][planting.TABLE], *kept["ghl"]["contacts"], *kept["instantly"]["leads"]]
    return sorted(text for each in records if word in (text := json.dumps(each, sort_keys=True)).lower())


@pytest.mark.parametrize("point", POINTS)
def test_every_step_is_done_once_though_its_worker_was_killed(pipeline, officers, workers, point):
    lead = planting.everywhere()
    neighbour = planting.everywhere(
        linkedin_url="https://www.linkedin.com/in/nora-nachbar", first_name="Nora", last_name="Nachbar",
        email_work="nora@acme.example", email_personal="nora@home.example", phone="+14155550102",
    )  # fmt: skip
    beside, before = model_to_dict(neighbour), vendors_about(pipeline.sandbox, "nora")
    assert len(before) == 3

    request = open.open_request(
        RequestIn(kind=RequestKind.ERASURE, linkedin_url=planting.URL, contact_email=planting.OWN),
        channel="email", by=officers[0],
    )  # fmt: skip
    request = verify.confirm_identity(request, method="reply", by=officers[0])
    died = workers(request, point)
    assert request.status == "awaiting_approval"
    assert died == request.steps.filter(action=Action.LOCATE).count() == 4
    approve.approve(request, plan_hash=request.plan_hash, by=officers[1])
    died += workers(request, point)

    steps = RequestStep.objects.filter(request=request)
    unlike = steps.exclude(status="done").values_list("action", "store", "status", "error_message", "instructions")
    assert list(unlike) == []
    assert died >= steps.count(), "each step was to kill a worker"
    request.refresh_from_db()
    assert request.status == "completed"
    assert not Lead.objects.filter(pk=lead.pk).exists()
    assert [found for each in IDENTIFIERS for found in vendors_about(pipeline.sandbox, each)] == []

    neighbour.refresh_from_db()
    assert model_to_dict(neighbour) == beside
    assert vendors_about(pipeline.sandbox, "nora") == before

    assert_nothing_is_double(request)


def assert_nothing_is_double(request):
    steps = request.steps.values_list("action", "store", "record")
    assert max(Counter(steps).values()) == 1
    done = AuditEvent.objects.filter(verb="complete_step", object_id=str(request.pk))
    assert max(Counter(event.counts["step"] for event in done).values()) == 1
    written = Counter(request.messages.values_list("template__slug", flat=True))
    assert written == {"acknowledgement": 1, "completion": 1}
    assert set(request.messages.values_list("status", flat=True)) == {"sent"}
    hashes = Suppression.objects.values_list("identifier_hash", flat=True)
    assert len(set(hashes)) == len(hashes) == len(IDENTIFIERS)
    assert request.after_checks.count() == 1, "only GoHighLevel can bring a contact back"
    assert certificate.issue_due() == 1
    assert certificate.issue_due() == 0
    told = json.dumps(certificate.compose(request)).lower()
    assert not any(each in told for each in IDENTIFIERS)
