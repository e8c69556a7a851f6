"""Pilots where Clay takes no waterfalls with an enrichment: said where one would look, with what to do instead."""

from typing import Any

import pytest
from django.test import Client

from enrichment import versions
from enrichment.models import BulkJob, WaterfallVersion
from enrichment.pilots import pilot
from enrichment.versions import EditStart
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.waterfall.test_editing import changed
from tests.factories import LeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table_connector")]


def draft(by: User) -> WaterfallVersion:
    return versions.save_edit(WaterfallVersion, changed(providers=["hunter", "apollo"]), EditStart(), by=by)


def test_none_is_started() -> None:
    ada = User.objects.create_user("ada@example.com")
    tried, lead = draft(ada), LeadFactory()
    with pytest.raises(ActionNotAllowed, match="a draft can't be tested on some"):
        pilot.start_pilot(tried, [lead.pk], revision=tried.revision, by=ada)
    lead.refresh_from_db()
    assert lead.trial is None
    assert not BulkJob.objects.exists()


def test_the_screens_say_what_to_do_instead(sales_client: Client) -> None:
    draft(User.objects.get(email="sales@example.com"))
    shown = sales_client.get("/waterfall/pilots/").content.decode()
    assert "set it up in a copy of your Clay table" in shown
    assert 'href="/waterfall/pilots/new/"' not in shown
    answer = sales_client.get("/waterfall/pilots/new/", follow=True)
    assert answer.redirect_chain == [("/waterfall/pilots/", 302)]
    assert "Start a pilot" not in sales_client.get("/waterfall/").content.decode()


def test_with_the_rows_api_they_are_offered(sales_client: Client, settings: Any) -> None:
    settings.CLAY_CONNECTOR = "rows-api"
    draft(User.objects.get(email="sales@example.com"))
    assert 'href="/waterfall/pilots/new/"' in sales_client.get("/waterfall/pilots/").content.decode()
    assert "Start a pilot" in sales_client.get("/waterfall/").content.decode()
