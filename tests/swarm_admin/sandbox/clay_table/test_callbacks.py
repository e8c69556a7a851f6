import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugins.sandbox import Receiver, Sandbox, wait_for
from tests.swarm_admin.sandbox.clay_table.conftest import Submit, cells, is_quiet, person

Run = Callable[..., list[dict[str, Any]]]
JOHN = {"linkedin_url": "https://www.linkedin.com/in/johndoe", "swarm_ref": "ref-john"}


def test_the_whole_row_comes_back_with_our_reference_and_our_header(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    (body,) = called_back(JOHN)
    headers, _ = webhook_receiver.deliveries[0]
    assert headers["X-Webhook-Secret"] == "s3cret"
    expected = {
        "swarm_ref": "ref-john",
        "linkedin_url": "https://www.linkedin.com/in/johndoe",
        "email_work": "john.doe@acme.com",
        "phone": "+14155551234",
        "company_size": 250,
        "linkedin_connections": "500",
        "icp_score": "95",
        "icp_tier": "Tier 1",
        "enrichment_status": "completed",
        "email_provider": "apollo",
        "error": "",
    }
    assert body.items() >= expected.items()
    assert "first_name" not in body, "nobody gave the table that column"
    assert set(json.loads(body["tech_stack"]) if body["tech_stack"].startswith("[") else body["tech_stack"].split(", "))
    assert float(body["cost"]) > 0
    assert "row_id" not in body


def test_a_template_is_what_the_person_wrote(called_back: Run) -> None:
    template = """{"ref": "{{swarm_ref}}", "size": {{company_size}}, "text": "{{company_size}}",
        "who": {"tier": "{{ icp_tier }}"}, "by": "{{email_provider}}", "state": "{{phone.status}}",
        "note": "{{nothing_such}}", "fixed": [1, "{{swarm_ref}}"]}"""
    (body,) = called_back(JOHN, callback={"body": template})
    assert body == {
        "ref": "ref-john",
        "size": 250,
        "text": "250",
        "who": {"tier": "Tier 1"},
        "by": "apollo",
        "state": "success",
        "fixed": [1, "ref-john"],
    }


def test_lists_come_as_texts_of_two_kinds(called_back: Run) -> None:
    bodies = called_back(*(person(n) for n in range(60)))
    stacks = [body["tech_stack"] for body in bodies if body["tech_stack"]]
    assert all(isinstance(each, str) for each in stacks)
    assert {each.startswith("[") for each in stacks} == {True, False}


def test_what_was_not_found_is_an_empty_text(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(misses={person(0)["linkedin_url"]: ["phone"]})
    (body,) = called_back(person(0))
    assert (body["phone"], body["phone_provider"]) == ("", "")


def test_a_column_nobody_set_up_never_comes_and_costs_nothing(sandbox: Sandbox, called_back: Run) -> None:
    (body,) = called_back(person(0), columns=["email_work", "title"])
    assert {"email_work", "title"} <= set(body)
    assert not {"phone", "company_size", "tech_stack"} & set(body)
    assert set(sandbox.stats()["clay"]["providers"]) <= {"apollo", "hunter", "clearbit", "pdl", "snovio"}


def test_a_row_without_a_person_is_never_called_back(sandbox: Sandbox, called_back: Run) -> None:
    assert called_back({"swarm_ref": "ref-0"}) == []
    assert sandbox.stats()["clay_table"]["rows_without_inputs"] == 1


def test_a_callback_is_tried_again_and_then_given_up(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    webhook_receiver.statuses = [500, 503]
    called_back(person(0))
    assert len(webhook_receiver.deliveries) == 3
    assert cells(sandbox)["http_api"]["status"] == "success"
    webhook_receiver.statuses = [500, 500, 404]
    called_back(person(1))
    assert cells(sandbox, 1)["http_api"] == {"value": None, "status": "error", "error": "Status 404"}
    figures = sandbox.stats()["clay_table"]
    assert (figures["callbacks"], figures["rows_called_back"]) == (2, 1)
    used = sandbox.control("GET", "credits")["workspace"]["actions"]["used"]
    providers = sandbox.stats()["clay"]["providers"].values()
    asked = sum(each["calls"] + each["over_limit"] for each in providers)
    assert used == asked + 2 + 2, "an action for each provider, profile and callback, none for a second attempt"


def test_what_was_charged_for_rows_that_came_back_is_told(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    sandbox.fault("clay_table", "drop_webhook", linkedin_url=person(0)["linkedin_url"])
    sandbox.fault("clay_table", "double_webhook", linkedin_url=person(1)["linkedin_url"])
    bodies = called_back(*(person(number) for number in range(3)))
    once = {body["swarm_ref"]: float(body["cost"]) for body in bodies}
    assert len(bodies) == 3
    assert set(once) == {"ref-1", "ref-2"}
    figures = sandbox.stats()["clay_table"]
    assert figures["cost_called_back"] == pytest.approx(sum(once.values()))
    assert figures["rows_called_back_twice"] == 1


def test_nobody_answers(sandbox: Sandbox, called_back: Run) -> None:
    called_back(person(0), callback={"url": "http://127.0.0.1:1/hook"})
    assert cells(sandbox)["http_api"]["error"] == "No answer"


def test_a_person_presses_run(sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run) -> None:
    called_back(person(0), person(1))
    row = sandbox.state("clay_table")["tables"]["t_leads"]["rows"][0]["id"]
    assert sandbox.control("POST", "tables/t_leads/run", column="callback", rows=[row]) == {"rows": 1}
    wait_for(lambda: len(webhook_receiver.deliveries) == 3)
    assert webhook_receiver.deliveries[2][1]["swarm_ref"] == "ref-0"
    assert sandbox.control("POST", "tables/t_leads/run", column="enrichment") == {"rows": 2}
    wait_for(lambda: len(webhook_receiver.deliveries) == 5)
    figures = wait_for(lambda: is_quiet(sandbox) and sandbox.stats()["clay_table"])
    assert (figures["rows_called_back_twice"], figures["enriched"]) == (2, 4)


def test_without_auto_update_nothing_runs_until_a_person_presses_run(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    assert called_back(person(0), auto_update=False) == []
    sandbox.control("POST", "tables/t_leads/run", column="enrichment")
    wait_for(lambda: len(webhook_receiver.deliveries) == 1)


def test_the_average_rate_of_the_column(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(speed=100.0, enrich_seconds=[0, 0])
    began = time.monotonic()
    called_back(*(person(n) for n in range(5)), callback={"rate_limit": 1, "rate_seconds": 10})
    assert time.monotonic() - began > 0.4


def test_a_row_deleted_by_hand_is_not_called_back(sandbox: Sandbox, submit: Submit, called_back: Run) -> None:
    called_back()
    sandbox.config(speed=1.0, enrich_seconds=[1.5, 1.5])
    submit(person(0))
    row = sandbox.state("clay_table")["tables"]["t_leads"]["rows"][0]["id"]
    sandbox.control("DELETE", f"tables/t_leads/rows/{row}")
    sandbox.config(speed=1000.0)
    assert called_back(person(1))[0]["swarm_ref"] == "ref-1"
    assert sandbox.stats()["clay_table"]["rows"] == 1


def test_a_cell_corrected_by_hand_is_what_comes_next(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    called_back(person(0))
    row = sandbox.state("clay_table")["tables"]["t_leads"]["rows"][0]["id"]
    sandbox.control("PATCH", f"tables/t_leads/rows/{row}", title="Chief of Tests")
    sandbox.control("POST", "tables/t_leads/run", column="callback")
    wait_for(lambda: len(webhook_receiver.deliveries) == 2)
    assert webhook_receiver.deliveries[1][1]["title"] == "Chief of Tests"


# ------------------------------------------------------------ credits


def test_without_data_credits_cells_are_in_error_and_say_so(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(clay_data_credits=0)
    (body,) = called_back(person(0))
    assert (body["email_work"], body["error"]) == ("", "Insufficient credits")
    assert body["title"], "the profile costs none"
    assert sandbox.control("GET", "credits")["workspace"]["data_credits"]["used"] == 0


def test_without_actions_nothing_runs_and_nobody_is_told(
    sandbox: Sandbox, webhook_receiver: Receiver, called_back: Run
) -> None:
    sandbox.config(clay_actions=0)
    assert called_back(person(0)) == []
    assert {cells(sandbox)[name]["status"] for name in ("email_work", "http_api")} == {"queued"}
    assert sandbox.stats()["clay_table"]["rows_queued"] == 1
    sandbox.config(clay_actions=100)
    sandbox.control("POST", "tables/t_leads/run", column="enrichment")
    wait_for(lambda: webhook_receiver.deliveries)


def test_the_costs_of_the_callbacks_are_what_was_charged(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(credits_per_miss={"apollo": 1, "cognism": 2})
    bodies = called_back(*(person(n) for n in range(40)))
    figures = sandbox.stats()
    assert sum(int(body["credits"]) for body in bodies) == figures["credits"]["workspace"]["data_credits"]["used"]
    spent = sum(float(each["cost"]) for each in figures["clay"]["providers"].values())
    assert sum(float(body["cost"]) for body in bodies) == pytest.approx(spent)


def test_each_workspace_has_its_own_meters(sandbox: Sandbox, submit: Submit, called_back: Run) -> None:
    sandbox.control("PUT", "sources/leads", workspace="other")
    called_back(person(0))
    meters = sandbox.control("GET", "credits")
    assert meters["other"]["actions"]["used"] > 0 == meters["workspace"]["actions"]["used"]


# ------------------------------------------------------------ faults


@pytest.mark.parametrize(("kind", "arrive"), [("drop_webhook", 1), ("double_webhook", 3), ("late_webhook", 2)])
def test_callbacks_are_lost_doubled_or_late(sandbox: Sandbox, called_back: Run, kind: str, arrive: int) -> None:
    sandbox.fault("clay_table", kind, times=1, linkedin_url=person(0)["linkedin_url"], seconds=200)
    bodies = called_back(person(0), person(1))
    refs = [body["swarm_ref"] for body in bodies]
    assert len(refs) == arrive
    assert refs.count("ref-0") == arrive - 1
    if kind == "late_webhook":
        assert refs == ["ref-1", "ref-0"]


def test_a_lost_callback_is_a_column_that_waits(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay_table", "drop_webhook", times=1)
    assert called_back(person(0)) == []
    assert cells(sandbox)["http_api"]["status"] == "queued"
    assert sandbox.stats()["clay_table"]["callbacks"] == 0


def test_a_storm_of_lost_and_doubled_callbacks_is_counted(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(limits=False)
    sandbox.fault("clay_table", "drop_webhook", probability=0.1)
    sandbox.fault("clay_table", "double_webhook", probability=0.1)
    refs = [body["swarm_ref"] for body in called_back(*(person(n) for n in range(150)))]
    figures = sandbox.stats()["clay_table"]
    lost, doubled = figures["deliveries"]["dropped"], figures["deliveries"]["doubled"]
    assert lost > 0 < doubled
    assert (len(refs), len(set(refs))) == (150 - lost + doubled, 150 - lost)
    assert (figures["rows_called_back"], figures["rows_called_back_twice"]) == (150 - lost, doubled)
    assert (figures["duplicates_by_linkedin_url"], figures["refs_twice"], figures["429"]) == (0, 0, 0)


def test_callbacks_arrive_out_of_order(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(speed=1.0, enrich_seconds=[0.0, 0.0])
    sandbox.fault("clay_table", "out_of_order_webhook", times=1)
    assert [body["swarm_ref"] for body in called_back(person(0), person(1))] == ["ref-1", "ref-0"]


def test_a_cell_in_error_has_a_text(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay_table", "cell_error", column="company_size", text="Clearbit: 500", times=1)
    template = {"size": "{{company_size}}", "state": "{{company_size.status}}", "why": "{{company_size.error}}"}
    body, other = called_back(person(0), person(1), callback={"body": {**template, "error": "{{error}}"}})
    assert body == {"size": "", "state": "error", "why": "Clearbit: 500", "error": "Clearbit: 500"}
    assert (other["state"], other["error"]) == ("success", "")


def test_the_score_does_not_know_a_cell_in_error(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay_table", "cell_error", column="company_size")
    (body,) = called_back(JOHN)
    assert body["icp_score"] == "65"


def test_a_providers_error_stays_in_its_columns(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay", "provider_timeout", provider="apollo", times=1)
    (body,) = called_back(person(0))
    assert (body["email_work"], body["error"]) == ("", "The provider apollo did not answer in time")
    assert body["company_industry"]


@pytest.mark.parametrize("column", ["phone", None])
def test_columns_that_did_not_run_are_missing(sandbox: Sandbox, called_back: Run, column: str | None) -> None:
    sandbox.fault("clay_table", "column_not_run", times=1, **({"column": column} if column else {}))
    body, other = sorted(called_back(person(0), person(1)), key=len)
    assert "phone" in other
    assert "phone" not in body
    assert ("title" in body) is bool(column)


def test_a_callback_without_our_reference(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay_table", "no_swarm_ref", times=1)
    (body,) = called_back(person(0))
    assert "swarm_ref" not in body
    assert body["linkedin_url"] == person(0)["linkedin_url"]


def test_values_nobody_can_read(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.fault("clay_table", "garbage_values", linkedin_url=JOHN["linkedin_url"])
    (body,) = called_back(JOHN)
    assert body["swarm_ref"] == "ref-john"
    assert "@" not in body["email_work"]
    assert body["company_size"] != 250


def test_a_column_that_needs_another_does_not_call(sandbox: Sandbox, called_back: Run) -> None:
    sandbox.config(misses={person(0)["linkedin_url"]: ["phone"]})
    assert called_back(person(0), callback={"requires": ["phone"]}) == []
    assert sandbox.stats()["clay_table"]["callbacks_not_run"] == 1
