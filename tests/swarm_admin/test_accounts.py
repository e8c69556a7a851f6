"""Accounts: named by an e-mail address, which is one account's in any letter case."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from gdpr.models import AuditEvent
from swarm_admin.access.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("Ada@Example.com", "correct horse 4", first_name="Ada", last_name="Admin")


def test_the_address_is_the_name(ada: User) -> None:
    assert (str(ada), ada.get_username()) == ("ada@example.com", "ada@example.com")
    assert (ada.get_full_name(), ada.get_short_name()) == ("Ada Admin", "Ada")
    assert not hasattr(ada, "username")
    assert not ada.is_staff
    assert not ada.is_superuser


def test_they_sign_in_in_any_letter_case(ada: User) -> None:
    for spelling in ("ada@example.com", "ADA@EXAMPLE.COM"):
        assert User.objects.get_by_natural_key(spelling) == ada
        assert authenticate(None, email=spelling, password="correct horse 4") == ada
    assert authenticate(None, email="ada@example.com", password="wrong") is None


def test_an_address_is_one_accounts(ada: User) -> None:
    with pytest.raises(IntegrityError, match="auth_user_email"), transaction.atomic():
        User.objects.create_user("aDA@example.com")
    with pytest.raises(IntegrityError, match="email_in_small_letters"):
        User.objects.filter(pk=ada.pk).update(email="aDA@example.com")


def test_an_account_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs an e-mail"):
        User.objects.create_user("")


def test_one_who_may_do_everything() -> None:
    call_command("createsuperuser", "--noinput", "--email", "root@example.com", verbosity=0)
    root = User.objects.get(email="root@example.com")
    assert root.is_staff
    assert root.has_perm("access.change_user")
    assert not root.has_usable_password()


def test_an_account_gets_another_address(ada: User) -> None:
    EmailAddress.objects.create(user=ada, email="ada@example.com", verified=True, primary=True)
    call_command("change_email", str(ada.pk), "Lovelace@example.com")
    assert authenticate(None, email="lovelace@example.com", password="correct horse 4") == ada
    assert authenticate(None, email="ada@example.com", password="correct horse 4") is None
    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["lovelace@example.com"]
    assert AuditEvent.objects.get().verb == "change_email"


@pytest.mark.parametrize(
    ("number", "email", "sentence"),
    [
        ("1000000", "x@example.com", "no account 1000000"),
        ("", "KIM@example.com", "already exists"),
        ("", "no address", "valid email"),
    ],
)
def test_an_address_that_cannot_be_had(ada: User, number: str, email: str, sentence: str) -> None:
    User.objects.create_user("kim@example.com")
    with pytest.raises(CommandError, match=sentence):
        call_command("change_email", number or str(ada.pk), email)
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"
    assert not AuditEvent.objects.exists()
