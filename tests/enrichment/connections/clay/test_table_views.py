"""Connect a Clay table, by persona, against the sandbox."""

import datetime
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment import models
from enrichment.clay_sources.test_rows import record_callback
from enrichment.connections.clay import guide, test_rows
from enrichment.models import Attempt, ClaySource, Lead, SourceClosed
from enrichment.models.lead_choices import Restriction
from enrichment.vendors.clay import template
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from swarm_admin.core import encryption
from tests.factories import LeadFactory
from tests.plugins.sandbox import KEYS, Sandbox, wait_for

GUIDE = "/connections/clay/table/"
SLUG = "pull-in-data-from-a-webhook-1"
TOKEN = "clay-token-nobody-should-see"
PERSON = {"linkedin_url": "https://www.linkedin.com/in/test-person", "first_name": "Ada", "company_name": "Acme"}


@pytest.fixture
def table(sandbox: Sandbox, settings: Any) -> str:
    """A source in the sandbox's Clay; the address of its webhook."""
    settings.CLAY_WORKSPACE_ID = KEYS["clay_workspace_id"]
    settings.CLAY_WEBHOOK_SECRET = "secret-of-the-webhooks"
    sandbox.control("PUT", f"sources/{SLUG}", table="t_test", token=TOKEN)
    return f"{sandbox.url}/clay/v3/sources/webhook/{SLUG}"


@pytest.fixture
def source(table: str, db: None) -> ClaySource:
    return ClaySource.objects.create(name="Leads", url=table, token=encryption.encrypt(TOKEN), life=50_000)


def page(client: Client) -> str:
    return client.get(GUIDE).content.decode()


def only_test() -> models.TestRow:
    return models.TestRow.objects.get()


# ---------------------------------------------------------------- who may


def test_who_may_look_and_who_may_change(
    sales_client: Client, admin_client: Client, nobody_client: Client, source: ClaySource
):
    assert [c.get(GUIDE).status_code for c in (sales_client, admin_client, nobody_client)] == [200, 200, 403]
    writes = ["secret/", "sources/", f"sources/{source.pk}/close/", f"sources/{source.pk}/first/", "test/"]
    assert {sales_client.post(GUIDE + each).status_code for each in writes} == {403}
    assert sales_client.get(f"{GUIDE}sources/{source.pk}/").status_code == 403
    assert "have permission to manage connections" in page(sales_client)


# ---------------------------------------------------------------- sources


def test_a_source_is_added_and_its_token_never_shown(admin_client: Client, table: str):
    given = {"name": "Leads", "url": table, "token": TOKEN, "life": "50000", "taken": ""}
    admin_client.post(f"{GUIDE}sources/", given)
    source = ClaySource.objects.get()
    assert encryption.decrypt(source.token) == TOKEN
    assert TOKEN.encode() not in bytes(source.token)
    shown = page(admin_client) + admin_client.get(f"{GUIDE}sources/{source.pk}/").content.decode()
    assert TOKEN not in shown
    assert "0 of 50,000" in page(admin_client)
    assert AuditEvent.objects.filter(verb="add_clay_source", object_id=str(source.pk)).count() == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "https://evil.example/v3/sources/webhook/x"}, "must be on this machine"),
        ({"url": "http://127.0.0.1/"}, "whole address from Clay"),
        ({"token": "two words"}, "without spaces"),
        ({"name": " "}, "This field is required"),
        ({"life": "1_0"}, "Enter a whole number"),
        ({"taken": "60000"}, "More than its life"),
    ],
)
def test_what_is_no_source_is_refused_with_a_sentence(
    admin_client: Client, table: str, changed: dict[str, str], words: str
):
    given = {"name": "Leads", "url": table, "token": TOKEN, "life": "50000", "taken": "0", **changed}
    answer = admin_client.post(f"{GUIDE}sources/", given)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ClaySource.objects.exists()


