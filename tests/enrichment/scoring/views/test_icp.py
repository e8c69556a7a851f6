"""ICP: the editor, its effect, saving, merging; who may do what."""

import copy
import json

import pytest
from django.urls import reverse

from enrichment import versions
from enrichment.documents.scorecard import PUBLISHED
from enrichment.documents.scorecard_problems import problems
from enrichment.models import Lead, ScorecardVersion
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import editing, form
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from tests.factories import EnrichedLeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scoring_snapshot")]
HTMX = {"HTTP_HX_REQUEST": "true"}


def this_draft():
    """What the page's form says of the draft it shows."""
    draft = versions.draft_of(ScorecardVersion)
    return {"revision": "1", "draft": draft.pk if draft else ""}


def posted(document, **more):
    """What the browser posts of a form that holds this document."""
    built = form.build_form(document, problems(document))
    fields = [built.cap]
    for part in built.parts:
        fields += [*part.fields.values(), *(field for row in part.rows for field in row.fields.values())]
    fields += [field for row in built.tiers for field in row.fields.values()]
    draft = versions.draft_of(ScorecardVersion)
    began = {
        "draft": draft.pk if draft else "",
        "revision": draft.revision if draft else "",
        "over": versions.published(ScorecardVersion).number,
    }
    return {**{field.name: field.value for field in fields}, **began, **more}


def edited(**changes):
    document = copy.deepcopy(PUBLISHED)
    for path, value in changes.items():
        *steps, last = path.split("__")
        at = document
        for step in steps:
            at = at[int(step)] if step.isdecimal() else at[step]
        at[int(last) if last.isdecimal() else last] = value
    return document


LESS = {"components__0__bands__0__points": 5}


def scored(**values):
    lead = EnrichedLeadFactory(**values)
    scoring.apply(lead)
    lead.save()
    return lead


# ---------------------------------------------------------------- who may

GETS = ("icp", "icp_history", "icp_review", "icp_rescore")
POSTS = {
    "icp_edit": "edit",
    "icp_save": "edit",
    "icp_merge": "edit",
    "icp_discard": "edit",
    "icp_publish_run": "edit",
    "icp_effect": "view",
    "icp_movers": "view",
    "icp_movers_export": "view",
    "icp_try": "view",
    "icp_review_plan": "deliver",
    "icp_review_deliver": "deliver",
    "icp_review_dismiss": "deliver",
}


@pytest.mark.parametrize("name", GETS)
def test_people_who_see_leads_see_it(name, sales_client, compliance_client, nobody_client, client):
    assert sales_client.get(reverse(name)).status_code == 200
    assert compliance_client.get(reverse(name)).status_code == 200
    assert nobody_client.get(reverse(name)).status_code == 403
    assert client.get(reverse(name)).status_code == 302


@pytest.mark.parametrize(("name", "right"), POSTS.items())
def test_only_the_right_acts(name, right, sales_client, compliance_client, nobody_client, client):
    url = reverse(name)
    data = posted(PUBLISHED)
    assert sales_client.get(url).status_code == 405
    assert nobody_client.post(url, data).status_code == 403
    assert client.post(url, data).status_code == 302
    expected = {"edit": {403}, "deliver": {403}, "view": {200}}[right]
    assert compliance_client.post(url, data).status_code in expected
    assert sales_client.post(url, data).status_code in {200, 302, 409}


def test_publishing_and_rolling_back_ask_for_the_right(compliance_client, nobody_client, client):
    for url in (reverse("icp_publish"), reverse("icp_roll_back", args=[1])):
        assert compliance_client.get(url).status_code == 403
        assert nobody_client.get(url).status_code == 403
        assert client.get(url).status_code == 302


def test_whoever_may_not_edit_sees_why(compliance_client):
    page = compliance_client.get(reverse("icp")).content.decode()
    assert "You can view the scorecard but not change it." in page
    assert '<fieldset class="icp-fieldset" disabled>' in page


# ---------------------------------------------------------------- the form


def test_the_form_holds_the_published_card_and_reads_back_as_it(sales_client):
    page = sales_client.get(reverse("icp"))
    assert page.status_code == 200
    assert editing.parse_form(posted(PUBLISHED)) == {
        **PUBLISHED,
        "components": [
            {**part, **({"unit": part.get("unit", "")} if part["kind"] == "bands" else {})}
            for part in PUBLISHED["components"]
        ],
    }


def test_buttons_change_what_is_in_the_form_and_save_nothing(sales_client):
    answer = sales_client.post(reverse("icp_edit"), posted(PUBLISHED, do="add:components.0.bands"), **HTMX)
    assert answer.status_code == 200
    assert 'name="components.0.bands.4.points"' in answer.content.decode()
    assert answer["HX-Trigger-After-Settle"] == "icp-edited"
    assert versions.draft_of(ScorecardVersion) is None


