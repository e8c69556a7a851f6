"""Leads through a routine of Clay's public API: what it costs is paid once, and nothing is made again unseen."""

import datetime
import hashlib
import hmac
import html
import json

import pytest
from django.utils import timezone

from enrichment.leads.actions import retry_leads
from enrichment.models import (
    Alert,
    Attempt,
    Batch,
    ClayRun,
    Connection,
    FieldFact,
    Handover,
    Lead,
    ServiceHold,
    WebhookDelivery,
)
from enrichment.models.work import BatchKind
from enrichment.pipeline import overdue_policy, runs
from enrichment.pipeline.crash_recovery import recover_lost_calls
from enrichment.pipeline.dispatch import plan, submit
from enrichment.pipeline.receive import reading
from enrichment.states import BatchStatus, RunStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors.clay.routine import Routine
from swarm_admin.core import work
from tests.plugins.routine import SIGNING_SECRET

DAY = datetime.timedelta(days=2)


class Killed(BaseException):
    """The process ends here."""


def status_of(lead):
    lead.refresh_from_db()
    return lead.enrichment_status


def waits_for_person(kind):
    return lambda: Lead.objects.filter(needs_person=True, error_kind=kind).exists()


def started(routine, *, run_id=True):
    """Until the run is there, before anything of it is read."""
    plan.plan_batches(BatchKind.SUBMIT)
    submit.run_due()
    run = ClayRun.objects.get()
    assert bool(run.run_id) is run_id
    return run


# ---------------------------------------------------------------- the happy way


@pytest.mark.parametrize(("pointers", "page"), [(True, 100), (False, 7)])
def test_thirty_leads_reach_both_crms_and_none_is_charged_twice(routine, settings, monkeypatch, pointers, page):
    monkeypatch.setattr("enrichment.vendors.clay.routine.PAGE", page)
    if not pointers:
        settings.CLAY_ROUTINE_WEBHOOK_ID = ""
    leads = [routine.lead(f"person-{number}") for number in range(30)]
    routine.settle()
    statuses = {status_of(lead) for lead in leads}
    assert statuses <= {"completed", "partial"}
    assert routine.in_crms()[0] == 30
    assert set(Handover.objects.values_list("system", "status").distinct()) == {("ghl", "done"), ("instantly", "done")}
    figures = routine.figures()
    assert (figures["runs"], figures["items_charged"], routine.charged_twice()) == (1, 30, 0)
    assert set(Attempt.objects.values_list("status", flat=True)) == {"succeeded"}
    assert sum(attempt.cost for attempt in Attempt.objects.all()) > 0
    assert ClayRun.objects.get().status == RunStatus.DONE
    told = WebhookDelivery.objects.filter(channel="run")
    if pointers:
        routine.until(told.exists)  # polling may have been quicker
    assert told.count() == (1 if pointers else 0)


def test_a_result_without_a_time_is_of_the_run_s_end_however_often_it_is_read(routine):
    names = ("email_work", "email_provider", "cost")
    Connection.objects.update_or_create(system="clay", defaults={"routine_outputs": {name: name for name in names}})
    routine.lead("person")
    routine.settle()
    (used, *_) = Attempt.objects.get().providers
    assert used["timestamp"] == ClayRun.objects.get().finished_at.isoformat()


def test_more_than_a_hundred_go_as_a_file(routine):
    for number in range(120):
        routine.lead(f"person-{number}")
    routine.settle()
    run = ClayRun.objects.get()
    assert (run.is_file, run.items, run.status) == (True, 120, RunStatus.DONE)
    figures = routine.figures()
    assert (figures["items_charged"], figures["keys_shown_to_storage"], routine.charged_twice()) == (120, 0, 0)
    assert not Attempt.objects.exclude(status="succeeded").exists()


def test_a_file_that_clay_refuses_names_its_leads_and_the_others_go_again(routine, settings):
    settings.CLAY_ROUTINE_ID = "function:t_picky"
    inputs = {"name": {"column": "full_name", "required": True}, "company_name": {"column": "company_name"}}
    routine.sandbox.control(
        "PUT", "routines/function:t_picky", inputs={**inputs, "title": {"column": "title", "required": True}}
    )
    from_us = {"name": "full_name", "company_name": "company_name", "title": "title", "linkedin_url": "linkedin_url"}
    routine.map_inputs(from_us)
    for number in range(110):
        routine.lead(f"person-{number}", title="" if number == 7 else "VP")
    routine.until(lambda: Lead.objects.filter(needs_person=True).exists())
    routine.settle()
    refused = Lead.objects.get(needs_person=True)
    assert refused.linkedin_url.endswith("person-7")
    assert "title: Required" in refused.error_message
    assert (routine.figures()["items_charged"], routine.charged_twice()) == (109, 0)


