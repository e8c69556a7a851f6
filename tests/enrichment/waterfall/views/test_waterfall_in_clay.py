"""Waterfall, In Clay: what staff see and do where a person sets up the waterfalls there."""

import pytest
from django.utils import timezone

from enrichment import versions
from enrichment.models import AppliedWaterfall, ProviderService, WaterfallVersion
from enrichment.versions import EditStart
from swarm_admin.access.models import User
from tests.enrichment.waterfall.runs import attempts
from tests.enrichment.waterfall.test_editing import changed

pytestmark = pytest.mark.django_db
ADDRESS = "/waterfall/in-clay/"
NOT_APPLIED = "marked as applied in Clay.</strong>"
SCREENS = (
    "/waterfall/",
    "/waterfall/catalogue/",
    "/waterfall/spending/",
    "/waterfall/versions/",
    "/waterfall/economics/",
)


def page(client, address=ADDRESS):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def apply(client, at=None, number=1):
    at = at or timezone.now()
    return client.post(f"{ADDRESS}{number}/apply/", {"at": f"{at:%Y-%m-%dT%H:%M}"}, follow=True).content.decode()


def test_where_clay_is_told_by_call_there_is_no_such_part(sales_client):
    for address in SCREENS:
        shown = page(sales_client, address)
        assert NOT_APPLIED not in shown
        assert ADDRESS not in shown
    assert "Nothing to set up" in page(sales_client)


def test_every_waterfall_screen_says_that_the_plan_is_not_applied_until_it_is(sales_client, table_connector):
    for address in SCREENS:
        assert NOT_APPLIED in page(sales_client, address)
    assert "Version 1 is marked as applied in Clay." in apply(sales_client)
    for address in SCREENS:
        assert NOT_APPLIED not in page(sales_client, address)
    shown = page(sales_client)
    assert "Version 1 is applied in Clay." in shown
    assert "sales@example.com" in shown


def test_the_checklist_is_shown_and_downloaded(sales_client, table_connector):
    shown = page(sales_client)
    assert "<strong>Apollo</strong>, then <strong>Hunter.io</strong>" in shown
    answer = sales_client.get(f"{ADDRESS}1/checklist.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert "[ ] E-mail waterfall: Apollo, then Hunter.io" in answer.content.decode()


def test_a_drafts_checklist_is_not_given_out(sales_client, table_connector):
    by = User.objects.get(email="sales@example.com")
    draft = versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=by)
    assert sales_client.get(f"{ADDRESS}{draft.number}/checklist.txt").status_code == 404


def test_publishing_leads_on_to_the_checklist(sales_client, table_connector):
    by = User.objects.get(email="sales@example.com")
    apply(sales_client)
    draft = versions.save_edit(WaterfallVersion, changed(providers=["hunter", "apollo"]), EditStart(), by=by)
    sent = {"draft": draft.pk, "revision": draft.revision, "over": 1, "note": "Hunter first"}
    assert "set it up there with the checklist" in page(sales_client, "/waterfall/publish/")
    answer = sales_client.post("/waterfall/publish/", sent, follow=True)
    assert answer.redirect_chain == [(ADDRESS, 302)]
    shown = answer.content.decode()
    assert "Version 2 is published. Now set it up in Clay." in shown
    assert "As far as we know, Clay runs version 1" in shown
    assert "Changes since version 1" in shown


def test_a_mark_is_taken_back(sales_client, table_connector):
    apply(sales_client)
    mark = AppliedWaterfall.objects.get()
    answer = sales_client.post(f"{ADDRESS}marks/{mark.pk}/undo/", follow=True)
    assert "Version 1 is no longer marked as applied." in answer.content.decode()
    assert not AppliedWaterfall.objects.exists()


@pytest.mark.parametrize("at", ["", "2026-02-30T10:00", "soon", "1999-01-01T00:00"])
def test_a_time_that_cannot_be_is_refused_in_words(sales_client, table_connector, at):
    answer = sales_client.post(f"{ADDRESS}1/apply/", {"at": at}, follow=True)
    assert "Enter when you set it up" in answer.content.decode()
    assert not AppliedWaterfall.objects.exists()


def test_what_the_results_show_stands_beside_the_plan(sales_client, table_connector):
    attempts(14, ("zoominfo", ["email_work"], "0.10"))
    WaterfallVersion.objects.update(published_at="2026-01-01T00:00Z")
    shown = page(sales_client)
    assert "Clay called ZoomInfo for e-mail, which is not in the published order." in shown
    assert "No result contradicts the plan" not in shown


def test_whoever_may_not_edit_sees_why(compliance_client, table_connector):
    if compliance_client.get(ADDRESS).status_code == 200:
        assert "You don&#x27;t have permission to change the waterfalls" in page(compliance_client)
    assert compliance_client.post(f"{ADDRESS}1/apply/", {"at": "2026-01-01T00:00"}).status_code == 403


def test_policies_of_hourly_limits_are_not_offered_and_kept(sales_client, table_connector):
    assert "hourly limit is reached" not in page(sales_client, "/waterfall/")
    assert 'type="hidden" name="email-policy"' in page(sales_client, "/waterfall/")


def test_hourly_limits_are_clays_in_the_catalogue_and_nothing_is_reused(sales_client, settings):
    shown = page(sales_client, "/waterfall/catalogue/")
    assert "Calls per hour</th>" in shown
    assert "Clay runs the providers itself" not in shown
    settings.CLAY_CONNECTOR = "table"
    shown = page(sales_client, "/waterfall/catalogue/")
    assert "Calls per hour</th>" not in shown
    assert "Clay runs the providers itself" in shown
    service = ProviderService.objects.first()
    assert "Not used with this connection" in page(sales_client, f"/waterfall/catalogue/{service.pk}/")
    assert "Nothing new is reused from cache" in page(sales_client, "/waterfall/spending/")