def test_a_button_without_javascript_gives_the_page(sales_client):
    page = sales_client.post(reverse("icp_edit"), posted(PUBLISHED, do="remove:components.4")).content.decode()
    assert "<!doctype html>" in page
    assert 'name="components.4.label"' not in page
    assert "data-unsaved" in page


def test_a_component_is_added_over_another_field(sales_client):
    data = posted(PUBLISHED, do="component", new_component="rules:company_location")
    page = sales_client.post(reverse("icp_edit"), data, **HTMX).content.decode()
    assert 'name="components.5.field" value="company_location"' in page


# ---------------------------------------------------------------- the effect


def test_the_effect_is_shown_of_what_is_typed(sales_client):
    scored()
    answer = sales_client.post(reverse("icp_effect"), posted(edited(**LESS)), **HTMX)
    found = answer.context["effect"]
    assert (found.leads, found.moved, found.matrix[0][1]) == (1, 1, 1)
    page = answer.content.decode()
    assert "200 to 2,000 employees" in page
    assert versions.draft_of(ScorecardVersion) is None


def test_a_problem_is_said_at_its_field_instead(sales_client):
    data = posted(PUBLISHED, **{"components.0.bands.0.points": "many", "tiers.0.at_least": ""})
    answer = sales_client.post(reverse("icp_effect"), data, **HTMX)
    said = json.loads(answer.context["by_field"])
    assert said == {
        "f-components-0-bands-0-points": "must be a number",
        "f-tiers-0-at_least": "every tier but the last needs a threshold",
    }
    assert "Fix 2 errors" in answer.content.decode()


def test_without_javascript_the_effect_is_a_page(sales_client):
    page = sales_client.post(reverse("icp_effect"), posted(PUBLISHED)).content.decode()
    assert "<!doctype html>" in page
    assert "No leads change tier" in page


def test_whoever_may_not_edit_sees_the_effect_of_what_is_saved(compliance_client, sales_client):
    scored()
    sales_client.post(reverse("icp_save"), posted(edited(**LESS)))
    answer = compliance_client.post(reverse("icp_effect"), {}, **HTMX)
    assert answer.context["effect"].moved == 1


def test_who_moves_is_listed_by_page_and_by_cell(sales_client):
    for number in range(25):
        scored(company_size=200.0 + number)
    scored(company_size=60.0)
    answer = sales_client.post(reverse("icp_movers"), posted(edited(**LESS)), **HTMX)
    assert (answer.context["mover_count"], len(answer.context["movers"]), answer.context["mover_pages"]) == (
        25,
        20,
        2,
    )
    second = sales_client.post(reverse("icp_movers"), posted(edited(**LESS), movers_page="2", cell="1-2"), **HTMX)
    assert (len(second.context["movers"]), second.context["first"], second.context["last"]) == (5, 21, 25)
    none = sales_client.post(reverse("icp_movers"), posted(edited(**LESS), cell="3-1"), **HTMX)
    assert none.context["mover_count"] == 0
    odd = sales_client.post(reverse("icp_movers"), posted(edited(**LESS), movers_page="x", cell="a-b"), **HTMX)
    assert (odd.context["mover_count"], odd.context["mover_page"]) == (25, 1)


def test_movers_are_exported_and_masked_for_those_who_see_them_masked(sales_client, admin_client):
    lead = scored(last_name="Lovelace", title="=cmd()")
    data = posted(edited(**LESS))
    answer = sales_client.post(reverse("icp_movers_export"), data)
    text = b"".join(answer.streaming_content).decode()
    assert answer["Content-Disposition"].startswith("attachment")
    assert f"{lead.pk},Ada Lovelace,Acme Inc,'=cmd()" in text
    event = AuditEvent.objects.get(verb="export_movers")
    assert (event.counts, event.reason) == ({"leads": 1}, "")
    masked = b"".join(admin_client.post(reverse("icp_movers_export"), data).streaming_content).decode()
    assert "Lovelace" not in masked
    assert "A. L." in masked
    assert AuditEvent.objects.filter(verb="export_movers", reason="masked").count() == 1


def test_names_are_masked_in_the_list_for_those_who_see_them_masked(admin_client):
    scored(last_name="Lovelace")
    page = admin_client.post(reverse("icp_movers"), posted(edited(**LESS)), **HTMX).content.decode()
    assert "Lovelace" not in page
    assert "A. L." in page


# ---------------------------------------------------------------- one lead


