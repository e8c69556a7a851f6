"""An erasure against vendors that are down, refuse, or do not do what they say: never called done before it is."""

import datetime
from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone

from enrichment.models import Alert, Lead
from gdpr.models import AuditEvent, RequestStep, StepAttempt, SubjectRequest, Suppression
from gdpr.states import StepStatus
from swarm_admin.core import timing
from tests.flows.desk import VENDORS, Desk, Held, identifiers, steps_of
from tests.plugins.sandbox import wait_for

pytestmark = pytest.mark.flow
PERSON, NEIGHBOUR = "anna-acme", "bruno-acme"
NOTHING = {"mirror": {}, "clay": {}, "ghl": {}, "instantly": {}}
DAY = 86_400
CANNOT_DELETE = {
    "row_delete": False,
    "row_delete_status": 501,
    "ghl_delete": "off405",
    "instantly_delete": "off404",
}
CAN_DELETE = {"row_delete": True, "ghl_delete": "on", "instantly_delete": "on"}
LIES = ("delete_lies", "ghl_delete_lies", "instantly_delete_lies")


def person_and_neighbour(desk: Desk) -> tuple[Lead, Lead, Held]:
    """The person, a colleague, and what every system holds of the colleague."""
    lead, neighbour = desk.everywhere(PERSON, NEIGHBOUR)
    beside = desk.held(neighbour)
    assert all(desk.held(lead).values())
    assert all(beside.values())
    return lead, neighbour, beside


def assert_over(desk: Desk, request: SubjectRequest, lead: Lead) -> None:
    """Gone everywhere, answered once, in time, and nothing done twice that must be done once."""
    assert desk.held(lead) == NOTHING
    assert desk.systems_with(lead) == []
    assert not request.steps.exclude(status="done").exists()
    assert max(Counter(request.steps.values_list("action", "store", "record")).values()) == 1
    written = Counter(request.messages.values_list("template__slug", "status"))
    assert written == {("acknowledgement", "sent"): 1, ("completion", "sent"): 1}
    assert Suppression.objects.count() == len(identifiers(lead))
    assert request.after_checks.count() == 1, "only GoHighLevel can bring a contact back"
    assert desk.certificate(request)["in_time"] is True
    assert request.documents.filter(kind="certificate").count() == 1


# ---------------------------------------------------------------- down for three days


@pytest.mark.parametrize("clock_speed", [14_400.0])
def test_a_vendor_down_for_three_days_is_waited_for_with_the_due_date_in_view(desk: Desk) -> None:
    lead, neighbour, beside = person_and_neighbour(desk)
    received = timezone.now() - datetime.timedelta(days=27)
    request = desk.located("erasure", lead, received_at=f"{received:%Y-%m-%dT%H:%M}")
    due = request.due_on
    desk.sandbox.fault("ghl", "502")
    since = timezone.now()
    desk.approve(request)

    asked = StepAttempt.objects.filter(step__request=request, step__store="ghl", outcome="later")
    wait_for(asked.filter(started_at__gte=since + timing.span(3 * DAY)).exists)

    request.refresh_from_db()
    assert (request.status, request.due_on) == ("executing", due)
    later = request.steps.filter(error_kind="later")
    waiting = wait_for(later.filter(status=StepStatus.PLANNED).first)  # it is being tried now and then
    assert ([step.pk for step in later], waiting.store) == ([waiting.pk], "ghl")
    page = desk.second.reads(request)
    assert waiting.error_message.startswith("GoHighLevel is paused: not responding")
    assert "502" in waiting.error_message
    assert waiting.error_message in page
    assert f"Due on {due:%-d %B %Y}," in page
    assert request.reference in desk.second.client.get("/requests/", {"late": "soon"}).content.decode()
    warned = Alert.objects.filter(subject=f"request_due_soon:{request.pk}", closed_at=None)
    assert f"is due on {due:%-d %B %Y}" in wait_for(warned.first).sentence

    held = desk.held(lead)
    assert (held["clay"], held["instantly"]) == ({}, {}), "the other systems wait for none"
    assert held["ghl"]
    assert held["mirror"], "our own table leads to the contact: it goes last"
    assert not request.documents.exists()

    desk.sandbox.no_faults()
    desk.until(request, "completed")
    assert request.due_on == due
    assert_over(desk, request, lead)
    assert desk.held(neighbour) == beside


# ---------------------------------------------------------------- no call to delete


def by_hand_at(desk: Desk, step: RequestStep) -> None:
    """What the instructions ask for, done at the vendor itself."""
    assert step.record is not None
    key = step.record.key
    assert key.rpartition("/")[2] in step.instructions
    if step.store == "clay":
        table, _, row = key.rpartition("/")
        desk.sandbox.clay.delete(f"/tables/{table}/rows/{row}").raise_for_status()
    elif step.store == "ghl":
        desk.sandbox.ghl.delete(f"/contacts/{key}").raise_for_status()
    else:
        desk.sandbox.instantly.delete(f"/leads/{key}").raise_for_status()


