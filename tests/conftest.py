"""Real PostgreSQL and Redis for every test, and the people to be."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
import pytest_django
import redis
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client

from enrichment.models.version import forget_active
from enrichment.monitoring import standstill
from enrichment.vendors.connections import close_clients
from swarm_admin import embedded, probes
from swarm_admin.access.models import User
from swarm_admin.access.roles import ADMIN, COMPLIANCE, SALES_OPS
from tests.prepared import prepared_database
from tests.settings import PLACE, SLOT, TEST_DIR

pytest_plugins = [
    "tests.plugins.workers",
    "tests.plugins.tools",
    "tests.plugins.sandbox",
    "tests.plugins.mail_server",
    "tests.plugins.pipeline",
    "tests.plugins.routine",
    "tests.plugins.clay_table",
    "tests.plugins.crm",
    "tests.plugins.product",
    "tests.plugins.node",
    "tests.plugins.scoring",
]


def pytest_unconfigure() -> None:
    embedded.release(TEST_DIR)


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A run's database is a copy of one that was migrated before: migrating takes longer than most runs."""
    connection.settings_dict["TEST"]["TEMPLATE"] = prepared_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> None:
    """Tests with real transactions empty every table afterwards, the append-only one too."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE gdpr_auditevent DISABLE TRIGGER audit_no_truncate")
        cursor.execute("ALTER TABLE gdpr_auditseal DISABLE TRIGGER seal_no_truncate")


@pytest.fixture(autouse=True)
def redis_server() -> Iterator[redis.Redis]:
    """An empty Redis for each test: limits, cache and queues start from nothing, and what is remembered of it too."""
    standstill.forget_report()
    probes.forget()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client


@pytest.fixture(autouse=True)
def own_files() -> None:
    """An empty directory for each test's files, which the other processes it starts have as well."""
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
    settings.DATA_DIR.mkdir(parents=True)


@pytest.fixture(autouse=True)
def vendor_clients() -> Iterator[None]:
    """No test goes on with another's connections to a vendor."""
    yield
    close_clients()
    forget_active()


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment in which another process (worker, beat, command) works on this test's data."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "swarm_admin.settings",
        "DATABASE_URL": embedded.database_url(TEST_DIR, connection.settings_dict["NAME"]),
        "REDIS_URL": embedded.redis_url(TEST_DIR, SLOT),
        "VAR_DIR": str(PLACE),
    }


@pytest.fixture
def make_client(db: None) -> Callable[..., Client]:
    """A logged-in browser of a new person with the given role, or with none."""

    def make(role: str | None = None, *, name: str = "nobody") -> Client:
        email = f"{name}@example.com"
        user = User.objects.create_user(email)
        if role:
            user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def sales_client(make_client: Callable[..., Client]) -> Client:
    return make_client(SALES_OPS, name="sales")


@pytest.fixture
def compliance_client(make_client: Callable[..., Client]) -> Client:
    return make_client(COMPLIANCE, name="compliance")


@pytest.fixture
def admin_client(make_client: Callable[..., Client]) -> Client:
    """An admin by role, not a superuser: what pytest-django calls so would pass every check."""
    return make_client(ADMIN, name="admin")


@pytest.fixture
def nobody_client(make_client: Callable[..., Client]) -> Client:
    """Logged in, without any right."""
    return make_client()
