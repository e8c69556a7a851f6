"""Staff and keys: invited, given a role, shut out; keys shown once. An admin's, and nobody else's."""

import re
from collections.abc import Callable
from html import escape
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client

from gdpr.models import AuditEvent
from swarm_admin.access.adapter import NO_SERVER, NOT_MAILED
from swarm_admin.access.models import ApiKey, User, find_key
from swarm_admin.access.roles import ADMIN, COMPLIANCE, SALES_OPS
from tests.plugins import mail_server as servers

pytestmark = pytest.mark.django_db
NEW = {"email": "Nora@Example.com", "first_name": "Nora", "last_name": "New", "role": SALES_OPS}
PASSWORD = "a long-enough passphrase 7"


@pytest.fixture
def person() -> User:
    user = User.objects.create_user("kim@example.com", PASSWORD, first_name="Kim")
    user.groups.add(Group.objects.get(name=SALES_OPS))
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def role_of(user: User) -> list[str]:
    return list(user.groups.values_list("name", flat=True))


def act(client: Client, user: User, name: str, **given: str) -> str:
    answer = client.post(f"/staff/{user.pk}/{name}/", given, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("who", ["sales_client", "compliance_client", "nobody_client"])
def test_it_is_for_admins_alone(request: pytest.FixtureRequest, who: str, person: User) -> None:
    client = request.getfixturevalue(who)
    key, _ = ApiKey.issue(name="x", scopes=["leads:read"], by=None)
    assert client.get("/staff/").status_code == 403
    for address in ("invite/", f"{person.pk}/shut-out/", "keys/", f"keys/{key.pk}/revoke/"):
        assert client.post(f"/staff/{address}", NEW).status_code == 403
    assert "Staff and keys" not in client.get("/").content.decode()


def test_strangers_sign_in_first(client: Client) -> None:
    assert "/account/login/" in client.get("/staff/").headers["Location"]


def test_who_is_invited_chooses_a_password_and_signs_in(admin_client: Client, client: Client, mailoutbox: list) -> None:
    answer = admin_client.post("/staff/invite/", NEW)
    link = answer.context["invitation"].link
    assert link in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    (mail,) = mailoutbox
    assert (mail.to, link in mail.body) == (["nora@example.com"], True)
    assert role_of(User.objects.get(email="nora@example.com")) == [SALES_OPS]

    path = "/" + link.split("/", 3)[3]
    asked = client.get(path, follow=True)
    form = {"password1": PASSWORD, "password2": PASSWORD}
    client.post(asked.request["PATH_INFO"], form)
    client.post("/account/login/", {"login": "nora@example.com", "password": PASSWORD})
    assert client.get("/leads/").status_code == 200
    again = Client().get(path, follow=True)
    assert not re.search('name="password1"', again.content.decode()), "the link opens once"


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.DRIPS, servers.DATA])
def test_an_invitation_does_not_wait_for_a_mail_server_that_hangs_and_says_it_was_not_mailed(
    admin_client: Client, mail_server: Callable, behaviour: str
) -> None:
    mail_server(behaviour)
    answer = admin_client.post("/staff/invite/", NEW)
    assert "e-mailed.</strong>" in answer.content.decode()
    assert answer.context["invitation"].link in answer.content.decode()


@pytest.mark.parametrize("email", ["kim@example.com", "nobody@example.com"])
@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.DRIPS, servers.DATA])
def test_a_password_mail_that_did_not_leave_is_not_said_to_have_been_sent(
    client: Client, person: User, mail_server: Callable, behaviour: str, email: str
) -> None:
    mail_server(behaviour)
    answer = client.post("/account/password/reset/", {"email": email})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/password/reset/")
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [NOT_MAILED]