def test_one_webhook_is_one_source(admin_client: Client, source: ClaySource):
    given = {"name": "Twice", "url": source.url, "token": "", "life": "50000", "taken": "0"}
    assert "is a source already" in admin_client.post(f"{GUIDE}sources/", given).content.decode()


def test_an_empty_token_stays_and_can_be_removed(admin_client: Client, source: ClaySource):
    given = {"name": "Renamed", "url": source.url, "token": "", "life": "50000", "taken": "0"}
    admin_client.post(f"{GUIDE}sources/{source.pk}/", given)
    source.refresh_from_db()
    assert (source.name, encryption.decrypt(source.token)) == ("Renamed", TOKEN)
    admin_client.post(f"{GUIDE}sources/{source.pk}/", given | {"no_token": "on"})
    source.refresh_from_db()
    assert encryption.decrypt(source.token) == ""


def test_a_new_token_ends_the_pause_for_the_rejected_one(admin_client: Client, source: ClaySource, settings: Any):
    settings.CLAY_CONNECTOR = "table"
    hold = models.ServiceHold.objects.create(system="clay", reason="refresh_key")
    shown = admin_client.get("/connections/").content.decode()
    assert "token was rejected" in shown
    assert "API key rejected" not in shown
    address = f"/connections/clay/table/sources/{source.pk}/"
    values = {"name": source.name, "url": source.url, "life": "50000"}
    admin_client.post(address, values)
    hold.refresh_from_db()
    assert hold.lifted_at is None
    admin_client.post(address, {**values, "token": "the-right-one"})
    hold.refresh_from_db()
    assert hold.lifted_at is not None


def test_what_was_counted_while_the_form_was_open_stays_counted(admin_client: Client, source: ClaySource):
    form = admin_client.get(f"{GUIDE}sources/{source.pk}/").context["form"]
    given = {name: form[name].value() for name in ("name", "url", "life", "taken")} | {"token": ""}
    ClaySource.objects.filter(pk=source.pk).update(taken=7)
    admin_client.post(f"{GUIDE}sources/{source.pk}/", given | {"life": "40000", "initial-taken": given["taken"]})
    source.refresh_from_db()
    assert (source.life, source.taken) == (40_000, 7)


def test_the_count_can_be_corrected(admin_client: Client, source: ClaySource):
    given = {"name": "Leads", "url": source.url, "token": "", "life": "50000", "taken": "120", "initial-taken": "0"}
    admin_client.post(f"{GUIDE}sources/{source.pk}/", given)
    source.refresh_from_db()
    assert source.taken == 120


def test_another_address_is_another_source_once_rows_were_sent(admin_client: Client, source: ClaySource):
    ClaySource.objects.filter(pk=source.pk).update(taken=1)
    given = {"name": "Leads", "url": f"{source.url}-2", "token": "", "life": "50000", "taken": "1"}
    answer = admin_client.post(f"{GUIDE}sources/{source.pk}/", given)
    assert "Add the other webhook as a new source" in answer.content.decode()


def test_sources_are_closed_reopened_and_put_first(admin_client: Client, source: ClaySource):
    second = ClaySource.objects.create(name="Second", url=f"{source.url}-2", life=10, position=1)
    admin_client.post(f"{GUIDE}sources/{second.pk}/first/")
    assert [each.name for each in ClaySource.objects.all()] == ["Second", "Leads"]
    admin_client.post(f"{GUIDE}sources/{second.pk}/close/")
    second.refresh_from_db()
    assert second.closed_because == SourceClosed.BY_HAND
    admin_client.post(f"{GUIDE}sources/{second.pk}/reopen/")
    second.refresh_from_db()
    assert second.closed_at is None
    ClaySource.objects.filter(pk=second.pk).update(taken=10, closed_at=timezone.now(), closed_because="used_up")
    admin_client.post(f"{GUIDE}sources/{second.pk}/reopen/")
    assert "are used up" in page(admin_client)
    verbs = set(AuditEvent.objects.values_list("verb", flat=True))
    assert {"close_clay_source", "reopen_clay_source", "change_clay_source"} <= verbs


