"""The frame without a browser: who sees which entry, headers, errors, login, messages for htmx."""

import json

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, override_settings
from django.urls import path

from swarm_admin.urls import urlpatterns as real

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/connections/"}


def fail(request: object) -> None:
    raise RuntimeError("on purpose")


urlpatterns = [path("fails/", fail), *real]


def entries(client: Client) -> list[str]:
    """The labels of the left navigation."""
    return [entry.label for entry in client.get("/").context["navigation"]]


def test_navigation_holds_what_a_person_may_use(
    sales_client: Client, compliance_client: Client, admin_client: Client
) -> None:
    everybody = {"Overview", "Leads", "Connections"}
    assert everybody | {"Import"} <= set(entries(sales_client))
    assert everybody | {"Import"} <= set(entries(admin_client))
    assert everybody <= set(entries(compliance_client))
    assert "Import" not in entries(compliance_client)


def test_a_person_without_a_role_is_told_so(nobody_client: Client) -> None:
    answer = nobody_client.get("/")
    assert answer.status_code == 403
    assert "Your account has no role yet" in answer.content.decode()
    assert answer.context["navigation"] == []


def test_pages_run_no_inline_script_or_style(sales_client: Client) -> None:
    for address in ("/", "/connections/", "/account/2fa/", "/account/sessions/"):
        answer = sales_client.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_pages_are_kept_nowhere_and_vary_by_htmx(sales_client: Client) -> None:
    answer = sales_client.get("/")
    assert "HX-Request" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_an_expired_session_sends_htmx_to_the_login(client: Client) -> None:
    answer = client.get("/", headers=HTMX)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/account/login/?next=%2Fconnections%2F"


@pytest.mark.django_db
def test_an_expired_session_sends_a_page_to_the_login(client: Client) -> None:
    assert client.get("/connections/").headers["Location"] == "/account/login/?next=/connections/"


def test_messages_become_toasts_for_htmx(admin_client: Client) -> None:
    admin_client.post("/connections/clay/set-up/")  # no vendor answers in this test: an error message waits
    answer = admin_client.get("/connections/", headers=HTMX)
    [toast] = json.loads(answer.headers["HX-Trigger"])["toasts"]
    assert toast["level"] == "error"
    assert "HX-Trigger" not in admin_client.get("/connections/", headers=HTMX).headers


def test_an_unknown_address_keeps_the_frame(sales_client: Client) -> None:
    answer = sales_client.get("/nothing/")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()
    assert "Overview" in answer.content.decode()


@override_settings(ROOT_URLCONF="tests.swarm_admin.test_pages")
def test_a_fault_of_ours_shows_no_traceback(sales_client: Client) -> None:
    sales_client.raise_request_exception = False
    answer = sales_client.get("/fails/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "on purpose" not in answer.content.decode()


@pytest.mark.django_db
def test_a_stale_form_is_explained() -> None:
    answer = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "a", "password": "b"})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


@pytest.mark.django_db
def test_nobody_signs_up(client: Client) -> None:
    assert "Accounts are created by an admin" in client.get("/account/signup/").content.decode()
    assert "sign up" not in client.get("/account/login/").content.decode().lower()


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_adds_an_address_to_sign_in_with(method: str, sales_client: Client) -> None:
    answer = getattr(sales_client, method)("/account/email/", {"email": "new@example.com", "action_add": ""})
    assert answer.status_code == 404
    assert not EmailAddress.objects.filter(email="new@example.com").exists()
    for url in ("/account/password/change/", "/account/2fa/", "/"):
        assert "/account/email/" not in sales_client.get(url, follow=True).content.decode()


@pytest.mark.parametrize("url", ["/leads/export/", "/leads/1/deliver/", "/import/1/cancel/"])
def test_the_address_of_a_button_opened_as_a_page_says_so(url: str, sales_client: Client) -> None:
    answer = sales_client.get(url)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "Nothing was changed" in answer.content.decode()
    assert sales_client.get(url, headers={"Accept": "application/json"}).content == b""