def test_one_lead_under_both_cards_side_by_side(sales_client):
    lead = scored()
    answer = sales_client.post(reverse("icp_try"), posted(edited(**LESS), **{"try": lead.pk}), **HTMX)
    live, draft = answer.context["sides"]
    assert (live["points"], draft["points"]) == (90.0, 65.0)
    assert [row["label"] for row in answer.context["rows"] if row["differs"]] == ["Company size"]


def test_with_problems_the_live_side_stands_alone(sales_client):
    lead = scored()
    data = posted(PUBLISHED, cap="x", **{"try": lead.pk})
    assert len(sales_client.post(reverse("icp_try"), data, **HTMX).context["sides"]) == 1


def test_a_lead_is_found_by_name_or_number_and_not_by_name_where_it_is_masked(sales_client, admin_client):
    lead = scored(last_name="Lovelace")
    scored(last_name="Other")

    def found(client, text):
        answer = client.post(reverse("icp_try"), posted(PUBLISHED, try_search=text), **HTMX)
        return [row["lead"].pk for row in answer.context.get("found", [])]

    assert found(sales_client, "lovel") == [lead.pk]
    assert found(sales_client, str(lead.pk)) == [lead.pk]
    assert found(admin_client, "lovel") == []
    assert found(sales_client, "nobody at all") == []


# ---------------------------------------------------------------- saving


def test_saving_makes_the_draft_and_then_saves_into_it(sales_client):
    answer = sales_client.post(reverse("icp_save"), posted(edited(**LESS)))
    assert answer.status_code == 302
    draft = versions.draft_of(ScorecardVersion)
    assert draft.document["components"][0]["bands"][0]["points"] == 5
    assert draft.created_by.email == "sales@example.com"
    sales_client.post(reverse("icp_save"), posted(edited(cap=95)))
    assert versions.draft_of(ScorecardVersion).document["cap"] == 95
    assert ScorecardVersion.objects.count() == 2


def test_saving_what_is_published_begins_no_draft(sales_client):
    page = sales_client.post(reverse("icp_save"), posted(PUBLISHED), follow=True).content.decode()
    assert "No changes to save." in page
    assert versions.draft_of(ScorecardVersion) is None


def test_an_invalid_draft_is_kept_and_its_problems_stand_at_their_fields(sales_client):
    data = posted(PUBLISHED, **{"components.0.bands.0.points": "31"})
    sales_client.post(reverse("icp_save"), data)
    page = sales_client.get(reverse("icp")).content.decode()
    assert "31 is above the component&#x27;s maximum of 30" in page
    assert versions.draft_of(ScorecardVersion).document["components"][0]["bands"][0]["points"] == 31
    assert sales_client.get(reverse("icp_publish")).status_code == 302


def test_what_was_typed_unreadable_is_still_there(sales_client):
    data = posted(PUBLISHED, **{"components.0.cap": "a lot"})
    sales_client.post(reverse("icp_save"), data)
    page = sales_client.get(reverse("icp")).content.decode()
    assert 'value="a lot"' in page
    assert "must be a number" in page


def test_the_thousandth_save_names_the_one_it_began_with(sales_client):
    ScorecardVersion.objects.update(number=1234)
    sales_client.post(reverse("icp_save"), posted(edited(**LESS)))
    ScorecardVersion.objects.filter(status="draft").update(revision=1000)
    for address in ("icp", "icp_publish"):
        page = sales_client.get(reverse(address)).content.decode()
        assert 'name="revision" value="1000"' in page
        assert 'name="over" value="1234"' in page


def test_save_and_go_on_to_publishing(sales_client):
    answer = sales_client.post(reverse("icp_save"), posted(edited(**LESS), then="publish"))
    assert answer["Location"] == reverse("icp_publish")
    broken = sales_client.post(reverse("icp_save"), posted(PUBLISHED, then="publish", cap="x"))
    assert broken["Location"] == reverse("icp")


