"""What keeps values that are gone is renewed: the planner's statistics, and Redis' files."""

import shutil
import tempfile
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.utils import timezone

from gdpr.leftovers import planner, redis_file, scan
from gdpr.leftovers.names import NameFinder
from gdpr.leftovers.search_patterns import Finder, patterns_for
from gdpr.models import RequestMessage, SubjectRequest
from gdpr.requests import forget
from swarm_admin.embedded import redis_server
from swarm_admin.embedded.paths import prepare_directories, run_dir

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@analytical.example"
NO_NAMES = NameFinder([])


@pytest.fixture
def finder():
    return Finder(patterns_for([("email", ADA)]))


def plant(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def plant_person(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def sampled():
    """A table whose statistics name a person who is erased from it."""
    plant(
        "CREATE TABLE people (id serial PRIMARY KEY, mail text, raw bytea, first text, last text)",
        "INSERT INTO people (mail, raw, first, last) "
        "SELECT 'x' || n || '@x.example', convert_to('x' || n, 'UTF8'), 'F' || n, 'L' || n "
        "FROM generate_series(1, 50) n",
    )
    plant_person(
        "INSERT INTO people (mail, raw, first, last) VALUES (%s, %s, 'Ada', 'Lovelace')",
        ADA,
        ADA.upper().encode(),
    )
    plant(
        "CREATE INDEX people_lower ON people (lower('mailto:' || mail))",
        "CREATE STATISTICS people_both (mcv) ON mail, last FROM people",
        "ANALYZE people",
    )
    plant_person("DELETE FROM people WHERE mail = %s", ADA)


def test_statistics_that_hold_a_person_are_found_and_renewed(sampled, finder, tmp_path):
    places = {hit.place for hit in scan.scan([("email", ADA)], roots=[tmp_path]).rows}
    assert {
        "planner's statistics of people.mail", "planner's statistics of people.raw",
        "planner's statistics of people.people_both",
    } <= places  # fmt: skip
    assert len(places) == 4, "the index' expression too"
    assert planner.renew_statistics(finder, NO_NAMES) == ["public.people"]
    assert planner.scan(finder) == []
    assert scan.scan([("email", ADA)], roots=[tmp_path]).is_clean


def test_a_last_name_in_the_statistics_is_reason_enough_to_renew_them(sampled):
    nobody = Finder(patterns_for([("email", "nobody@nowhere.example")]))
    assert planner.renew_statistics(nobody, NO_NAMES) == []
    assert planner.renew_statistics(nobody, NameFinder(["Ada Lovelace"])) == ["public.people"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stats WHERE histogram_bounds::text LIKE '%%Lovelace%%'")
        assert cursor.fetchone() == (0,)


def test_a_person_who_is_there_stays_in_the_statistics_and_is_found(sampled, finder):
    plant_person("INSERT INTO people (mail) VALUES (%s)", ADA)
    planner.renew_statistics(finder, NO_NAMES)
    assert "planner's statistics of people.mail" in {hit.place for hit in planner.scan(finder)}


def test_a_table_that_may_hold_the_person_may_have_statistics_that_do(sampled, finder):
    plant_person("INSERT INTO people (mail) VALUES (%s)", ADA)
    assert planner.scan(finder, skip=["people"]) == []


def test_what_the_planner_keeps_of_who_asked_goes_with_it(finder, desk):
    opened = [desk.open("access", emails=[ADA]) for _ in range(3)]
    SubjectRequest.objects.update(status="completed", forget_after=timezone.now())
    RequestMessage.objects.all().delete()
    planner.analyse("public", "gdpr_subjectrequest")
    assert planner.scan(finder)
    assert forget.run_due() == len(opened)
    assert planner.scan(finder) == []


# ---------------------------------------------------------------- Redis


@pytest.fixture
def own_redis(settings):
    """A server that keeps an append-only file, as the product's does."""
    place = Path(tempfile.mkdtemp(prefix="redis", dir="/tmp")).resolve()
    prepare_directories(place)
    redis_server.ensure(place, durable=True)
    settings.REDIS_URL = f"unix://{run_dir(place) / 'redis.sock'}?db=0"
    yield place
    redis_server.stop(place)
    shutil.rmtree(place)


def test_words_that_are_gone_leave_redis_file(own_redis):
    with redis.Redis.from_url(redis_url()) as client:
        client.set("search:1", f"words {ADA}")
        client.set("kept", "something else")
        client.delete("search:1")
    assert [hit.place for hit in scan.scan([("email", ADA)], roots=[own_redis]).rows] == ["redis/appendonly.aof"]
    assert redis_file.rewrite() == ""
    assert scan.scan([("email", ADA)], roots=[own_redis]).is_clean
    with redis.Redis.from_url(redis_url()) as client:
        assert client.get("kept") == b"something else"


def test_a_server_that_forbids_it_is_told_of(own_redis):
    with redis.Redis.from_url(redis_url()) as client:
        client.acl_setuser("default", enabled=True, nopass=True, commands=["+@all", "-bgrewriteaof"], keys=["*"])
    assert "Run BGREWRITEAOF and BGSAVE on it" in redis_file.rewrite()


def redis_url() -> str:
    from django.conf import settings

    return str(settings.REDIS_URL)