def test_the_life_is_counted_with_its_forecast(admin_client: Client, source: ClaySource):
    ClaySource.objects.filter(pk=source.pk).update(taken=49_990, life=50_000)
    lead = LeadFactory()
    waterfall = models.WaterfallVersion.active()
    Attempt.objects.create(
        lead=lead, waterfall=waterfall, source=source, started_at=timezone.now() - datetime.timedelta(minutes=1)
    )
    assert "49,990 of 50,000</span> submissions, full in about 10 days" in page(admin_client)


# ---------------------------------------------------------------- the secret


def test_the_secret_is_shown_on_demand_and_that_is_audited(admin_client: Client, source: ClaySource):
    assert "secret-of-the-webhooks" not in page(admin_client)
    answer = admin_client.post(f"{GUIDE}secret/", headers={"HX-Request": "true"})
    assert "secret-of-the-webhooks" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert AuditEvent.objects.filter(verb="show_webhook_secret").count() == 1
    whole = admin_client.post(f"{GUIDE}secret/").content.decode()
    assert "secret-of-the-webhooks" in whole
    assert "Send a test row" in whole


def test_without_a_secret_the_page_says_what_to_set(admin_client: Client, settings: Any, db: None):
    settings.CLAY_WEBHOOK_SECRET = ""
    answer = admin_client.post(f"{GUIDE}secret/", headers={"HX-Request": "true"})
    assert "CLAY_WEBHOOK_SECRET is not set" in answer.content.decode()


# ---------------------------------------------------------------- the test row


def test_a_test_row_is_sent_and_comes_back(admin_client: Client, sandbox: Sandbox, source: ClaySource):
    assert admin_client.post(f"{GUIDE}test/", PERSON).status_code == 302
    row = only_test()
    assert (row.answered_at is not None, row.came_back_at) == (True, None)
    fragment = f"{GUIDE}test/{row.pk}/"
    waiting = admin_client.get(fragment).content.decode()
    assert "every 2s" in waiting
    assert waiting.count("<li") == len(("sent", "acknowledged", "came back"))
    [sent] = sandbox.control("GET", "tables/t_test/rows")["rows"]
    assert sent["cells"]["swarm_ref"]["value"] == row.reference
    assert set(sent["cells"]) & set(template.INPUTS) == {
        "swarm_ref", "linkedin_url", "first_name", "company_name", "source_name", "scraped_at",
    }  # fmt: skip
    body = dict.fromkeys(test_rows.template.COLUMNS, "") | {"email_work": "ada@acme.com", "company_size": 12}
    del body["tech_stack"]
    body |= dict.fromkeys(template.PROVIDERS.values(), "") | {"cost": "0.1"}
    record_callback(row.reference, body)
    told = admin_client.get(fragment).content.decode()
    assert "every 2s" not in told
    assert "tech_stack never came: add it to the body" in told
    assert "company_size never came" not in told
    assert "ada@acme.com" not in told
    source.refresh_from_db()
    assert source.taken == 1
    assert set(source.columns) == {"email_work", "company_size", "cost"}
    assert not Lead.objects.exists()


def test_the_whole_template_through_the_sandbox_misses_nothing(
    admin_client: Client, sandbox: Sandbox, source: ClaySource, webhook_receiver: Any
):
    callback = {"url": webhook_receiver.url, "headers": {}, "body": template.body()}
    sandbox.control("PUT", "tables/t_test", callback=callback)
    admin_client.post(f"{GUIDE}test/", PERSON)
    wait_for(lambda: webhook_receiver.deliveries)
    [(_, body)] = webhook_receiver.deliveries
    record_callback(only_test().reference, body)
    assert test_rows.what_is_missing(only_test()) == []


