"""Connect a routine: the key, the mapping, a run of one lead, and what the page says of each."""

import html

import pytest

from enrichment.clay_routines import setup
from enrichment.models import Attempt, Connection, Lead, ServiceHold
from gdpr.models import AuditEvent
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
PAGE = "/connections/clay/routine/"
MAPPING = {
    "routine": "function:t_people",
    "in-name-0": "full_name",
    "in-required-0": "1",
    "in-name-1": "Org",
    "in-field-1": "company_name",
    "in-name-2": "",
    "out-name-0": "Work Email",
    "out-name-1": "Score",
    "out-column-1": "icp_score",
}


def text(answer):
    return html.unescape(answer.content.decode())


def test_the_page_says_what_is_missing(admin_client, settings):
    settings.CLAY_API_KEY = ""
    page = text(admin_client.get(PAGE))
    assert "Not in use yet." in page
    assert "CLAY_API_KEY is missing" in page
    assert "/webhooks/clay/run" in page
    assert "None yet. Send a test event from Clay." in page


def test_staff_see_it_and_only_admins_change_it(sales_client, nobody_client):
    assert "Ask an admin" in text(sales_client.get(PAGE))
    assert nobody_client.get(PAGE).status_code == 403
    for part in ("key/", "save/", "test/"):
        assert sales_client.post(PAGE + part).status_code == 403


def test_a_mapping_is_saved_and_what_is_not_chosen_is_told_by_its_name(admin_client):
    hold = ServiceHold.objects.create(system="clay", reason="check_address")
    answer = admin_client.post(PAGE + "save/", MAPPING)
    assert answer["Location"] == f"{PAGE}#test"
    kept = setup.current()
    assert [(each.name, each.field, each.required) for each in kept.inputs] == [
        ("full_name", "full_name", True),
        ("Org", "company_name", False),
    ]
    assert kept.outputs == {"Work Email": "email_work", "Score": "icp_score"}
    hold.refresh_from_db()
    assert hold.lifted_at is not None
    page = text(admin_client.get(PAGE))
    assert 'value="Org"' in page
    assert 'value="function:t_people"' in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"in-name-0": "Shoe size"}, "Choose our field for Shoe size: its name doesn't tell."),
        ({"out-name-0": "Shoe size"}, "Choose our column for Shoe size: its name doesn't tell."),
        ({"routine": "tbl_1"}, "A routine ID starts with function: or workflow:"),
        ({"out-name-1": "Email", "out-column-1": "email_work"}, "Two results are mapped to email_work."),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_entered(admin_client, changes, sentence):
    answer = admin_client.post(PAGE + "save/", {**MAPPING, **changes})
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert 'value="Org"' in text(answer)
    assert not Connection.objects.exclude(routine_id="").exists()


def test_the_key_is_checked_by_one_small_read(admin_client, routine, settings):
    assert "The key works: workspace workspace." in text(admin_client.post(PAGE + "key/", follow=True))
    settings.CLAY_WORKSPACE_ID = "another"
    assert "is of workspace workspace, not another" in text(admin_client.post(PAGE + "key/", follow=True))
    routine.sandbox.fault("clay_routine", "401", call="me")
    assert "Clay rejected the key (401)." in text(admin_client.post(PAGE + "key/", follow=True))


# ---------------------------------------------------------------- on one lead


def run_on(client, lead):
    return client.post(PAGE + "test/", {"linkedin_url": lead.linkedin_url})


@pytest.mark.parametrize("connector", ["routine", "rows-api"])
def test_a_run_of_one_lead_shows_each_link_and_what_came(admin_client, routine, settings, connector):
    settings.CLAY_CONNECTOR = connector
    lead = routine.lead("chosen")
    assert run_on(admin_client, lead).status_code == 302
    attempt = Attempt.objects.get()
    part = f"{PAGE}test/{attempt.pk}/"
    page = text(admin_client.get(part))
    assert "Running in Clay" in page
    assert 'hx-trigger="every 2s' in page
    routine.until(lambda: Attempt.objects.filter(status="succeeded").exists())
    page = text(admin_client.get(PAGE))
    assert "Came back" in page
    assert "hx-trigger" not in text(admin_client.get(part))
    assert "E-mail (work)" in page
    assert "Came, and is mapped to nothing: <code>credits</code>" in page
    assert routine.charged_twice() == 0
    assert Attempt.objects.get().cost > 0
    lead.refresh_from_db()
    assert lead.enrichment_status in ("completed", "partial")
    assert AuditEvent.objects.filter(verb="test_clay_routine", object_id=str(lead.pk)).count() == 1


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("402_credits", "no credits or actions left (402)"),
        ("404", "no such routine (404)"),
        ("400", "refused the inputs"),
    ],
)
def test_what_clay_refuses_is_said_and_leaves_the_lead_as_it_was(admin_client, routine, kind, sentence):
    lead = routine.lead("chosen")
    routine.sandbox.fault("clay_routine", kind, call="runs.start")
    answer = run_on(admin_client, lead)
    assert answer.status_code == 422
    assert sentence in text(answer)
    due = Lead.objects.get(pk=lead.pk)
    assert (due.dispatch_after, due.enrichment_status) == (lead.dispatch_after, "pending")
    assert not Attempt.objects.exclude(status="abandoned").exists()


def test_a_lost_answer_says_that_it_may_be_charged(admin_client, routine):
    lead = routine.lead("chosen")
    routine.sandbox.fault("clay_routine", "reset_after_effect", call="runs.start", times=1)
    routine.sandbox.fault("clay_routine", "drop_webhook")
    run_on(admin_client, lead)
    assert "The answer was lost. It may be running, and charged." in text(admin_client.get(PAGE))
    assert "Enrichment is running" in text(run_on(admin_client, lead))
    assert routine.figures()["runs"] == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"company_name": ""}, "The routine needs what this lead lacks: Company."),
        ({"restriction": "request"}, "data may only be stored"),
    ],
)
def test_a_lead_that_cannot_go_says_why(admin_client, routine, values, sentence):
    lead = routine.lead("chosen", **values)
    answer = run_on(admin_client, lead)
    assert (answer.status_code, sentence in text(answer)) == (422, True)
    assert routine.figures()["runs"] == 0


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("https://www.linkedin.com/in/nobody-here", "No lead has this LinkedIn URL."), ("acme", "The LinkedIn URL")],
)
def test_somebody_who_is_no_lead_is_not_sent(admin_client, routine, address, sentence):
    answer = admin_client.post(PAGE + "test/", {"linkedin_url": address})
    assert (answer.status_code, sentence in text(answer)) == (422, True)


def test_without_a_routine_nothing_is_sent(admin_client, settings):
    settings.CLAY_ROUTINE_ID = ""
    assert "Save the routine's ID and mapping first." in text(run_on(admin_client, LeadFactory()))


def test_the_part_of_a_test_that_is_gone_is_not_there(admin_client):
    assert admin_client.get(PAGE + "test/12345/").status_code == 404
