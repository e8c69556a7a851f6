"""Callbacks of a Clay table, each of its own kind: doubled, late, of nobody, spoilt, of somebody erased meanwhile."""

from decimal import Decimal

import pytest

from enrichment.leads.actions import retry_leads
from enrichment.models import Attempt, FieldConflict, Handover, Lead, WebhookDelivery
from enrichment.stores import restriction
from gdpr.identity import Identity
from gdpr.stores import Ground
from gdpr.suppression import gate
from tests.flows.table_way import TableWay
from tests.plugins.clay_table import TABLE

JOHN = "https://www.linkedin.com/in/johndoe"


@pytest.fixture
def way(table: TableWay) -> TableWay:
    """A table with a source."""
    table.source()
    return table


def came_back(way: TableWay, count: int) -> None:
    """So many callbacks are read."""
    way.until(lambda: WebhookDelivery.objects.filter(status="processed").count() >= count)


def test_a_doubled_callback_changes_delivers_and_costs_nothing_twice(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "double_webhook")
    for number in range(5):
        way.lead(f"double-{number}")
    came_back(way, 10)
    way.settle()
    assert sorted(way.verdicts()) == ["accepted"] * 5 + ["duplicate"] * 5
    assert way.figures()["rows_called_back_twice"] == 5
    way.assert_delivered_once()


def test_a_person_who_presses_run_again_delivers_nothing_twice(way: TableWay) -> None:
    way.lead("pressed")
    way.settle()
    before = list(Handover.objects.values_list("pk", "status"))
    (row,) = way.rows()
    way.press_run("callback", row["id"])
    came_back(way, 2)
    way.press_run("enrichment", row["id"])
    came_back(way, 3)
    way.settle()
    # What the same run brings anew is taken, for it may be better; here it is the same but for its time.
    assert way.verdicts() == ["accepted", "duplicate", "accepted"]
    assert list(Handover.objects.values_list("pk", "status")) == before
    assert Attempt.objects.get().status == "succeeded"


def test_a_late_callback_of_an_earlier_run_is_older_data_and_its_cost_counts(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "drop_webhook", times=1)
    lead = way.lead("twice-run")
    way.stages_until(lambda: way.figures()["deliveries"].get("dropped") == 1)
    way.time_is_over()
    retry_leads([Lead.objects.get(pk=lead.pk)], by=None)
    way.settle()
    lead.refresh_from_db()
    before = (lead.email_work, lead.enriched_at, lead.icp_score)
    handed = Handover.objects.count()
    first = way.rows()[0]
    way.sandbox.control("PATCH", f"tables/{TABLE}/rows/{first['id']}", email_work="older@before.example")
    way.press_run("callback", first["id"])
    came_back(way, 2)
    way.settle()
    lead.refresh_from_db()
    assert (lead.email_work, lead.enriched_at, lead.icp_score) == before
    assert Handover.objects.count() == handed
    assert way.verdicts()[1] == "stale"
    assert [attempt.cost > 0 for attempt in Attempt.objects.order_by("id")] == [True, True]
    way.assert_delivered_once()


def test_two_rows_of_one_lead_deliver_once(way: TableWay) -> None:
    """Both runs were paid, and both come back, in either order."""
    way.sandbox.fault("clay_table", "late_webhook", times=1, seconds=100_000.0)
    lead = way.lead("two-rows")
    way.stages_until(lambda: way.figures()["callbacks"] == 1)
    way.time_is_over()
    retry_leads([Lead.objects.get(pk=lead.pk)], by=None)
    way.settle()
    way.press_run("callback", way.rows()[0]["id"])  # in place of the one that is late for a hundred seconds more
    came_back(way, 2)
    way.settle()
    assert way.figures()["duplicates_by_linkedin_url"] == 1
    assert set(Handover.objects.values_list("system", "status")) <= {("ghl", "done"), ("instantly", "done")}
    way.assert_delivered_once()


def test_a_callback_without_our_reference_is_found_by_its_profile(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "no_swarm_ref")
    lead = way.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    way.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.email) == ("completed", "john.doe@acme.com")
    assert way.verdicts() == ["accepted"]
    assert Attempt.objects.get().status == "succeeded"
    way.assert_delivered_once()


def test_a_reference_of_nobody_changes_nothing_and_stays_to_be_seen(way: TableWay) -> None:
    nobody = "https://www.linkedin.com/in/nobody"
    assert way.post({"swarm_ref": "guessed", "linkedin_url": nobody, "email_work": "a@b.example"}) == 200
    assert way.post({"swarm_ref": "guessed"}) == 200
    assert way.post(b'{"swarm_ref": ') == 200
    assert way.post({"email_work": "a@b.example"}) == 200
    came_back(way, 4)
    assert way.verdicts() == ["unknown_row", "unknown_row", "malformed", "malformed"]
    assert not Lead.objects.exists()
    assert not Handover.objects.exists()


def test_a_reference_with_another_person_s_profile_is_not_applied(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "drop_webhook")
    lead, other = way.lead("one"), way.lead("other")
    way.stages_until(lambda: way.figures()["deliveries"].get("dropped") == 2)
    reference = Attempt.objects.get(lead=lead).reference
    way.post({"swarm_ref": reference, "linkedin_url": other.linkedin_url, "email_work": "mixed@up.example"})
    way.until(lambda: WebhookDelivery.objects.filter(status="failed").exists())
    assert not Lead.objects.exclude(email_work="").exists()
    assert set(Attempt.objects.values_list("status", flat=True)) == {"running"}


