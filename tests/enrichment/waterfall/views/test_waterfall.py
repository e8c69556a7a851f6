"""The Waterfall screens: who may do what, and what plain forms do without JavaScript."""

import json

import pytest

from enrichment import versions
from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import Provider, ProviderService, WaterfallVersion
from enrichment.versions import EditStart
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from tests.enrichment.waterfall.test_editing import changed, form

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.com")


@pytest.fixture
def draft(ada):
    return versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=ada)


def page(client, address="/waterfall/"):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def sent(draft=None, **changes):
    data = form(draft.document if draft else PUBLISHED, **changes)
    if draft:
        data["draft"], data["revision"] = str(draft.pk), str(draft.revision)
    return data.urlencode()


def post(client, address, data, **headers):
    return client.post(address, data, content_type="application/x-www-form-urlencoded", **headers)


def test_what_is_published_is_shown_with_the_catalogues_words(sales_client):
    shown = page(sales_client)
    assert "Version 1 is live" in shown
    assert "$0.03 per match" in shown
    assert "95 % published accuracy" in shown
    assert "500 per hour" in shown
    assert "ZoomInfo" in shown


def test_a_button_without_javascript_saves_the_draft(sales_client):
    answer = post(sales_client, "/waterfall/save/", sent(op="up:email:hunter"))
    assert (answer.status_code, answer["Location"]) == (302, "/waterfall/")
    draft = versions.draft_of(WaterfallVersion)
    assert draft.document["waterfall_email"]["providers"][:2] == ["hunter", "apollo"]
    assert "Draft with 1 change" in page(sales_client)


def test_a_wrong_value_is_said_and_nothing_is_saved(sales_client):
    answer = post(sales_client, "/waterfall/save/", sent(techstack__limit="0"))
    assert "Not saved" in answer.content.decode()
    assert versions.draft_of(WaterfallVersion) is None


def test_a_stale_save_is_answered_with_the_merge(sales_client, draft, ada):
    old = sent(draft)
    versions.save_edit(WaterfallVersion, changed(providers=["hunter"]), EditStart(draft.pk, draft.revision), by=ada)
    shown = post(sales_client, "/waterfall/save/", old).content.decode()
    assert "ada@example.com saved this draft while you edited it." in shown
    assert "Discard mine, keep theirs" in shown


def test_the_merge_is_saved_once_everything_is_chosen(sales_client, draft, ada):
    old = sent(draft, email__policy="wait")
    theirs = changed(stop_on_success=False, policy="skip", prefer_work_email=False)
    now = versions.save_edit(WaterfallVersion, theirs, EditStart(draft.pk, draft.revision), by=ada)
    refused = post(sales_client, "/waterfall/save/", old)
    [conflict] = refused.context["conflicts"]
    hidden = refused.context["sent"]
    again = sales_client.post("/waterfall/merge/", hidden)
    assert [each.choice for each in again.context["conflicts"]] == [""]
    assert versions.draft_of(WaterfallVersion).revision == now.revision
    answer = sales_client.post("/waterfall/merge/", {**hidden, f"choose:{conflict.path}": "yours"})
    assert (answer.status_code, answer["Location"]) == (302, "/waterfall/")
    merged = changed(stop_on_success=False, policy="wait", prefer_work_email=False)
    assert versions.draft_of(WaterfallVersion).document == merged


def test_after_the_draft_was_discarded_a_change_is_merged_over_what_is_published(sales_client, draft, ada):
    old = sent(draft, phone__country_default="DE")
    versions.discard(draft, revision=draft.revision, by=ada)
    refused = post(sales_client, "/waterfall/save/", old)
    assert "was published or discarded" in refused.content.decode()
    assert sales_client.post("/waterfall/merge/", refused.context["sent"]).status_code == 302
    document = versions.draft_of(WaterfallVersion).document
    assert document["waterfall_phone"]["country_default"] == "DE"


def test_a_merge_of_nonsense_is_refused(sales_client, draft):
    for mine in ("", "{", '{"waterfall_email": {}}', "[]"):
        sent = {"base": json.dumps(PUBLISHED), "yours": mine, "draft": draft.pk, "revision": 1}
        answer = sales_client.post("/waterfall/merge/", sent)
        assert answer.status_code == 409
        assert "be read. Edit and save again" in answer.content.decode()
    assert versions.draft_of(WaterfallVersion).revision == draft.revision


