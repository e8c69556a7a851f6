"""Accounts of 0.1.0, which were Django's own, become ours by one `migrate`: everybody, and all that leads to them."""

from collections.abc import Iterator

import psycopg
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import models as django_auth
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from enrichment.models import LeadView
from swarm_admin.access.models import ApiKey, User
from swarm_admin.access.roles import ADMIN, SALES_OPS
from swarm_admin.management.commands import migrate as migrate_command
from tests.prepared import prepared_database

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = make_password("correct horse 4")
ADA, SAM, CHIEF = 7, 12, 40
# {number: (what 0.1.0 signed in with, e-mail)}
PEOPLE = {ADA: ("ada@example.com", "ada@example.com"), SAM: ("Sam", "Sam@Example.com"), CHIEF: ("chief", "")}
KEYS_TO_ACCOUNTS = """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
    FROM pg_constraint WHERE contype = 'f' AND confrelid = 'auth_user'::regclass ORDER BY 1, 2"""
COLUMNS = """SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname"""


def rows(sql: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def say(sql: str, *values: object) -> None:
    rows(sql, *values)


def move_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    ContentType.objects.clear_cache()


@pytest.fixture
def old() -> Iterator[None]:
    """A database of its own whose accounts are as 0.1.0 left them."""
    usual = connection.settings_dict["NAME"]
    name = f"{usual}_accounts"
    say(f'DROP DATABASE IF EXISTS "{name}"')
    say(f'CREATE DATABASE "{name}" TEMPLATE "{prepared_database()}"')
    move_to(name)
    try:
        make_old()
        yield
    finally:
        move_to(usual)
        say(f'DROP DATABASE "{name}" WITH (FORCE)')


def make_old() -> None:
    """Undoes by hand what 0.2.0 does to the tables, and puts people into them."""
    unique = "SELECT conname FROM pg_constraint WHERE conrelid = 'auth_user'::regclass AND contype = 'u'"
    for (name,) in rows(f"{unique} AND conname LIKE %s", "auth_user_email%"):
        say(f"ALTER TABLE auth_user DROP CONSTRAINT {name}")
        say(f"DROP INDEX {name.removesuffix('_uniq')}_like")
    say("ALTER TABLE auth_user DROP CONSTRAINT email_in_small_letters")
    say("ALTER TABLE auth_user ALTER COLUMN username SET NOT NULL")
    say("DELETE FROM django_migrations WHERE app = 'access' AND name <> '0001_initial'")
    say("UPDATE django_content_type SET app_label = 'auth' WHERE app_label = 'access' AND model = 'user'")
    for number, (name, email) in PEOPLE.items():
        add(number, name, email)


def add(number: int, name: str, email: str) -> None:
    say(
        "INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_superuser, is_staff,"
        " is_active, date_joined) VALUES (%s, %s, %s, %s, 'A', 'B', false, false, true, now())",
        number, name, email, PASSWORD,
    )  # fmt: skip


def migrate(*to: str) -> None:
    call_command("migrate", *to, verbosity=0)
    ContentType.objects.clear_cache()


def names() -> dict[int, str]:
    return dict(rows("SELECT id, email FROM auth_user ORDER BY id"))


def applied() -> list[str]:
    return [name for (name,) in rows("SELECT name FROM django_migrations WHERE app = 'access' ORDER BY name")]


def permissions_of(person: User) -> set[str]:
    return {each for each in person.get_all_permissions() if each.endswith("_user")}


def signed_in(number: int) -> str:
    """The cookie of a session as 0.1.0 kept it."""
    session = SessionStore()
    session["_auth_user_id"] = str(number)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = django_auth.User(password=PASSWORD).get_session_auth_hash()
    session.save()
    return session.session_key


def test_the_table_to_begin_with_is_that_of_djangos_own_model(old: None) -> None:
    fields = django_auth.User._meta.local_fields
    columns = [f"{each.column} {each.db_type(connection)}{'' if each.null else ' NOT NULL'}" for each in fields]
    say(f"CREATE TEMPORARY TABLE expected ({', '.join(columns)})")
    assert rows(COLUMNS, "auth_user") == rows(COLUMNS, "expected")


def test_everybody_is_kept_with_all_that_leads_to_them(old: None) -> None:
    role, mine = Group.objects.get(name=ADMIN), Permission.objects.get(codename="delete_user")
    say("INSERT INTO auth_user_groups (user_id, group_id) VALUES (%s, %s)", ADA, role.pk)
    say("INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES (%s, %s)", SAM, mine.pk)
    EmailAddress.objects.create(user_id=ADA, email="ada@example.com", verified=True, primary=True)
    Authenticator.objects.create(user_id=ADA, type=Authenticator.Type.TOTP, data={"secret": "s"})
    ApiKey.objects.create(name="Hunter", prefix="swarm_abcdef", key_hash="h", created_by_id=ADA)
    LeadView.objects.create(name="Mine", query="q=x", owner_id=SAM)
    cookie, keys, grants = signed_in(ADA), rows(KEYS_TO_ACCOUNTS), list(role.permissions.order_by("pk"))
    assert len(keys) > 30

    migrate()

    assert names() == {ADA: "ada@example.com", SAM: "sam@example.com", CHIEF: "account-40@no-address.invalid"}
    assert rows(KEYS_TO_ACCOUNTS) == keys
    assert list(role.permissions.order_by("pk")) == grants
    ada, sam = User.objects.get(pk=ADA), User.objects.get(email="sam@example.com")
    assert ada.check_password("correct horse 4")
    assert [group.name for group in ada.groups.all()] == [ADMIN]
    assert permissions_of(ada) == {f"access.{act}_user" for act in ("add", "change", "delete", "view")}
    assert permissions_of(sam) == {"access.delete_user"}
    assert Authenticator.objects.get().user == EmailAddress.objects.get().user == ApiKey.objects.get().created_by == ada
    assert LeadView.objects.get().owner == sam
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    assert client.get("/staff/").status_code == 200


def test_again_changes_nothing(old: None) -> None:
    migrate()
    before = names(), applied(), rows("SELECT * FROM django_content_type ORDER BY id")
    migrate()
    assert (names(), applied(), rows("SELECT * FROM django_content_type ORDER BY id")) == before


def test_a_shared_address_is_for_a_person_to_decide(old: None) -> None:
    """Refused with the accounts' numbers before anything changes; one command gives one of them another address."""
    add(41, "other", "Ada@Example.COM")
    add(42, "third", " ada@example.com")
    before = names()
    with pytest.raises(CommandError, match=r"accounts 7 and 41 and 42\.") as refused:
        migrate()
    assert "example.com" not in str(refused.value)
    assert (names(), applied()) == (before, ["0001_initial"])

    call_command("change_email", "41", "other@example.com")
    call_command("change_email", "42", "third@example.com")
    migrate()
    assert names() == {
        ADA: "ada@example.com",
        SAM: "sam@example.com",
        CHIEF: "account-40@no-address.invalid",
        41: "other@example.com",
        42: "third@example.com",
    }


def test_who_has_no_address_gets_one(old: None) -> None:
    """What allauth knows of them, else what they signed in with, unless it is somebody else's."""
    add(41, "kim@Example.com", "")
    add(42, "lee", "")
    add(43, "ADA@example.com", "")
    EmailAddress.objects.create(user_id=42, email="lee@work.example", verified=True, primary=True)
    migrate()
    found = names()
    assert [found[number] for number in (41, 42, 43)] == [
        "kim@example.com",
        "lee@work.example",
        "account-43@no-address.invalid",
    ]


def test_what_was_granted_on_a_second_content_type_is_kept(old: None) -> None:
    """A `migrate` of one other app already made `access | user`, and an admin gave a role its permission."""
    second = ContentType.objects.create(app_label="access", model="user")
    can_change = Permission.objects.create(content_type=second, codename="change_user", name="Can change user")
    Group.objects.get(name=SALES_OPS).permissions.add(can_change)
    say(
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = %s", SAM, SALES_OPS
    )
    migrate()
    assert permissions_of(User.objects.get(pk=SAM)) == {"access.change_user"}
    assert not ContentType.objects.filter(app_label="auth", model="user").exists()


def test_it_waits_for_who_reads_the_accounts(old: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Briefly; then it lets others pass and tries again."""
    values = connection.get_connection_params()
    address = {name: values[name] for name in ("dbname", "user", "host") if values.get(name)}
    waits: list[float] = []
    with psycopg.connect(**address) as reader:
        reader.execute("SELECT count(*) FROM auth_user")

        def pause(seconds: float) -> None:
            waits.append(seconds)
            reader.rollback()

        monkeypatch.setattr(migrate_command, "LOCK_SECONDS", 1)
        monkeypatch.setattr(migrate_command.time, "sleep", pause)
        migrate()
    assert len(waits) == 1
    assert names()[SAM] == "sam@example.com"


def test_processes_of_the_release_before_go_on(old: None) -> None:
    """They read and write the columns they know, until they are restarted."""
    migrate()
    add(41, "late@example.com", "late@example.com")
    User.objects.create_user("new@example.com")
    assert rows("SELECT username FROM auth_user WHERE email LIKE %s ORDER BY id", "%e@%") == [("late@example.com",)]
    assert rows("SELECT username FROM auth_user WHERE email = 'new@example.com'") == [(None,)]


def test_back_and_forth(old: None) -> None:
    migrate()
    User.objects.create_user("new@example.com")
    migrate("access", "0001")
    assert rows("SELECT username FROM auth_user WHERE email = 'new@example.com'") == [("new@example.com",)]
    migrate()
    assert len(names()) == len(PEOPLE) + 1


def test_a_new_database_is_made_alike() -> None:
    assert applied() == [
        "0001_initial",
        "0002_accounts_are_named_by_email",
        "0003_permissions_follow_the_accounts",
    ]
    assert not ContentType.objects.filter(app_label="auth", model="user").exists()
    assert len(rows(KEYS_TO_ACCOUNTS)) > 30