# ---------------------------------------------------------------- lost answers and lost workers


def test_a_lost_answer_is_unknown_until_the_webhook_tells_the_run(routine):
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    leads = [routine.lead(f"person-{number}") for number in range(3)]
    run = started(routine, run_id=False)
    assert run.status == RunStatus.UNKNOWN
    runs.mark_overdue()
    for lead in leads:
        assert status_of(lead) == "in_progress"
        assert (lead.error_kind, lead.needs_person) == (overdue_policy.UNKNOWN_RUN, True)
    routine.settle()
    assert {status_of(lead) for lead in leads} <= {"completed", "partial"}
    assert not Lead.objects.filter(needs_person=True).exists()
    assert (routine.figures()["runs"], routine.charged_twice()) == (1, 0)
    assert ClayRun.objects.get().status == RunStatus.DONE
    assert not Attempt.objects.exclude(status="succeeded").exists()


@pytest.mark.parametrize("policy", ["resubmit", "give_up"])
def test_no_policy_repeats_or_ends_a_run_whose_answer_was_lost(routine, settings, policy):
    settings.CLAY_OVERDUE_POLICY, settings.CLAY_ROUTINE_WEBHOOK_ID = policy, ""
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    lead = routine.lead("person")
    routine.until(waits_for_person(overdue_policy.UNKNOWN_RUN))
    for _ in range(5):
        routine.step()
    assert (routine.figures()["runs"], Attempt.objects.get().status) == (1, "running")
    assert status_of(lead) == "in_progress"


def test_the_lead_s_page_says_what_happened_and_what_a_repeat_may_cost(routine, settings, admin_client):
    settings.CLAY_ROUTINE_WEBHOOK_ID = ""
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    lead = routine.lead("person")
    routine.until(waits_for_person(overdue_policy.UNKNOWN_RUN))
    page = html.unescape(admin_client.get(f"/leads/{lead.pk}/").content.decode())
    assert "The answer to the run was lost. It may be running, and charged." in page
    reserved = Attempt.objects.get().reserved
    assert reserved > 0
    assert f'Submitting the lead again costs up to <span class="num">${reserved:,.2f}</span>' in page
    assert "The run before may be under way: then Clay charges both." in page
    failures = html.unescape(admin_client.get("/failures/").content.decode())
    assert "Outcome of the run unknown" in failures or "outcome of the run unknown" in failures


def test_a_person_may_repeat_it_and_both_runs_are_in_the_books(routine):
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    routine.sandbox.fault("clay_routine", "late_webhook", seconds=2_000)
    lead = routine.lead("person")
    routine.until(waits_for_person(overdue_policy.UNKNOWN_RUN))
    lead.refresh_from_db()
    retry_leads([lead], by=None)
    routine.until(lambda: Attempt.objects.filter(status="succeeded").exists())
    assert routine.figures()["runs"] == 2
    routine.until(lambda: WebhookDelivery.objects.filter(channel="run").count() == 2)
    routine.settle()
    assert status_of(lead) in ("completed", "partial")
    first, second = Attempt.objects.order_by("pk")
    assert (first.status, second.status) == ("abandoned", "succeeded")
    assert first.cost > 0
    lead.refresh_from_db()
    assert lead.enrichment_cost == first.cost + second.cost
    assert not lead.needs_person
    assert routine.in_crms()[0] == 1
    assert Handover.objects.filter(system="ghl").count() == 1