def test_without_a_mail_server_an_admin_is_asked_for_the_link(client: Client, person: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    page = client.post("/account/password/reset/", {"email": person.email}, follow=True).content.decode()
    assert escape(NO_SERVER) in page


def test_a_password_mail_goes_out_where_the_server_takes_it(
    client: Client, person: User, mail_server: Callable
) -> None:
    server = mail_server(servers.TAKES)
    answer = client.post("/account/password/reset/", {"email": person.email})
    assert answer.headers["Location"] == "/account/password/reset/done/"
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "KIM@example.com"}, "already exists"),
        ({"email": "no address"}, "valid email"),
        ({"role": "Owner"}, "not one of the available choices"),
    ],
)
def test_an_invitation_that_cannot_be_says_why(admin_client: Client, person: User, change: dict, sentence: str) -> None:
    before = User.objects.count()
    answer = admin_client.post("/staff/invite/", NEW | change)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert User.objects.count() == before


def test_a_role_is_given_and_the_one_before_taken(admin_client: Client, person: User) -> None:
    act(admin_client, person, "role", role=COMPLIANCE)
    assert role_of(person) == [COMPLIANCE]
    assert "Choose a role" in act(admin_client, person, "role", role="Owner")
    assert role_of(person) == [COMPLIANCE]
    assert verbs() == ["give_role"]


def test_who_is_shut_out_is_out_at_once_and_comes_back_as_they_were(
    admin_client: Client, person: User, client: Client
) -> None:
    client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    assert client.get("/leads/").status_code == 200
    assert UserSession.objects.filter(user=person).count() == 1
    act(admin_client, person, "shut-out")
    assert client.get("/leads/").status_code == 302
    assert not UserSession.objects.filter(user=person).exists()
    client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    assert client.get("/leads/").status_code == 302
    assert "deactivated" in act(admin_client, person, "link")
    act(admin_client, person, "let-in")
    client.post("/account/login/", {"login": person.email, "password": PASSWORD})
    assert client.get("/leads/").status_code == 200


def test_a_lost_second_factor_is_taken_away(admin_client: Client, person: User) -> None:
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert "Remove two-factor" in admin_client.get("/staff/").content.decode()
    act(admin_client, person, "second-factor")
    assert not Authenticator.objects.filter(user=person).exists()
    assert verbs() == ["take_second_factor"]


def test_nobody_changes_themselves_and_one_admin_stays(admin_client: Client, person: User) -> None:
    me = User.objects.get(pk=admin_client.session["_auth_user_id"])
    for name in ("role", "shut-out", "second-factor", "let-in"):
        assert "change your own access" in act(admin_client, me, name, role=SALES_OPS)
    assert role_of(me) == [ADMIN]
    act(admin_client, person, "role", role=ADMIN)
    other = Client()
    other.force_login(person)
    act(other, me, "shut-out")
    assert not User.objects.get(pk=me.pk).is_active
    assert User.objects.filter(is_active=True, groups__name=ADMIN).count() == 1


def test_a_key_is_shown_once_and_revoked(admin_client: Client) -> None:
    given = {"name": "Hunter agent", "scopes": ["leads:write", "leads:read"]}
    answer = admin_client.post("/staff/keys/", given)
    plaintext = answer.context["plaintext"]
    assert plaintext in answer.content.decode()
    assert plaintext not in admin_client.get("/staff/").content.decode()
    key = find_key(plaintext)
    assert key is not None
    assert key.created_by_id == int(admin_client.session["_auth_user_id"])
    admin_client.post(f"/staff/keys/{key.pk}/revoke/")
    assert find_key(plaintext) is None
    assert verbs() == ["issue_key", "revoke_key"]
    assert plaintext not in " ".join(map(str, AuditEvent.objects.values_list("reason", "fields")))


@pytest.mark.parametrize("given", [{"name": "x"}, {"name": "x", "scopes": ["everything"]}, {"scopes": ["leads:read"]}])
def test_a_key_needs_a_name_and_scopes_there_are(admin_client: Client, given: dict) -> None:
    assert admin_client.post("/staff/keys/", given).status_code == 422
    assert not ApiKey.objects.exists()


def test_the_first_admin_is_invited_from_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("invite", "first@example.com")
    assert "/account/password/reset/key/" in capsys.readouterr().out
    assert role_of(User.objects.get(email="first@example.com")) == [ADMIN]
    with pytest.raises(CommandError, match="already exists"):
        call_command("invite", "first@example.com")
