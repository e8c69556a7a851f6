"""Every right of a person who stands in all four systems, from the form to the proof, on the running product."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from enrichment.models import Lead
from gdpr.kinds import RULES, RequestKind
from gdpr.models import SubjectRequest
from tests.flows.desk import VENDORS, Desk, Held, identifiers, steps_of

pytestmark = pytest.mark.flow
PERSON, NEIGHBOUR = "anna-acme", "bruno-acme"
TITLE = "Keeper of the Figures"
SENT = {"acknowledgement": "sent", "completion": "sent"}
HANDED_OUT = {"acknowledgement": "sent", "completion": "copied"}


# ---------------------------------------------------------------- how a request of a kind comes to be


def plain(desk: Desk, kind: str, lead: Lead) -> SubjectRequest:
    return desk.first.open(kind, lead)


def with_values(desk: Desk, kind: str, lead: Lead) -> SubjectRequest:
    return desk.first.open(kind, lead, values=f"title: {TITLE}")


def copy_offered(desk: Desk, kind: str, lead: Lead) -> SubjectRequest:
    """Portability is explained and refused; the copy that is offered instead is an access request."""
    asked = desk.first.open(kind, lead)
    desk.first.act(asked, "portability")
    desk.until(asked, "refused")
    assert "machine-readable" in asked.messages.get(template__slug="portability").body
    desk.first.act(asked, "offer")
    assert desk.certificate(asked)["refusal_ground"] == "not_applicable"
    return SubjectRequest.objects.get(concerns=asked, kind=RequestKind.ACCESS)


def of_an_erasure(desk: Desk, kind: str, lead: Lead) -> SubjectRequest:
    """The erasure is found and planned, and waits for its approval."""
    erasure = desk.located(RequestKind.ERASURE, lead)
    return desk.first.open(kind, lead, concerns=erasure.reference)


# ---------------------------------------------------------------- what is there afterwards


def as_before(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    assert desk.held(lead) == before


def handed_out(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    """Nothing is changed by looking; every form of the copy holds the person and nobody else."""
    as_before(desk, lead, before, request)
    files = {each.kind: desk.first.takes(each) for each in request.documents.exclude(kind="certificate")}
    assert set(files) == {"json", "csv", "html", "pdf"}
    assert all(lead.email_work in files[kind] for kind in ("json", "csv", "html"))
    assert files["pdf"].startswith("%PDF")
    assert not any(NEIGHBOUR in text or "bruno" in text.lower() for text in files.values())
    named = json.dumps(json.loads(files["json"])).lower()
    assert [word for word in ("clay", "gohighlevel", "instantly", *identifiers(lead)) if word not in named] == []
    taken = request.documents.exclude(kind="certificate").values_list("downloads", flat=True)
    assert set(taken) == {1}


def corrected(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    after = desk.held(lead)
    assert (after["mirror"]["lead"]["title"], after["mirror"]["lead"]["pinned_fields"]) == (TITLE, ["title"])
    assert all(TITLE in json.dumps(after[vendor]) for vendor in VENDORS)
    assert not any(lead.title in json.dumps(after[vendor]) for vendor in ("ghl", "instantly"))
    results = request.steps.filter(action="rectify").values_list("store", "result")
    assert {store: result["before"] for store, result in results} == {
        store: {"title": lead.title} for store in ("mirror", *VENDORS)
    }


def gone(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    assert desk.held(lead) == {"mirror": {}, "clay": {}, "ghl": {}, "instantly": {}}
    assert desk.systems_with(lead) == []
    read_back = request.steps.filter(action="verify", status="done", proof__startswith="Verified: not there")
    assert set(read_back.values_list("store", flat=True)) == {"mirror", *VENDORS}
    told = desk.certificate(request)
    assert "GoHighLevel can restore record" in told["remains"][0]
    row = {"linkedin_url": lead.linkedin_url, "source_type": "event_attendee", "source_name": "SaaStr",
           "scraped_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    again = desk.product.http.post("/api/leads", json=[row]).json()
    assert (again["accepted"], Lead.objects.count()) == ([], 1)


def _kept_only(desk: Desk, lead: Lead, before: Held, ground: str, tag: str) -> None:
    after = desk.held(lead)
    assert after["mirror"]["lead"]["restriction"] == ground
    assert after["instantly"] == {}, "Instantly cannot pause a lead: it is taken out of its campaign"
    assert (after["ghl"]["dnd"], tag in after["ghl"]["tags"]) == (True, True)
    assert after["clay"] == before["clay"]


def restricted(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    _kept_only(desk, lead, before, "restriction", "do not process")


def stopped(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    _kept_only(desk, lead, before, "objection", "do not contact")
    assert 0 <= request.seconds_to_stop < 30
    assert "Processing stopped everywhere in" in desk.first.reads(request)


def withdrawn(desk: Desk, lead: Lead, before: Held, request: SubjectRequest) -> None:
    as_before(desk, lead, before, request)
    erasure = request.concerns
    erasure.refresh_from_db()
    assert (erasure.status, erasure.records.count()) == ("withdrawn", 4)
    assert not erasure.steps.exclude(action="locate").exists()
    assert erasure.messages.filter(template__slug="withdrawn").exists()


# ---------------------------------------------------------------- the flows


@dataclass(frozen=True)
class Flow:
    """`opened` brings the request about, `after` looks at every system when it is closed."""

    kind: str
    after: Callable[[Desk, Lead, Held, SubjectRequest], None]
    opened: Callable[[Desk, str, Lead], SubjectRequest] = plain
    outcome: str = ""


FLOWS = [
    Flow(RequestKind.ACCESS, handed_out, outcome="a copy of the data"),
    Flow(RequestKind.PORTABILITY, handed_out, copy_offered, outcome="a copy of the data"),
    Flow(RequestKind.RECTIFICATION, corrected, with_values, outcome="have corrected your data"),
    Flow(RequestKind.ERASURE, gone, outcome="We have erased your data and checked that it is gone."),
    Flow(RequestKind.RESTRICTION, restricted, outcome="We have restricted your data"),
    Flow(RequestKind.OBJECTION, stopped, outcome="We stopped immediately"),
    Flow(RequestKind.WITHDRAWAL, withdrawn, of_an_erasure, outcome="we have withdrawn your earlier request"),
]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.kind)
def test_a_right_from_the_form_to_the_proof(desk: Desk, flow: Flow) -> None:
    lead, neighbour = desk.everywhere(PERSON, NEIGHBOUR)
    before, beside = desk.held(lead), desk.held(neighbour)
    assert all(before.values())
    assert all(beside.values())

    request = flow.opened(desk, flow.kind, lead)
    rules = RULES[request.kind]
    if rules.check:
        assert request.status == "verifying"
        desk.first.identify(request)
    if rules.approval:
        desk.until(request, "awaiting_approval")
        assert desk.held(lead) == before, "nothing happens before the approval"
        desk.approve(request)
    if request.kind == RequestKind.ACCESS:
        desk.until(request, "needs_action")
        answer = request.messages.get(template__slug="completion", status="draft")
        desk.first.act(request, "message-copied", id=answer.pk)
    desk.until(request, "completed")

    assert_told(request, lead, flow)
    flow.after(desk, lead, before, request)
    assert_certified(desk, request, lead)
    assert desk.held(neighbour) == beside


def assert_told(request: SubjectRequest, lead: Lead, flow: Flow) -> None:
    written = dict(request.messages.values_list("template__slug", "status"))
    assert written == (HANDED_OUT if request.kind == RequestKind.ACCESS else SENT)
    assert request.messages.count() == len(written)
    assert set(request.messages.values_list("to", flat=True)) == {lead.email_work}
    body = request.messages.get(template__slug="completion").body
    assert flow.outcome in body
    assert "complaint with a supervisory authority" in body


def assert_certified(desk: Desk, request: SubjectRequest, lead: Lead) -> None:
    told = desk.certificate(request)
    assert (told["status"], told["in_time"]) == ("completed", True)
    assert told["identified_by"] == (["reply"] if request.rules.check else [])
    assert (told["approval"] is not None) == request.rules.approval
    if request.rules.actions:
        assert sorted(record["store"] for record in told["records"]) == ["clay", "ghl", "instantly", "mirror"]
    assert {(step["status"], step["by_hand"]) for step in steps_of(told)} == {("done", False)}
    page = desk.second.reads(request, "certificate/").lower()
    text = json.dumps(told).lower() + page
    assert [word for word in identifiers(lead) if word in text] == []