def test_a_file_whose_answer_was_lost_is_found_by_its_webhook(routine):
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="batches.start", times=1)
    for number in range(101):
        routine.lead(f"person-{number}")
    routine.settle()
    assert (ClayRun.objects.get().is_file, routine.figures()["items_charged"]) == (True, 101)
    assert not Attempt.objects.exclude(status="succeeded").exists()


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_worker_that_was_killed_after_its_intent_leaves_an_unknown_run(routine, monkeypatch, is_sent):
    lead = routine.lead("person")
    real = Routine.run_routine

    def killed(*given):
        if is_sent:
            real(*given)
        raise Killed

    monkeypatch.setattr(Routine, "run_routine", killed)
    plan.plan_batches(BatchKind.SUBMIT)
    with pytest.raises(Killed):
        submit.run_due()
    monkeypatch.undo()
    Batch.objects.update(in_flight_since=timezone.now() - DAY)
    recover_lost_calls()
    Batch.objects.filter(status=BatchStatus.UNKNOWN).update(not_before=timezone.now())
    routine.until(lambda: ClayRun.objects.exists())
    if is_sent:
        routine.settle()
        assert status_of(lead) in ("completed", "partial")
    else:
        routine.until(waits_for_person(overdue_policy.UNKNOWN_RUN))
    assert routine.figures()["runs"] == (1 if is_sent else 0)


# ---------------------------------------------------------------- the webhook


def pointer(run_id, **more):
    return json.dumps(
        {"webhookId": "hook_1", "createdAt": "2026-12-01T09:00:00Z", "data": {"routine_run_id": run_id}, **more}
    ).encode()