def test_the_first_of_several_callbacks_counts(source: ClaySource):
    row = models.TestRow.objects.create(reference="r" * 22, source=source)
    record_callback(row.reference, {"email_work": "a@b.com"})
    first = only_test().came_back_at
    record_callback(row.reference, {})
    assert (only_test().came_back_at, only_test().columns) == (first, ["email_work"])
    record_callback("somebody else's", {})
    assert only_test().reference == row.reference


def test_columns_that_failed_or_did_not_run_are_told_apart(source: ClaySource):
    row = models.TestRow.objects.create(reference="r" * 22, source=source)
    statuses = {"email_work": "error", "phone": "queued", "title": "success", "company_size": "", "tech_stack": 3}
    body = dict.fromkeys(test_rows.template.COLUMNS, "") | {"_status": statuses, "error": "no credits for ada@acme.com"}
    record_callback(row.reference, body)
    sentences = " ".join(test_rows.what_is_missing(only_test()))
    assert "email_work failed in Clay" in sentences
    assert "phone did not run (it is queued)" in sentences
    assert "title" not in sentences
    assert "Clay reported an error: no credits for [e-mail]" in sentences
    assert "ada" not in only_test().error


def test_only_the_reference_came_back(source: ClaySource):
    row = models.TestRow.objects.create(reference="r" * 22, source=source)
    record_callback(row.reference, {"swarm_ref": row.reference})
    assert test_rows.what_is_missing(only_test())[-1].startswith("No column came back")


@pytest.mark.parametrize(("token", "words"), [("", "asks for a token (401)"), ("wrong", "rejected the token (403)")])
def test_a_wrong_token_is_told_and_costs_no_submission(
    admin_client: Client, source: ClaySource, token: str, words: str
):
    ClaySource.objects.update(token=encryption.encrypt(token))
    admin_client.post(f"{GUIDE}test/", PERSON)
    shown = page(admin_client)
    assert words in shown
    assert "not reached" in shown
    assert "Rejected (40" in shown
    source.refresh_from_db()
    assert source.taken == 0


def test_a_deleted_webhook_is_told(admin_client: Client, sandbox: Sandbox, source: ClaySource):
    sandbox.control("DELETE", f"sources/{SLUG}")
    admin_client.post(f"{GUIDE}test/", PERSON)
    shown = page(admin_client)
    assert "it was deleted" in shown
    assert "The webhook was deleted in Clay (404)" in shown


def test_an_answer_that_was_lost_waits_for_the_row(admin_client: Client, sandbox: Sandbox, source: ClaySource):
    sandbox.fault("clay_table", "reset_after_effect", times=5)
    admin_client.post(f"{GUIDE}test/", PERSON)
    assert "didn&#x27;t answer" in page(admin_client)
    source.refresh_from_db()
    assert source.taken == 1
    record_callback(only_test().reference, {"email_work": "a@b.com"})
    assert only_test().answered_at


def test_nothing_is_sent_of_a_suppressed_or_restricted_person(
    admin_client: Client, sandbox: Sandbox, source: ClaySource
):
    gate.suppress(Identity(linkedin_url=PERSON["linkedin_url"]), reason="objection")
    answer = admin_client.post(f"{GUIDE}test/", PERSON)
    assert answer.status_code == 422
    assert "do-not-contact list" in answer.content.decode()
    other = "https://www.linkedin.com/in/kept-only"
    LeadFactory(linkedin_url=other, restriction=Restriction.OBJECTION)
    assert "is restricted" in admin_client.post(f"{GUIDE}test/", PERSON | {"linkedin_url": other}).content.decode()
    assert not models.TestRow.objects.exists()
    assert sandbox.stats()["clay_table"]["acknowledged"] == 0