def test_of_somebody_suppressed_under_another_s_reference_no_word_is_kept(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "drop_webhook")
    lead = way.lead("one")
    way.stages_until(lambda: way.figures()["deliveries"].get("dropped") == 1)
    gate.suppress(Identity(JOHN), reason="erasure")
    reference = Attempt.objects.get(lead=lead).reference
    way.post({"swarm_ref": reference, "linkedin_url": JOHN, "email_work": "john.doe@acme.com"})
    came_back(way, 1)
    assert way.verdicts() == ["suppressed"]
    assert bytes(WebhookDelivery.objects.get().body) == b""


def test_what_is_told_again_in_another_body_without_a_time_costs_once(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "drop_webhook")
    lead = way.lead("one")
    way.stages_until(lambda: way.figures()["deliveries"].get("dropped") == 1)
    told = {"swarm_ref": Attempt.objects.get().reference, "email_work": "a@acme.com", "email_cost": "0.10"}
    for more in ({}, {"title": "Head of Sales"}, {"enriched_at": "not yet", "title": "CEO"}):
        way.post({**told, **more})
    came_back(way, 3)
    lead.refresh_from_db()
    assert (way.verdicts(), lead.title) == (["accepted"] * 3, "CEO")
    assert (Attempt.objects.get().cost, lead.enrichment_cost) == (Decimal("0.10"), Decimal("0.10"))


def test_a_row_that_came_while_its_lead_was_restricted_is_applied_once_that_is_over(way: TableWay) -> None:
    lead = way.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    way.stages_until(lambda: Attempt.objects.filter(status="running").exists())
    restriction.restrict([lead.pk], Ground.RESTRICTION)
    came_back(way, 1)
    lead.refresh_from_db()
    assert (way.verdicts(), lead.email) == (["restricted"], "")
    way.assert_paid()
    restriction.release([lead.pk], Ground.RESTRICTION)
    way.settle()
    lead.refresh_from_db()
    assert (way.verdicts(), lead.email) == (["accepted"], "john.doe@acme.com")
    assert Attempt.objects.get().status == "succeeded"
    way.assert_delivered_once()


def test_values_nobody_can_read_become_conflicts(way: TableWay) -> None:
    way.sandbox.fault("clay_table", "garbage_values", linkedin_url="https://www.linkedin.com/in/garbage")
    lead, good = way.lead("garbage"), way.lead("good")
    way.settle()
    lead.refresh_from_db()
    good.refresh_from_db()
    assert good.enrichment_status in ("completed", "partial")
    assert (lead.email_work, lead.email_personal, lead.phone, lead.company_size) == ("", "", "", None)
    assert lead.enrichment_status in ("failed", "unenrichable")
    assert FieldConflict.objects.filter(lead=lead, reason="unreadable").exists()
    assert not Handover.objects.filter(lead=lead).exists()


def test_a_cell_in_error_is_a_conflict_and_the_rest_is_delivered(way: TableWay) -> None:
    words = "Rate limit of the provider"
    way.sandbox.fault("clay_table", "cell_error", linkedin_url=JOHN, column="phone", text=words)
    way.sandbox.fault("clay_table", "column_not_run", linkedin_url=JOHN, column="tech_stack")
    lead = way.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    way.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.phone, lead.tech_stack) == ("completed", "", [])
    found = {each.field: (each.reason, each.value) for each in FieldConflict.objects.filter(lead=lead)}
    assert found["phone"] == ("cell_error", words)
    assert found["tech_stack"][0] == "not_run"
    assert Handover.objects.filter(lead=lead, system="ghl", status="done").count() == 1


@pytest.mark.parametrize(
    ("fault", "words"), [("cell_error", "No credits at the provider"), ("column_not_run", "did not run")]
)
def test_where_nothing_was_found_for_it_the_lead_failed_with_the_cell_s_words(
    way: TableWay, fault: str, words: str
) -> None:
    for column in ("email_work", "email_personal", "phone"):
        way.sandbox.fault("clay_table", fault, column=column, text=words if fault == "cell_error" else None)
    lead = way.lead("nothing")
    way.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.needs_person) == ("failed", True)
    assert words in lead.error_message
    assert not Handover.objects.exists()
    way.assert_paid()


def test_of_somebody_suppressed_in_between_nothing_is_kept_but_the_cost(way: TableWay) -> None:
    lead = way.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    way.stages_until(lambda: Attempt.objects.filter(status="running").exists())
    gate.suppress(Identity(lead.linkedin_url), reason="erasure")
    came_back(way, 1)
    assert way.verdicts() == ["suppressed"]
    assert bytes(WebhookDelivery.objects.get().body) == b""
    assert not Handover.objects.exists()
    kept = str(list(Lead.objects.values()) + list(WebhookDelivery.objects.values()))
    assert "john.doe@acme.com" not in kept
    way.assert_paid()


def test_of_somebody_erased_in_between_nothing_comes_back(way: TableWay) -> None:
    lead = way.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    way.sandbox.fault("clay_table", "drop_webhook", times=1)
    way.stages_until(lambda: way.figures()["deliveries"].get("dropped") == 1)
    gate.suppress(Identity(lead.linkedin_url), reason="erasure")
    lead.delete()
    way.sandbox.no_faults()
    way.press_run("callback", way.rows()[0]["id"])
    came_back(way, 1)
    assert way.verdicts()[0] in ("suppressed", "erased")
    assert bytes(WebhookDelivery.objects.get().body) == b""
    assert not Lead.objects.exists()
