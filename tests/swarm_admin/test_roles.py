"""Who may do what, by role."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client

from swarm_admin.access.models import User
from swarm_admin.access.roles import (
    ADMIN,
    COMPLIANCE,
    PERSONAL_DATA,
    SALES_OPS,
    SALES_OPS_PERMISSIONS,
    create_roles,
)

pytestmark = pytest.mark.django_db


def names_of(role: str) -> set[str]:
    permissions = Group.objects.get(name=role).permissions.select_related("content_type")
    return {f"{permission.content_type.app_label}.{permission.codename}" for permission in permissions}


def declare(name: str) -> None:
    """A permission as a migration would make it."""
    app, codename = name.split(".")
    content_type, _ = ContentType.objects.get_or_create(app_label=app, model="lead")
    Permission.objects.get_or_create(content_type=content_type, codename=codename, defaults={"name": codename})


def test_migrate_makes_the_three_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {SALES_OPS, COMPLIANCE, ADMIN}


def test_roles_take_permissions_that_appear_later() -> None:
    for name in (*SALES_OPS_PERMISSIONS, "enrichment.manage_connections", "gdpr.process_subjectrequest"):
        declare(name)
    create_roles()
    assert names_of(SALES_OPS) == set(SALES_OPS_PERMISSIONS)
    assert {PERSONAL_DATA, "enrichment.view_lead", "gdpr.process_subjectrequest"} <= names_of(COMPLIANCE)
    assert not any(name.startswith(("auth.", "access.")) for name in names_of(COMPLIANCE))
    assert {"enrichment.manage_connections", "enrichment.view_lead", "access.add_apikey"} <= names_of(ADMIN)
    assert PERSONAL_DATA not in names_of(ADMIN)
    assert "gdpr.view_request" not in names_of(ADMIN), "who asked what is the desk's alone"


def test_migrating_again_changes_nothing() -> None:
    before = {role: names_of(role) for role in (SALES_OPS, COMPLIANCE, ADMIN)}
    call_command("migrate", verbosity=0)
    assert {role: names_of(role) for role in before} == before
    assert Group.objects.count() == 3


def test_what_an_admin_added_by_hand_stays() -> None:
    extra = Permission.objects.get(codename="view_user")
    Group.objects.get(name=SALES_OPS).permissions.add(extra)
    create_roles()
    assert "access.view_user" in names_of(SALES_OPS)


@pytest.mark.parametrize(
    ("client_name", "role"),
    [("sales_client", SALES_OPS), ("compliance_client", COMPLIANCE), ("admin_client", ADMIN)],
)
def test_persona_is_of_its_role(request: pytest.FixtureRequest, client_name: str, role: str) -> None:
    client: Client = request.getfixturevalue(client_name)
    user = User.objects.get(pk=client.session["_auth_user_id"])
    assert [group.name for group in user.groups.all()] == [role]
    assert not user.is_superuser


def test_nobody_has_no_right(nobody_client: Client) -> None:
    user = User.objects.get(pk=nobody_client.session["_auth_user_id"])
    assert user.get_all_permissions() == set()


def test_nobody_signs_up(client: Client) -> None:
    client.post(
        "/account/signup/",
        {"email": "new@example.com", "password1": "a-Long-1-pass", "password2": "a-Long-1-pass"},
    )
    assert not User.objects.filter(email="new@example.com").exists()
