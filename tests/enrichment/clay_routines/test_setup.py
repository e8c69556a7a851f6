import pytest

from enrichment.clay_routines import setup
from enrichment.clay_routines.fields import guess_input, guess_output
from enrichment.clay_routines.items import missing_inputs, run_item
from enrichment.clay_routines.setup import DEFAULT_INPUTS, Input, RoutineSetup
from enrichment.models import Connection, Lead
from gdpr.models import AuditEvent
from swarm_admin.core.errors import ActionNotAllowed

pytestmark = pytest.mark.django_db
GIVEN = {"routine": "function:tbl_1", "inputs": [Input("Name", "full_name", required=True)], "outputs": {}}


def test_without_a_mapping_a_routine_over_people_is_assumed():
    assert setup.current() == RoutineSetup("")
    assert setup.routine_id() == ""


def test_a_mapping_is_kept_with_who_did_it():
    outputs = {"Work email": "email_work", "ignored": ""}
    setup.save(**{**GIVEN, "routine": " function:tbl_1 ", "outputs": outputs}, by=None)
    kept = setup.current()
    assert (kept.routine_id, list(kept.inputs)) == ("function:tbl_1", [Input("Name", "full_name", required=True)])
    assert kept.outputs == {"Work email": "email_work"}
    assert AuditEvent.objects.get(verb="set_up_clay_routine").fields == ["routine_id"]


def test_the_environment_s_routine_goes_before_the_chosen_one(settings):
    setup.save(**GIVEN, by=None)
    settings.CLAY_ROUTINE_ID = "workflow:wf_9"
    assert setup.current().routine_id == setup.routine_id() == "workflow:wf_9"


def test_what_is_damaged_counts_as_not_mapped():
    inputs = {"a": "full_name", "b": {"field": "nonsense"}, "c": {"required": True}}
    Connection.objects.create(system="clay", routine_inputs=inputs, routine_outputs={"x": "password", "y": "phone"})
    kept = setup.current()
    assert (list(kept.inputs), kept.outputs) == ([Input("a", "full_name")], {"y": "phone"})
    Connection.objects.update(routine_inputs={"c": 3})
    assert setup.current().inputs == DEFAULT_INPUTS


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"routine": "tbl_1"}, "starts with function: or workflow:"),
        ({"routine": "function:a/../b"}, "starts with function: or workflow:"),
        ({"inputs": []}, "at least one input"),
        ({"inputs": [Input("a", "full_name"), Input("a", "title")]}, "mapped twice"),
        ({"inputs": [Input("a", "phone")]}, "no field phone"),
        ({"inputs": [Input("", "full_name")]}, "1 to 100 characters"),
        ({"inputs": [Input(str(n), "full_name") for n in range(31)]}, "At most 30 inputs"),
        ({"outputs": {"a": "password"}}, "no column password"),
        ({"outputs": {"a": "phone", "b": "phone"}}, "Two results"),
        ({"outputs": {"a\n": "phone"}}, "1 to 100 characters"),
    ],
)
def test_what_is_wrong_is_said_and_not_kept(changes, sentence):
    with pytest.raises(ActionNotAllowed, match=sentence):
        setup.save(**{**GIVEN, **changes}, by=None)
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("name", "field"),
    [("Full Name", "full_name"), ("LinkedIn URL", "linkedin_url"), ("domain", "company_domain"), ("Fax", "")],
)
def test_an_input_is_told_by_its_name(name, field):
    assert guess_input(name) == field


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Work Email", "email_work"),
        ("email_work", "email_work"),
        ("person.email", "email_work"),
        ("Employee count", "company_size"),
        ("company_provider", "company_provider"),
        ("cost", "cost"),
        ("shoe size", ""),
    ],
)
def test_a_result_is_told_by_its_name(name, column):
    assert guess_output(name) == column


# ---------------------------------------------------------------- items

MAPPED = RoutineSetup(
    "function:t",
    (
        Input("name", "full_name", required=True),
        Input("org", "company_name", required=True),
        Input("url", "linkedin_url"),
    ),
)


def test_an_item_has_what_the_lead_has_by_the_routine_s_names():
    lead = Lead(first_name="Ada", last_name="", company_name="Acme", linkedin_url="https://www.linkedin.com/in/ada")
    item = run_item(MAPPED, lead, "ref-1")
    assert item.id == "ref-1"
    assert item.inputs == {"name": "Ada", "org": "Acme", "url": "https://www.linkedin.com/in/ada"}
    assert missing_inputs(MAPPED, lead) == []


def test_what_the_routine_needs_and_the_lead_lacks_is_named():
    assert missing_inputs(MAPPED, Lead(linkedin_url="https://www.linkedin.com/in/ada")) == ["Full name", "Company"]


def test_a_lead_with_nothing_to_give_goes_nowhere():
    assert missing_inputs(RoutineSetup("function:t", (Input("title", "title"),)), Lead()) == ["Job title"]