def test_publishing_asks_for_a_note_and_the_looked_at_draft(sales_client, draft, ada):
    data = {"draft": draft.pk, "revision": draft.revision, "over": 1}
    assert (
        "note is saved with the version"
        in sales_client.post("/waterfall/publish/", {**data, "note": " a "}).content.decode()
    )
    versions.save_edit(WaterfallVersion, changed(providers=["hunter"]), EditStart(draft.pk, draft.revision), by=ada)
    shown = sales_client.post("/waterfall/publish/", {**data, "note": "ask them all"}).content.decode()
    assert "Someone else saved this draft" in shown
    assert versions.published(WaterfallVersion).number == 1
    data["revision"] = versions.draft_of(WaterfallVersion).revision
    assert sales_client.post("/waterfall/publish/", {**data, "note": "ask them all"}).status_code == 302
    assert versions.published(WaterfallVersion).note == "ask them all"
    assert AuditEvent.objects.filter(verb="publish_version").count() == 1


def test_publishing_without_a_draft_goes_back(sales_client):
    assert sales_client.get("/waterfall/publish/").status_code == 302


def test_discarding_asks_for_the_draft_that_was_looked_at(sales_client, draft):
    sales_client.post("/waterfall/discard/", {"draft": draft.pk, "revision": draft.revision - 1})
    assert versions.draft_of(WaterfallVersion) == draft
    sales_client.post("/waterfall/discard/", {"draft": draft.pk, "revision": draft.revision})
    assert versions.draft_of(WaterfallVersion) is None


def test_rolling_back_publishes_a_copy(sales_client, draft, ada):
    versions.publish(draft, revision=draft.revision, over=1, note="ask them all", by=ada)
    assert "Roll back" in page(sales_client, "/waterfall/versions/1/")
    answer = sales_client.post("/waterfall/versions/1/roll-back/", {"over": 2, "note": "too dear"})
    assert answer["Location"] == "/waterfall/versions/"
    live = versions.published(WaterfallVersion)
    assert (live.number, live.document, live.note) == (3, PUBLISHED, "too dear")
    sales_client.post("/waterfall/versions/2/roll-back/", {"over": 2, "note": "not that one"})
    assert versions.published(WaterfallVersion) == live
    assert "too dear" in page(sales_client, "/waterfall/versions/")


def test_the_export_is_the_specifications_json(sales_client, ada):
    whole = WaterfallDocument.model_validate(PUBLISHED).model_dump()
    whole["waterfall_company"]["policy"] = "wait"
    versions.save_edit(WaterfallVersion, whole, EditStart(), by=ada)
    for number in (1, 2):
        answer = sales_client.get(f"/waterfall/versions/{number}/waterfalls.json")
        assert json.loads(answer.content) == PUBLISHED
        assert "attachment" in answer["Content-Disposition"]


# ---------------------------------------------------------------- the catalogue


def service(provider="apollo", kind="email"):
    return ProviderService.objects.get(provider__slug=provider, waterfall=kind)


def began(client, address):
    return client.get(address).context["form"].initial["began"]


def test_the_catalogue_lists_the_disabled_ones_as_available(sales_client):
    shown = page(sales_client, "/waterfall/catalogue/")
    for name in ("ZoomInfo", "LinkedIn", "HG Insights"):
        assert name in shown
    assert shown.count("Available") == 3


def test_a_price_is_changed_and_audited(sales_client):
    found = service()
    address = f"/waterfall/catalogue/{found.pk}/"
    assert 'value="95.0' in page(sales_client, address)
    data = {
        "cost": "0.035",
        "charge": "attempt",
        "coverage": "",
        "accuracy_percent": "91.5",
        "fields_filled": ["email_work"],
        "hourly_limit": "600",
        "began": began(sales_client, address),
    }
    assert sales_client.post(address, data).status_code == 302
    found.refresh_from_db()
    assert (str(found.cost), found.charge, str(found.accuracy), found.fields) == (
        "0.0350",
        "attempt",
        "0.915",
        ["email_work"],
    )
    assert Provider.objects.get(slug="apollo").hourly_limit == 600
    one, other = AuditEvent.objects.filter(verb="change_service").order_by("id")
    assert one.fields == ["accuracy", "charge", "cost", "fields"]
    assert (other.fields, other.counts) == (["hourly_limit"], {"before": 500, "after": 600})
    sales_client.post(address, {**data, "began": began(sales_client, address)})
    assert AuditEvent.objects.filter(verb="change_service").count() == 2