def test_what_is_no_profile_is_refused(admin_client: Client, source: ClaySource):
    answer = admin_client.post(f"{GUIDE}test/", PERSON | {"linkedin_url": "https://example.com/x"})
    assert "It must be a linkedin.com URL." in answer.content.decode()


def test_without_a_source_nothing_is_sent(admin_client: Client, db: None):
    assert "No source takes rows" in admin_client.post(f"{GUIDE}test/", PERSON).content.decode()


def test_when_nothing_comes_back_the_page_says_what_to_check(admin_client: Client, source: ClaySource):
    row = models.TestRow.objects.create(reference="r" * 22, source=source, answered_at=timezone.now())
    assert "auto-update" not in admin_client.get(f"{GUIDE}test/{row.pk}/").content.decode()
    models.TestRow.objects.update(sent_at=timezone.now() - datetime.timedelta(hours=2))
    Client().post("/webhooks/clay/enrichment-complete", b"{}", content_type="application/json")
    told = admin_client.get(f"{GUIDE}test/{row.pk}/").content.decode()
    assert "switch auto-update on" in told
    assert "1 call with a wrong secret arrived" in told
    assert "every 2s" not in told


# ---------------------------------------------------------------- the checklist


def test_a_column_that_stopped_coming_is_missing_since_its_day(source: ClaySource):
    now = timezone.now()
    before, today = (now - datetime.timedelta(days=3)).isoformat(), now.isoformat()
    ClaySource.objects.update(
        columns={"email_work": today, "company_size": before, "phone": "nonsense"}, last_callback_at=now
    )
    [check] = [each for each in guide.checklist(guide.source_lines()) if each.label.startswith("Columns")]
    day = f"{now - datetime.timedelta(days=2):%A}"
    assert check.words.startswith(f"company_size missing since {day}.")


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ({}, "open", "None yet: send a test row."),
        ({"last_sent_at": 0}, "amber", "none came back"),
        ({"last_sent_at": 0, "last_callback_at": 0}, "ok", "Last row received."),
        ({"last_sent_at": 0, "last_callback_at": 2}, "red", "None since"),
    ],
)
def test_rows_that_do_not_come_back_are_told(source: ClaySource, values: dict[str, int], state: str, words: str):
    now = timezone.now()
    ClaySource.objects.update(**{name: now - datetime.timedelta(days=days) for name, days in values.items()})
    [check] = [each for each in guide.checklist(guide.source_lines()) if each.label == "Rows come back"]
    assert (check.state, words in check.words) == (state, True)


def test_used_up_sources_are_told(source: ClaySource):
    ClaySource.objects.update(taken=45_000)
    [check] = [each for each in guide.checklist(guide.source_lines()) if each.label == "A source takes rows"]
    assert (check.state, "Add the next source" in check.words) == ("amber", True)
    ClaySource.objects.update(taken=50_000, closed_at=timezone.now(), closed_because=SourceClosed.USED_UP)
    [check] = [each for each in guide.checklist(guide.source_lines()) if each.label == "A source takes rows"]
    assert (check.state, "All are used up" in check.words) == ("red", True)


def test_the_checklist_goes_on_while_the_page_is_open(sales_client: Client, source: ClaySource):
    ClaySource.objects.update(last_callback_at=timezone.now(), last_sent_at=timezone.now())
    fragment = sales_client.get(GUIDE, headers={"HX-Request": "true"}).content.decode()
    assert "Last row received." in fragment
    assert "<html" not in fragment
    assert f'hx-get="{GUIDE}"' in fragment


# ---------------------------------------------------------------- the template


def test_the_template_has_every_column_of_the_mirror():
    document = json.loads(template.body())
    assert set(template.COLUMNS) < set(document)
    assert document["swarm_ref"] == "{{swarm_ref}}"
    assert document["_status"]["email_work"] == "{{email_work.status}}"
    assert document["_errors"]["email_work"] == "{{email_work.error}}"
    assert set(document["_status"]) == set(template.ENRICHED)