def test_a_stale_save_is_answered_with_the_merge_and_changes_nothing(sales_client, admin_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    mine = posted(edited(cap=98, **LESS))
    admin_client.post(reverse("icp_save"), posted(edited(cap=97)))
    answer = sales_client.post(reverse("icp_save"), mine)
    (conflict,) = answer.context["conflicts"]
    assert (conflict.base, conflict.theirs, conflict.yours) == ("99", "97", "98")
    assert answer.context["by"].email == "admin@example.com"
    assert versions.draft_of(ScorecardVersion).document == edited(cap=97) | {
        "components": versions.draft_of(ScorecardVersion).document["components"]
    }
    hidden = answer.context["sent"]
    again = sales_client.post(reverse("icp_merge"), hidden)
    assert [each.choice for each in again.context["conflicts"]] == [""]
    done = sales_client.post(reverse("icp_merge"), {**hidden, f"choose:{conflict.path}": "yours"})
    assert done.status_code == 302
    document = versions.draft_of(ScorecardVersion).document
    assert (document["cap"], document["components"][0]["bands"][0]["points"]) == (98, 5)


def test_a_merge_that_is_stale_itself_is_asked_again(sales_client, admin_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    mine = posted(edited(cap=99, **LESS))
    admin_client.post(reverse("icp_save"), posted(edited(cap=97)))
    answer = sales_client.post(reverse("icp_save"), mine)
    hidden = answer.context["sent"]
    admin_client.post(reverse("icp_save"), posted(edited(cap=96)))
    assert "yours_changes" in sales_client.post(reverse("icp_merge"), hidden).context
    assert versions.draft_of(ScorecardVersion).document["cap"] == 96


def test_two_people_who_both_begin_a_draft_are_merged(sales_client, admin_client):
    mine, theirs = posted(edited(**LESS)), posted(edited(cap=97))
    admin_client.post(reverse("icp_save"), theirs)
    answer = sales_client.post(reverse("icp_save"), mine)
    assert answer.context["conflicts"] == []
    hidden = answer.context["sent"]
    sales_client.post(reverse("icp_merge"), hidden)
    document = versions.draft_of(ScorecardVersion).document
    assert (document["cap"], document["components"][0]["bands"][0]["points"]) == (97, 5)


def test_what_was_typed_survives_that_the_draft_was_discarded(sales_client, admin_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    mine = posted(edited(cap=98))
    admin_client.post(reverse("icp_discard"), this_draft())
    answer = sales_client.post(reverse("icp_save"), mine)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "was published or discarded" in page
    assert 'name="cap" value="98"' in page
    hidden = {"base": json.dumps(PUBLISHED), "yours": json.dumps(edited(cap=98)), "revision": "1"}
    merged = sales_client.post(reverse("icp_merge"), hidden)
    assert merged.status_code == 409
    assert 'name="cap" value="98"' in merged.content.decode()


@pytest.mark.parametrize("value", ["", "[]", "{", "3"])
def test_a_merge_that_cannot_be_read_is_refused(sales_client, value):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    assert sales_client.post(reverse("icp_merge"), {"base": value, "yours": value, "revision": "1"}).status_code == 409


def test_a_draft_is_discarded(sales_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    sales_client.post(reverse("icp_discard"), this_draft())
    assert versions.draft_of(ScorecardVersion) is None
    page = sales_client.post(reverse("icp_discard"), this_draft(), follow=True).content.decode()
    assert "There is no draft." in page


def test_somebody_elses_save_is_not_discarded(sales_client, admin_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    admin_client.post(reverse("icp_save"), posted(edited(cap=98)))
    sales_client.post(reverse("icp_discard"), this_draft())
    assert versions.draft_of(ScorecardVersion).document["cap"] == 98


def test_another_draft_with_the_same_number_is_not_discarded(sales_client, admin_client):
    sales_client.post(reverse("icp_save"), posted(edited(cap=99)))
    looked_at = this_draft()
    admin_client.post(reverse("icp_discard"), this_draft())
    admin_client.post(reverse("icp_save"), posted(edited(cap=98)))
    assert ("Someone started another draft") in sales_client.post(
        reverse("icp_discard"), looked_at, follow=True
    ).content.decode()
    assert versions.draft_of(ScorecardVersion).document["cap"] == 98


def test_a_card_that_looks_at_masked_values_shows_its_effect_to_nobody_who_sees_them_masked(admin_client):
    scored(email_personal="ada@home.example")
    card = copy.deepcopy(PUBLISHED)
    rule = {"needles": ["ada@"], "points": 5, "match": "substring"}
    card["components"].append(
        {"id": "spy", "label": "Spy", "kind": "rules", "field": "email_personal", "cap": 5, "rules": [rule]}
    )
    answer = admin_client.post(reverse("icp_try"), {**posted(card), "try": Lead.objects.get().pk}, **HTMX)
    assert "Spy" not in answer.content.decode()


def test_the_navigation_leads_here(sales_client):
    assert f'href="{reverse("icp")}"' in sales_client.get(reverse("leads")).content.decode()


def test_nothing_of_a_lead_is_in_an_address(sales_client):
    scored(last_name="Lovelace")
    page = sales_client.post(reverse("icp_effect"), posted(edited(**LESS)), **HTMX).content.decode()
    assert "?try" not in page
    assert Lead.objects.count() == 1
    assert User.objects.count() == 1