def test_of_two_who_edit_one_provider_the_second_sees_what_the_first_did(sales_client, admin_client):
    found = service()
    address = f"/waterfall/catalogue/{found.pk}/"
    same = {"charge": "hit", "coverage": "", "accuracy_percent": "95", "fields_filled": found.fields}
    both = {**same, "cost": "0.03", "hourly_limit": "500", "began": began(sales_client, address)}
    assert admin_client.post(address, {**both, "cost": "0.05", "hourly_limit": "450"}).status_code == 302
    answer = sales_client.post(address, {**both, "accuracy_percent": "90", "hourly_limit": "400"})
    shown = answer.content.decode()
    assert "someone changed this provider after you opened it" in shown
    assert "Changed to 0.05 after you opened it." in shown
    assert "Changed to 450 after you opened it. Your value is shown here." in shown
    form = answer.context["form"]
    assert {name: str(form.initial[name]) for name in ("cost", "accuracy_percent", "hourly_limit")} == {
        "cost": "0.0500",
        "accuracy_percent": "90",
        "hourly_limit": "400",
    }
    assert str(service().cost) == "0.0500"
    assert Provider.objects.get(slug="apollo").hourly_limit == 450
    again = {**both, "cost": "0.0500", "hourly_limit": "400", "began": form.initial["began"]}
    assert sales_client.post(address, {**again, "accuracy_percent": "90"}).status_code == 302
    assert (str(service().cost), str(service().accuracy)) == ("0.0500", "0.900")
    assert sales_client.post(address, {**again, "began": "nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": "-1"},
        {"cost": "10000"},
        {"cost": "dear"},
        {"cost": "0.00001"},
        {"accuracy_percent": "101"},
        {"hourly_limit": "0"},
        {"fields_filled": ["phone"]},
        {"charge": "monthly"},
    ],
)
def test_what_cannot_be_is_refused_at_its_field(sales_client, wrong):
    found = service()
    data = {
        "cost": "0.03",
        "charge": "hit",
        "accuracy_percent": "95",
        "fields_filled": ["email_work"],
        **wrong,
    }
    answer = sales_client.post(f"/waterfall/catalogue/{found.pk}/", data)
    assert 'role="alert"' in answer.content.decode()
    assert service() == found
    assert not AuditEvent.objects.filter(verb="change_service").exists()


def test_a_provider_is_added_switched_off(sales_client):
    data = {"waterfall": "phone", "slug": "dropcontact", "name": "Dropcontact"}
    assert sales_client.post("/waterfall/catalogue/add/", data).status_code == 302
    assert service("dropcontact", "phone").fields == ["phone"]
    assert "Dropcontact" in page(sales_client)
    assert "already has it" in sales_client.post("/waterfall/catalogue/add/", data).content.decode()
    again = {"waterfall": "email", "slug": "other", "name": ""}
    assert "enter a display name" in sales_client.post("/waterfall/catalogue/add/", again).content.decode()


# ---------------------------------------------------------------- who may

READ = ["/waterfall/", "/waterfall/versions/", "/waterfall/versions/1/", "/waterfall/catalogue/"]
CHANGE = ["/waterfall/publish/", "/waterfall/catalogue/add/"]
WRITE = [
    "/waterfall/save/",
    "/waterfall/merge/",
    "/waterfall/discard/",
    "/waterfall/publish/",
    "/waterfall/versions/1/roll-back/",
    "/waterfall/catalogue/add/",
]


def test_without_the_right_it_is_only_read(compliance_client, nobody_client, client, draft):
    found = service()
    for address in READ:
        page(compliance_client, address)
        assert nobody_client.get(address).status_code == 403
        assert client.get(address).status_code == 302
    for address in [*CHANGE, f"/waterfall/catalogue/{found.pk}/"]:
        assert compliance_client.get(address).status_code == 403
        assert client.get(address).status_code == 302
    for address in [*WRITE, f"/waterfall/catalogue/{found.pk}/"]:
        assert compliance_client.post(address, {"op": "up:email:hunter"}).status_code == 403
        assert nobody_client.post(address).status_code == 403
        assert client.post(address).status_code == 302
    assert versions.draft_of(WaterfallVersion).revision == draft.revision
    shown = page(compliance_client)
    assert "have permission to change the waterfalls" in shown
    assert "data-grip" not in shown
    assert "Discard" not in shown