def sign(body, secret=SIGNING_SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verdicts():
    return list(WebhookDelivery.objects.order_by("pk").values_list("verdict", flat=True))


def test_a_doubled_pointer_changes_nothing_twice(routine):
    routine.sandbox.fault("clay_routine", "double_webhook")
    lead = routine.lead("person")
    routine.settle()
    routine.until(lambda: WebhookDelivery.objects.filter(status="processed").count() == 2)
    cost = Attempt.objects.get().cost
    body = pointer(ClayRun.objects.get().run_id)
    assert routine.hand_in(body, sign(body)) == 200
    routine.until(lambda: "duplicate" in verdicts())
    routine.settle()
    assert (Attempt.objects.get().cost, Handover.objects.filter(system="ghl").count()) == (cost, 1)
    lead.refresh_from_db()
    assert lead.enrichment_cost == cost


def test_a_lost_pointer_is_not_needed(routine):
    routine.sandbox.fault("clay_routine", "drop_webhook")
    lead = routine.lead("person")
    routine.settle()
    assert status_of(lead) in ("completed", "partial")
    assert not WebhookDelivery.objects.exists()


def test_a_test_event_says_so(routine):
    routine.sandbox.control("POST", "webhooks/hook_1/test")
    routine.until(lambda: verdicts() == ["test"])


@pytest.mark.parametrize(
    ("body", "verdict"),
    [(b"no json", "malformed"), (b'{"data": []}', "malformed"), (b'{"data": {"x": 1}}', "malformed"),
     (pointer("run_of_others"), "unknown_row")],
)  # fmt: skip
def test_what_is_no_pointer_of_ours_changes_nothing(routine, body, verdict):
    assert routine.hand_in(body, sign(body)) == 200
    routine.until(lambda: verdicts() == [verdict])
    assert not ClayRun.objects.exists()


def test_a_run_of_others_is_looked_at_while_one_of_ours_is_missing_and_forgotten(routine, settings):
    settings.CLAY_ROUTINE_WEBHOOK_ID = ""
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    routine.lead("person")
    lost = started(routine, run_id=False)
    body = pointer("run_of_others")
    routine.hand_in(body, sign(body))
    routine.until(lambda: verdicts() == ["accepted"])
    routine.until(lambda: ClayRun.objects.count() == 1)
    assert ClayRun.objects.get().pk == lost.pk


@pytest.mark.parametrize(
    "signature", ["", "sha256=", sign(b"else"), "sha1=" + sign(b"x")[7:], sign(pointer("r"), "wrong")]
)
def test_an_unsigned_pointer_is_not_kept(routine, signature):
    assert routine.hand_in(pointer("r"), signature) == 401
    assert not WebhookDelivery.objects.exists()


def test_a_run_of_others_is_told_while_calls_of_ours_are_under_way_for_ever(routine, settings):
    Batch.objects.create(kind="submit", status=BatchStatus.IN_FLIGHT, in_flight_since=timezone.now())
    body = pointer("run_of_others")
    routine.hand_in(body, sign(body))
    reading.run_due()
    assert verdicts() == [""]
    long_ago = timezone.now() - datetime.timedelta(seconds=4 * settings.LEASE_SECONDS)
    WebhookDelivery.objects.update(received_at=long_ago, not_before=long_ago)
    reading.run_due()
    assert verdicts() == ["unknown_row"]


def test_the_secret_before_is_good_while_both_are_live_and_an_empty_one_never(routine, settings):
    settings.CLAY_SIGNING_SECRET, settings.CLAY_SIGNING_SECRET_PREVIOUS = "new", SIGNING_SECRET
    assert routine.hand_in(pointer("r"), sign(pointer("r"))) == 200
    settings.CLAY_SIGNING_SECRET = settings.CLAY_SIGNING_SECRET_PREVIOUS = ""
    assert routine.hand_in(pointer("r"), sign(pointer("r"), "")) == 401


# ---------------------------------------------------------------- what Clay refuses


def test_used_up_credits_hold_clay_and_go_on_when_there_are_some(routine):
    routine.sandbox.config(clay_actions=0)
    lead = routine.lead("person")
    routine.until(lambda: ServiceHold.objects.filter(system="clay", reason="credits", lifted_at=None).exists())
    assert Alert.objects.filter(kind="credits").exists()
    assert (status_of(lead), routine.figures()["runs"]) == ("pending", 0)
    routine.sandbox.config(clay_actions=1_000)
    pauses.end_pause(ServiceHold.objects.get(lifted_at=None), by=None, reason="bought")
    routine.settle()
    assert status_of(lead) in ("completed", "partial")
    assert routine.charged_twice() == 0


@pytest.mark.parametrize(("kind", "reason"), [("401", "refresh_key"), ("404", "check_address")])
def test_a_wrong_key_or_routine_is_said_where_it_belongs(routine, kind, reason):
    routine.sandbox.fault("clay_routine", kind, call="runs.start")
    lead = routine.lead("person")
    routine.until(lambda: ServiceHold.objects.filter(reason=reason, lifted_at=None).exists())
    assert status_of(lead) == "pending"


def test_a_429_is_obeyed(routine):
    routine.sandbox.fault("clay_routine", "429", call="runs.start", times=1, seconds=100)
    lead = routine.lead("person")
    routine.settle()
    assert status_of(lead) in ("completed", "partial")
    assert (routine.figures()["runs"], routine.charged_twice()) == (1, 0)


def test_a_lead_that_clay_refuses_waits_and_the_others_go(routine):
    routine.map_inputs({"full_name": "full_name", "company_name": "company_name"})
    leads = [routine.lead(f"person-{number}", company_name="" if number == 3 else "Acme Inc") for number in range(5)]
    routine.until(lambda: Lead.objects.filter(needs_person=True).exists())
    routine.settle()
    refused = Lead.objects.get(needs_person=True)
    assert (refused.pk, refused.error_kind) == (leads[3].pk, "set_aside")
    assert routine.figures()["items_charged"] == 4


def test_a_lead_without_what_the_routine_needs_is_not_sent(routine):
    lead = routine.lead("person", company_name="")
    routine.until(lambda: Lead.objects.filter(needs_person=True).exists())
    lead.refresh_from_db()
    assert lead.error_message == "The routine needs what this lead lacks: Company."
    assert routine.figures()["runs"] == 0


# ---------------------------------------------------------------- what came of it


def test_an_item_that_failed_says_why(routine):
    bad, good = routine.lead("bad"), routine.lead("good")
    routine.sandbox.fault("clay_routine", "item_failed", linkedin_url=bad.linkedin_url, text="The waterfall crashed")
    routine.settle()
    assert (status_of(bad), bad.error_message, bad.needs_person) == ("failed", "The waterfall crashed", True)
    assert status_of(good) in ("completed", "partial")


def test_an_unknown_word_for_an_item_is_no_success(routine):
    lead = routine.lead("odd")
    routine.sandbox.fault("clay_routine", "item_status", linkedin_url=lead.linkedin_url, text="skipped")
    routine.settle()
    assert (status_of(lead), lead.email_work) == ("failed", "")
    assert lead.error_message == "Clay ended this item as skipped, which is no success"
    assert (Attempt.objects.get().status, Attempt.objects.get().cost > 0) == ("failed", True)


def test_an_unknown_word_for_a_run_fails_its_leads_with_the_word(routine):
    routine.sandbox.fault("clay_routine", "run_status", text="cancelled", times=1)
    lead = routine.lead("person")
    routine.settle()
    assert (status_of(lead), lead.error_message) == ("failed", "Clay ended the run as cancelled")
    assert ClayRun.objects.get().status == RunStatus.FAILED
    assert lead.needs_person


def test_a_run_that_is_gone_leaves_its_leads_to_a_person(routine, settings):
    settings.CLAY_ROUTINE_WEBHOOK_ID = ""
    lead = routine.lead("person")
    run = started(routine)
    routine.sandbox.fault("clay_routine", "404", call="runs.results")
    runs.run_due()
    run.refresh_from_db()
    assert run.status == RunStatus.PLANNED  # it is young: asked for again
    ClayRun.objects.update(started_at=timezone.now() - DAY)
    routine.until(waits_for_person(overdue_policy.RUN_LOST))
    run.refresh_from_db()
    assert (run.status, status_of(lead)) == (RunStatus.FAILED, "in_progress")
    assert Attempt.objects.get().overdue_at is not None


def test_a_run_that_was_given_up_is_read_when_its_pointer_comes_after_all(routine):
    lead = routine.lead("person")
    run = started(routine)
    ClayRun.objects.update(status=RunStatus.FAILED, started_at=timezone.now() - DAY)
    runs.mark_overdue()
    routine.settle()
    run.refresh_from_db()
    assert (run.status, status_of(lead) in ("completed", "partial")) == (RunStatus.DONE, True)
    assert not lead.needs_person


def test_one_that_is_no_longer_kept_is_not_asked_for_for_ever(routine):
    routine.lead("person")
    run = started(routine)
    ClayRun.objects.update(started_at=timezone.now() - DAY)
    routine.sandbox.fault("clay_routine", "502", call="runs.results")
    routine.until(waits_for_person(overdue_policy.RUN_LOST))
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED


# ---------------------------------------------------------------- people who are gone or only kept


def test_the_result_of_a_deleted_lead_is_kept_nowhere(routine):
    gone, stays = routine.lead("gone"), routine.lead("stays")
    started(routine)
    with_name = gone.linkedin_url
    gone.delete()
    routine.settle()
    assert status_of(stays) in ("completed", "partial")
    assert not Lead.objects.filter(linkedin_url=with_name).exists()
    assert routine.in_crms()[0] == 1
    assert FieldFact.objects.exclude(lead=stays).count() == 0
    assert Attempt.objects.get(lead=None).reference == ""


def test_the_result_of_a_restricted_lead_waits_for_its_release(routine):
    lead = routine.lead("kept")
    started(routine)
    Lead.objects.filter(pk=lead.pk).update(restriction="request")
    for _ in range(20):
        routine.step()
    assert (status_of(lead), lead.email_work) == ("in_progress", "")
    Lead.objects.filter(pk=lead.pk).update(restriction="")
    ClayRun.objects.update(not_before=timezone.now())
    routine.settle()
    assert status_of(lead) in ("completed", "partial")


def test_one_poisonous_result_does_not_stop_the_others(routine, monkeypatch):
    bad, good = routine.lead("bad"), routine.lead("good")
    real = runs.run_results.applying.apply_all

    def poisoned(updates):
        if any(update.lead_id == bad.pk for update in updates):
            raise RuntimeError("poison")
        return real(updates)

    monkeypatch.setattr("enrichment.pipeline.run_results.applying.apply_all", poisoned)
    routine.settle()
    assert status_of(good) in ("completed", "partial")
    assert (status_of(bad), bad.error_kind, bad.needs_person) == ("failed", "internal_error", True)


def test_a_run_that_kills_its_reader_again_and_again_is_set_aside(routine, settings):
    settings.CLAY_ROUTINE_WEBHOOK_ID = ""
    lead = routine.lead("person")
    run = started(routine)
    ClayRun.objects.update(
        status=RunStatus.IN_FLIGHT, in_flight_since=timezone.now() - DAY, lapses=work.LAPSES_MOST - 1
    )
    routine.until(waits_for_person("worker_lost"))
    run.refresh_from_db()
    assert (run.status, status_of(lead), Attempt.objects.get().status) == (RunStatus.FAILED, "failed", "failed")


def test_a_killed_reader_leaves_the_run_to_the_next(routine):
    lead = routine.lead("person")
    run = started(routine)
    ClayRun.objects.update(status=RunStatus.IN_FLIGHT, in_flight_since=timezone.now() - DAY)
    routine.settle()
    run.refresh_from_db()
    assert (run.status, run.lapses, status_of(lead) in ("completed", "partial")) == (RunStatus.DONE, 1, True)