def test_where_deleting_is_not_offered_an_officer_does_it_and_shows_that_it_is_done(desk: Desk) -> None:
    lead, neighbour, beside = person_and_neighbour(desk)
    request = desk.located("erasure", lead)
    desk.sandbox.config(**CANNOT_DELETE)
    desk.approve(request)

    by_hand = request.steps.filter(status=StepStatus.MANUAL).order_by("store")
    wait_for(lambda: by_hand.count() == 3)
    desk.until(request, "needs_action")
    assert all(desk.held(lead).values()), "nothing is called erased that is there"
    page = desk.first.reads(request)
    for step in by_hand:
        assert step.instructions in page
        desk.first.act(
            step.request,
            "step-done",
            id=step.pk,
            evidence="  ",
            refused="Proof that it was done: This field",
        )

    desk.sandbox.config(**CAN_DELETE)  # at their own screens the vendors do let a person delete
    for number, step in enumerate(by_hand):
        by_hand_at(desk, step)
        desk.first.act(request, "step-done", id=step.pk, evidence=f"Screenshot {number}: the search finds nothing.")
    desk.sandbox.config(**CANNOT_DELETE)
    desk.until(request, "completed")

    told = steps_of(desk.certificate(request))
    erased = {step["store"]: (step["by_hand"], step["proof"]) for step in told if step["action"] == "erase"}
    assert erased.pop("mirror") == (False, "Erased")
    assert erased == dict.fromkeys(VENDORS, (True, "By hand, with evidence"))
    looked = [step for step in told if step["action"] == "verify"]
    assert {(step["by_hand"], step["proof"][:19]) for step in looked} == {(False, "Verified: not there")}
    assert "By hand, with evidence" in desk.second.reads(request, "certificate/")
    assert_over(desk, request, lead)
    assert desk.held(neighbour) == beside


# ---------------------------------------------------------------- deleted, they say


def test_a_deletion_without_effect_is_seen_at_the_reading_back(desk: Desk) -> None:
    lead, neighbour, beside = person_and_neighbour(desk)
    request = desk.located("erasure", lead)
    desk.sandbox.config(**dict.fromkeys(LIES, True))
    desk.approve(request)

    there = request.steps.filter(action="verify", status=StepStatus.FAILED, error_kind="still_there")
    wait_for(lambda: there.count() == 3)
    desk.until(request, "needs_action")
    assert all(desk.held(lead).values())
    assert "Erased 3 times, but the system still shows it." in desk.first.reads(request)
    assert not request.messages.filter(template__slug="completion").exists()
    assert not request.documents.exists()
    for step in there:
        refused = "Only a manual step can be marked as done."
        desk.first.act(request, "step-done", id=step.pk, evidence="The answer was 200.", refused=refused)

    desk.sandbox.config(**dict.fromkeys(LIES, False))
    for step in there:
        desk.first.act(request, "step-retry", id=step.pk)
    desk.until(request, "completed")
    assert_over(desk, request, lead)
    assert desk.held(neighbour) == beside


# ---------------------------------------------------------------- the worker killed


def test_an_erasure_whose_worker_is_killed_again_and_again_ends_complete_and_once(desk: Desk) -> None:
    lead, neighbour, beside = person_and_neighbour(desk)
    for vendor in VENDORS:  # so slow that a call is on its way whenever the worker dies
        desk.sandbox.fault(vendor, "slow", seconds=10)
    request = desk.first.open("erasure", lead)
    desk.first.identify(request)
    killed = kill_in_mid_step(desk, request)
    desk.until(request, "awaiting_approval")
    desk.approve(request)
    for done in (5, 9):  # four of them are the searches
        killed |= kill_in_mid_step(desk, request, done)
    desk.sandbox.no_faults()
    desk.until(request, "completed")

    assert len(killed) >= 2, "at different steps"
    assert set(StepAttempt.objects.filter(ended_at=None).values_list("step", flat=True)) == killed
    done = AuditEvent.objects.filter(verb="complete_step", object_id=str(request.pk))
    assert max(Counter(event.counts["step"] for event in done).values()) == 1
    assert done.count() == request.steps.count()
    assert_over(desk, request, lead)
    assert desk.held(neighbour) == beside


def kill_in_mid_step(desk: Desk, request: SubjectRequest, done: int = 0) -> set[int]:
    """Kill the worker with -9 in a call to a vendor, once so many steps are done; returns what it had begun."""
    in_flight = request.steps.filter(status=StepStatus.IN_FLIGHT)
    finished = request.steps.filter(status=StepStatus.DONE)
    wait_for(lambda: finished.count() >= done and in_flight.filter(store__in=VENDORS).exists())
    desk.product.kill("worker")
    with transaction.atomic():  # what the worker had sent to the database by then is over once its locks are
        begun = set(in_flight.select_for_update().values_list("pk", flat=True))
    desk.product.processes["worker"] = desk.product.start_worker()
    return begun
