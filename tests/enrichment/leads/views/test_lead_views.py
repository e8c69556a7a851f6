"""Saved views: the list's filters and order under a name, one's own or everybody's."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from enrichment.leads import saved
from enrichment.models import LeadView
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.access.roles import SALES_OPS

pytestmark = pytest.mark.django_db
QUERY = "tier=1&tier=2&sort=-score&size=50"


@pytest.fixture
def other() -> User:
    user = User.objects.create_user("other@example.com", first_name="Olga")
    user.groups.add(Group.objects.get(name=SALES_OPS))
    return user


def menu(client: Client) -> str:
    answer = client.get("/leads/views/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_view_brings_the_same_list_back(sales_client: Client) -> None:
    shown = sales_client.get(f"/leads/?{QUERY}").content.decode()
    assert 'form="lead-view-save"' in shown
    answer = sales_client.post("/leads/views/save/", {"name": " Best  first ", "query": QUERY})
    view = LeadView.objects.get()
    assert (view.name, view.is_shared) == ("Best first", False)
    assert answer.headers["Location"] == f"/leads/?{view.query}"
    listed = sales_client.get(f"/leads/?{view.query}").context["list"]
    assert (listed.applied["tier"], listed.sort, listed.size) == (["1", "2"], "-score", 50)
    assert "Best first" in menu(sales_client)
    assert list(AuditEvent.objects.values_list("verb", flat=True)) == ["save_view"]


def test_the_same_name_again_replaces_it(sales_client: Client) -> None:
    for query in ("tier=1", "tier=2"):
        sales_client.post("/leads/views/save/", {"name": "Mine", "query": query, "shared": "1"})
    view = LeadView.objects.get()
    assert (view.query, view.is_shared) == ("tier=2", True)


def test_search_words_are_not_kept(sales_client: Client) -> None:
    sales_client.post("/leads/search/", {"q": "jane doe"})
    query = sales_client.get("/leads/?q=jane+doe&tier=1").context["list"].query
    assert "find=" in query
    answer = sales_client.post("/leads/views/save/", {"name": "Jane", "query": query}, follow=True)
    assert "search terms aren&#x27;t saved" in answer.content.decode()
    assert LeadView.objects.get().query == "tier=1"
    assert "jane" not in LeadView.objects.get().query


def test_others_see_what_is_shared_and_cannot_delete_it(sales_client: Client, other: User) -> None:
    saved.save_view(name="Theirs", query="tier=1", is_shared=True, by=other)
    saved.save_view(name="Private", query="tier=2", is_shared=False, by=other)
    text = menu(sales_client)
    assert "Theirs" in text
    assert "by Olga" in text
    assert "Private" not in text
    shared, private = LeadView.objects.order_by("-is_shared")
    refused = sales_client.post(f"/leads/views/{shared.pk}/delete/", follow=True)
    assert "Only the owner can delete a view" in refused.content.decode()
    assert sales_client.post(f"/leads/views/{private.pk}/delete/").status_code == 404
    assert LeadView.objects.count() == 2


def test_ones_own_is_deleted(sales_client: Client) -> None:
    sales_client.post("/leads/views/save/", {"name": "Mine", "query": ""})
    sales_client.post(f"/leads/views/{LeadView.objects.get().pk}/delete/")
    assert not LeadView.objects.exists()
    assert "None yet" in menu(sales_client)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_name_that_cannot_be_is_said(sales_client: Client, name: str) -> None:
    answer = sales_client.post("/leads/views/save/", {"name": name, "query": "tier=1"}, follow=True)
    assert "Enter a view name of up to 60 characters" in answer.content.decode()
    assert not LeadView.objects.exists()


def test_a_query_of_nonsense_keeps_nothing_of_it(sales_client: Client) -> None:
    given = {"name": "Odd", "query": "<script>=1&next=https://evil.example&tier=9\x00&page=7"}
    sales_client.post("/leads/views/save/", given)
    assert "script" not in LeadView.objects.get().query
    assert "evil" not in LeadView.objects.get().query


def test_it_is_for_who_may_see_leads(nobody_client: Client, client: Client) -> None:
    for each, status in ((nobody_client, 403), (client, 302)):
        assert each.get("/leads/views/").status_code == status
        assert each.post("/leads/views/save/", {"name": "x"}).status_code == status
