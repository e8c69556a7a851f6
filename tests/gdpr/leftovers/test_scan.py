"""A planted person is found wherever they were planted, and a clean house is said to be clean."""

import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from gdpr import stores
from gdpr.leftovers import memory, scan
from gdpr.models import AuditContext, AuditEvent
from gdpr.stores import Capability, Record, RetryLater

pytestmark = pytest.mark.django_db
ADA = "ada.lovelace@analytical.example"


@pytest.fixture(autouse=True)
def no_stores(monkeypatch):
    monkeypatch.setattr(stores, "_stores", {})


@pytest.fixture
def house(tmp_path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path


def found(house: Path, **options) -> dict[str, tuple[str, ...]]:
    report = scan.scan([("email", ADA)], roots=[house], **options)
    return {hit.place: hit.what for hit in report.rows}


def plant(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_a_clean_house_is_clean(house):
    report = scan.scan([("email", ADA)], roots=[house])
    assert report.is_clean
    assert not report.bytes


@pytest.mark.parametrize(
    ("type_", "value"),
    [("text", ADA.upper()), ("jsonb", json.dumps({"a": [{"b": f"mailto:{ADA}"}]})), ("bytea", ADA.encode()),
     ("text[]", ["x", ADA]), ("bytea", b"\0\xff" + ADA.encode("utf-16-le")), ("varchar", ADA.replace("@", "%40"))],
)  # fmt: skip
def test_any_column_of_any_table_is_searched(house, type_, value):
    plant(f'CREATE TABLE "Strange %%table" (first int, id int PRIMARY KEY, "a column" {type_})')
    plant('INSERT INTO "Strange %%table" VALUES (1, 7, %s), (1, 8, NULL)', value)
    report = scan.scan([("email", ADA)], roots=[house])
    assert [(hit.place, hit.count, hit.where) for hit in report.rows] == [("Strange %table.a column", 1, ("7",))]


@pytest.mark.parametrize("cased", [ADA, ADA.upper(), ADA.title(), "ADA.Lovelace@Analytical.EXAMPLE"])
def test_a_raw_body_is_found_in_any_case(house, cased):
    plant("CREATE TABLE bodies (id int PRIMARY KEY, body bytea)")
    plant("INSERT INTO bodies VALUES (7, %s)", f'{{"email": "{cased}"}}'.encode())
    assert set(found(house)) == {"bodies.body"}


@pytest.mark.parametrize("cased", [ADA, ADA.upper(), ADA.title()])
def test_bytes_within_an_array_or_a_composed_value_are_found(house, cased):
    plant("CREATE TYPE pair AS (number int, bytes bytea)")
    plant("CREATE TABLE packed (id int PRIMARY KEY, many bytea[], pair pair)")
    plant(
        "INSERT INTO packed VALUES (7, ARRAY[%s::bytea], ROW(1, %s::bytea)::pair)",
        cased.encode(),
        cased.encode(),
    )
    assert set(found(house)) == {"packed.many", "packed.pair"}


@pytest.mark.parametrize(
    ("key", "value", "named"), [("uuid", "6f1c54a8-7a0c-4b1e-9c6e-000000000001", ""), ("text", ADA, "(0,1)")]
)
def test_a_row_is_named_by_a_key_that_tells_nothing(house, key, value, named):
    plant(f"CREATE TABLE keyed (first int, id {key} PRIMARY KEY, body text)")
    plant("INSERT INTO keyed VALUES (1, %s, %s)", value, ADA)
    report = scan.scan([("email", ADA)], roots=[house])
    assert {hit.where for hit in report.rows} == {(named or value,)}


def test_a_large_object_is_searched_across_its_blocks(house):
    plant("SELECT lo_from_bytea(4711, %s)", b"x" * (4 * 1024 * 1024 - 10) + ADA.encode())
    assert set(found(house)) == {"large object 4711"}


def test_a_table_of_another_schema_and_a_large_object_are_searched(house):
    plant("CREATE SCHEMA aside")
    plant("CREATE TABLE aside.notes (body text)")
    plant("INSERT INTO aside.notes VALUES (%s)", ADA)
    plant("SELECT lo_from_bytea(4711, %s)", ADA.encode())
    assert set(found(house)) == {"aside.notes.body", "large object 4711"}


def test_a_table_that_may_hold_the_person_is_left_out_when_named(house):
    AuditContext.objects.create(event_id=1, salt="s", document={"who": ADA})
    assert set(found(house)) == {"gdpr_auditcontext.document"}
    assert not found(house, skip=["gdpr_auditcontext"])


def test_sessions_and_redis_are_unpacked(house, redis_server):
    session = SessionStore()
    session["words"] = f"search {ADA} " * 40
    session.save()
    cache.set("k", {"mail": ADA})
    redis_server.rpush("queue", b"\x80" + ADA.encode())
    redis_server.hset("packed", "f", zlib.compress(ADA.encode()))
    redis_server.set("packed", zlib.compress(ADA.encode() * 5))
    places = found(house)
    assert {"django_session", "Redis, a list", "Redis, a string"} <= set(places)


def test_keys_of_redis_are_named_and_never_by_what_they_tell(house, redis_server):
    cache.set("search:abc", ADA)
    cache.set(f"of:{ADA}", "1")
    cache.set("of:Ada_Lovelace", ADA)
    redis_server.rpush("queue", ADA)
    report = scan.scan([("email", ADA), ("name", "Ada Lovelace")], roots=[house])
    hits = {hit.place: hit for hit in report.rows}
    assert hits["Redis, a list"].where == ("queue",)
    assert hits["Redis, a list"].table == "", "what works is not deleted"
    assert hits["Redis cache"].count == 3
    *hashed, named = hits["Redis cache"].where
    assert named == ":1:search:abc"
    assert "ada" not in repr(hits).lower()
    assert [memory.delete_cached(name) for name in (*hashed, named, named, "queue")] == [True, True, True, False, False]
    left = scan.scan([("email", ADA)], roots=[house])
    assert [hit.place for hit in left.rows] == ["Redis, a list"]


def locked_zip() -> bytes:
    """An archive whose entry says that it needs a password."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "nothing")
    packed = bytearray(file.getvalue())
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def test_files_their_names_and_archives_are_searched(house):
    (house / "files" / "import.csv").write_bytes(b"x" * (4 * 1024 * 1024 - 10) + ADA.encode())
    (house / "files" / f"{ADA}.pdf").write_bytes(b"")
    (house / "files" / "old.log.gz").write_bytes(gzip.compress(ADA.encode()))
    with zipfile.ZipFile(house / "files" / "copy.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps({"e": ADA}))
    (house / "files" / "locked.zip").write_bytes(locked_zip())
    (house / "files" / "broken.gz").write_bytes(b"\x1f\x8b broken")
    (house / "files" / "neighbour.csv").write_text("bob@analytical.example")
    places = found(house)
    assert {Path(place).name for place in places} == {
        "import.csv",
        f"{ADA}.pdf",
        "old.log.gz",
        "copy.zip",
        "broken.gz",
        "locked.zip",
    }
    assert places["files/locked.zip"] == ("can't be read: RuntimeError",)
    assert places["files/broken.gz"][0].startswith("can't be read: ")


def test_bytes_of_a_database_are_another_claim_than_rows(house):
    (house / "pg" / "base").mkdir(parents=True)
    (house / "pg" / "PG_VERSION").write_text("18")
    (house / "pg" / "base" / "16384").write_bytes(b"dead row " + ADA.encode())
    report = scan.scan([("email", ADA)], roots=[house])
    assert report.is_clean
    assert [hit.place for hit in report.bytes] == ["pg/base/16384"]


class Outside:
    name, label, is_recipient, order, recoverable_days = "crm", "The CRM", True, 1, 0

    def __init__(self, records=(), error=None, can=frozenset(Capability)):
        self.records, self.error, self.can = records, error, can

    def capabilities(self):
        return self.can

    def locate(self, identity):
        if self.error:
            raise self.error
        assert identity.emails == (ADA,)
        return self.records


@pytest.mark.parametrize(
    ("store", "clean", "said"),
    [
        (Outside(), True, []),
        (Outside([Record("crm", "c1", ("email",))]), False, []),
        (Outside(error=RetryLater("it is down")), False, ["The CRM: it is down"]),
        (Outside(can=frozenset()), False, ["The CRM: no search available"]),
    ],
)
def test_systems_outside_are_asked_and_one_that_cannot_be_is_not_clean(house, store, clean, said):
    stores.register(store)
    report = scan.scan([("email", ADA)], roots=[house], outside=True)
    assert (report.is_clean, report.not_asked) == (clean, said)


def test_the_report_names_nobody(house):
    AuditContext.objects.create(event_id=1, salt="s", document={"who": ADA})
    (house / "files" / "a.txt").write_text(ADA)
    report = scan.scan([("email", ADA)], roots=[house])
    assert report.rows
    assert ADA not in json.dumps(report.document())


# ---------------------------------------------------------------- the command


def run(monkeypatch, capsys, text: str, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    try:
        call_command("leftovers", *arguments)
    except SystemExit as ended:
        return int(ended.code), capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_the_command_tells_what_it_found_and_is_audited(house, monkeypatch, capsys):
    assert run(monkeypatch, capsys, ADA, "--in", str(house))[0] == 0
    (house / "files" / "a.txt").write_text(ADA)
    code, told = run(monkeypatch, capsys, f"{ADA}\n", "--in", str(house))
    assert code == 1
    assert "files/a.txt: 1 times email" in told
    assert "Remains: " in told
    assert AuditEvent.objects.filter(verb="scan_leftovers").count() == 2
    assert json.loads(run(monkeypatch, capsys, ADA, "--in", str(house), "--json")[1])["is_clean"] is False


def test_the_command_says_what_it_did_not_ask_or_search(house, monkeypatch, capsys):
    stores.register(Outside())
    _, told = run(monkeypatch, capsys, ADA, "--in", str(house))
    assert "External systems: not searched; use --outside" in told
    assert "Names in rows and files (may belong to someone else): not searched" in told
    assert "Raw database files: not searched" in told
    document = json.loads(run(monkeypatch, capsys, ADA, "--in", str(house), "--json")[1])
    assert (document["outside"], document["names"], document["bytes"]) == (None, None, None)

    _, told = run(monkeypatch, capsys, f"{ADA}\nname: Ada Lovelace", "--in", str(house), "--outside")
    assert "External systems: nothing found there." in told
    assert "Names in rows and files (may belong to someone else): none found." in told


def test_a_name_alone_is_told_and_is_no_finding(house, monkeypatch, capsys):
    (house / "files" / "note.txt").write_text("Thanks, Ada Lovelace")
    code, told = run(monkeypatch, capsys, "name: Ada Lovelace", "--in", str(house))
    assert code == 0
    assert "files/note.txt: 1 times name in a text" in told
    counts = AuditEvent.objects.get(verb="scan_leftovers").counts
    assert counts == {"places": 0, "bytes": 0, "names": 1}


def test_the_command_wants_an_identifier(monkeypatch, capsys):
    with pytest.raises(CommandError, match="No identifier"):
        run(monkeypatch, capsys, "\n")
    with pytest.raises(CommandError, match="line 1"):
        run(monkeypatch, capsys, "Ada\n")
