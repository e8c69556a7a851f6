"""What the verifier says of a chain that somebody has touched; each forgery is named for what it is."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from gdpr import audit
from gdpr.ledger import anchor, check, seal
from gdpr.ledger.verifier import GENESIS, Link, link_digest, verify
from gdpr.models import AuditAnchor, AuditCheck, AuditContext, AuditEvent, AuditSeal, UnsealedEvent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anchors_file(settings, tmp_path) -> Path:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "elsewhere" / "anchors.jsonl")
    return Path(settings.AUDIT_ANCHOR_FILE)


@pytest.fixture
def chain() -> list[AuditEvent]:
    """Six sealed events, the fourth of which is anchored outside."""
    events = [
        audit.record(f"verb{number}", counts={"leads": number}, reason="ä 'quoted'") for number in range(4)
    ]
    seal.run_due()
    anchor.run_due()
    events += [audit.record(f"verb{number}") for number in (4, 5)]
    seal.run_due()
    return events


def forge(statement: str, *parameters: object) -> None:
    """What a database administrator can do: the triggers are no hindrance to them."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, parameters)
        cursor.execute("SET session_replication_role = DEFAULT")


def named() -> list[tuple[str, int]]:
    report, _ = check.run()
    return [(finding.kind, finding.position) for finding in report.findings]


def test_an_untouched_chain_is_sound(chain):
    report, waiting = check.run()
    assert report
    assert (report.links, waiting) == (6, 0)
    assert report.head == AuditSeal.objects.get(position=6).digest


def test_a_link_is_the_digest_before_it_and_its_event_and_nothing_else(chain):
    event = dict(AuditEvent.objects.order_by("id").values(*seal.EVENT_FIELDS)[0])
    event["occurred_at"] = event["occurred_at"].isoformat(timespec="microseconds")
    text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert AuditSeal.objects.get(position=1).digest == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    ["verb = 'verb9'", "reason = 'a ''quoted'''", "counts = '{\"leads\": 3}'", "actor_id = 1", "fields = '{email}'",
     "occurred_at = occurred_at + interval '1 microsecond'", "object_id = '7'"],
)  # fmt: skip
def test_a_changed_event_is_named_and_only_that_one(chain, change):
    forge(f"UPDATE gdpr_auditevent SET {change} WHERE id = %s", chain[2].pk)  # noqa: S608 - the cases above
    report, _ = check.run()
    assert [(f.kind, f.position, f.event_id) for f in report.findings] == [("altered", 3, chain[2].pk)]


def test_a_flipped_bit_in_a_seal_is_named(chain):
    digest = AuditSeal.objects.get(position=5).digest
    forge(
        "UPDATE gdpr_auditseal SET digest = %s WHERE position = 5", f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    )
    assert named()[0] == ("altered", 5)


def test_an_event_removed_from_the_middle_is_named(chain):
    forge("DELETE FROM gdpr_auditevent WHERE id = %s", chain[1].pk)
    assert named() == [("removed", 2)]


def test_links_removed_from_the_middle_are_named(chain):
    forge("DELETE FROM gdpr_auditevent WHERE id IN (%s, %s)", chain[1].pk, chain[2].pk)
    forge("DELETE FROM gdpr_auditseal WHERE position IN (2, 3)")
    report, _ = check.run()
    assert [f.sentence for f in report.findings] == ["Link 2 to 3 is missing: removed from the middle."]


def test_a_cut_tail_is_named_by_the_anchor_outside(chain):
    forge("DELETE FROM gdpr_auditevent WHERE id >= %s", chain[2].pk)
    forge("DELETE FROM gdpr_auditseal WHERE position >= 3")
    forge("DELETE FROM gdpr_auditanchor")
    assert named() == [("truncated", 3)]


def test_a_chain_written_anew_is_sound_in_itself_and_named_by_the_anchor_outside(chain):
    forge("UPDATE gdpr_auditevent SET verb = 'other' WHERE id = %s", chain[0].pk)
    digest = GENESIS
    for link in check.links():
        assert link.event is not None
        digest = link_digest(digest, link.event)
        forge("UPDATE gdpr_auditseal SET digest = %s WHERE position = %s", digest, link.position)
    forge("DELETE FROM gdpr_auditanchor")
    assert verify(check.links(), [])
    assert named() == [("rewritten", 4)]


def test_an_event_written_past_the_queue_is_named(chain):
    forge("INSERT INTO gdpr_auditevent (occurred_at, verb, object_type, object_id, fields, counts, reason, commitment)"
          " VALUES (now(), 'planted', '', '', '{}', '{}', '', '')")  # fmt: skip
    assert named() == [("unchained", 0)]


def test_a_place_told_twice_is_named():
    event = {"id": 1}
    digest = link_digest(GENESIS, event)
    report = verify([Link(1, digest, event), Link(1, digest, event)], [])
    assert [f.sentence for f in report.findings] == ["Link 1 stands where link 2 should."]


@pytest.mark.parametrize("statement", ["UPDATE gdpr_auditseal SET digest = ''", "DELETE FROM gdpr_auditseal"])
def test_the_database_refuses_to_change_a_link(chain, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)
    assert check.run()[0]


def test_an_event_of_a_transaction_that_is_rolled_back_never_enters_the_chain(chain):
    with transaction.atomic():
        audit.record("undone")
        transaction.set_rollback(True)
    assert seal.run_due() == 0
    assert check.run()[0].links == 6


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_a_later_one_is_sealed_after_it():
    from django.db import connections

    other = connections["default"].copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO gdpr_auditevent (occurred_at, verb, object_type, object_id, fields, counts, reason,"
                " commitment) VALUES (now(), 'slow', '', '', '{}', '{}', '', '') RETURNING id"
            )
            slow = cursor.fetchone()[0]
        quick = audit.record("quick")
        assert seal.run_due() == 1
        other.commit()
    finally:
        other.close()
    assert slow < quick.pk
    assert seal.run_due() == 1
    assert list(AuditSeal.objects.values_list("position", "event_id")) == [(1, quick.pk), (2, slow)]
    assert check.run()[0]


def test_context_can_be_erased_and_the_chain_still_holds():
    event = audit.record("note", context={"name": "Ada Lovelace"})
    seal.run_due()
    kept = AuditContext.objects.get(event_id=event.pk)
    assert event.commitment == audit.commitment(kept.salt, kept.document)
    assert "Ada" not in json.dumps(
        seal.document(dict(AuditEvent.objects.values(*seal.EVENT_FIELDS)[0])), default=str
    )
    kept.delete()
    assert check.run()[0]


# ---------------------------------------------------------------- anchors


def test_an_anchor_a_day_goes_to_the_file_and_to_the_officers(chain, anchors_file, make_client, mailoutbox):
    from swarm_admin.access.roles import COMPLIANCE, SALES_OPS

    AuditAnchor.objects.all().delete()
    anchors_file.unlink()
    make_client(COMPLIANCE, name="officer")
    make_client(SALES_OPS, name="seller")
    anchor.run_due()
    anchor.run_due()
    kept = AuditAnchor.objects.get()
    assert json.loads(anchors_file.read_text()) == {
        "day": kept.day.isoformat(), "position": 6, "digest": AuditSeal.objects.get(position=6).digest
    }  # fmt: skip
    assert [mail.to for mail in mailoutbox] == [["officer@example.com"]]
    assert kept.digest in mailoutbox[0].body


def test_a_file_that_cannot_be_written_is_tried_again_and_said(chain, settings, tmp_path):
    AuditAnchor.objects.all().delete()
    (tmp_path / "blocked").write_text("a file where a folder should be")
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "blocked" / "anchors.jsonl")
    anchor.run_due()
    kept = AuditAnchor.objects.get()
    assert kept.filed_at is None
    assert "filed" in kept.error or "mailed" in kept.error
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "free" / "anchors.jsonl")
    AuditAnchor.objects.update(not_before=kept.created_at)
    anchor.run_due()
    kept.refresh_from_db()
    assert kept.filed_at is not None


def test_an_empty_ledger_has_no_anchor():
    anchor.run_due()
    assert not AuditAnchor.objects.exists()


# ---------------------------------------------------------------- the command and the recorded check


def test_the_command_tells_a_sound_ledger(chain, capsys):
    call_command("verify_audit")
    assert "SOUND: 6 links, 0 waiting" in capsys.readouterr().out


def test_the_command_ends_with_status_1_and_names_the_event(chain, capsys):
    forge("UPDATE gdpr_auditevent SET verb = 'x' WHERE id = %s", chain[3].pk)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json")
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert [f["event_id"] for f in told["findings"]] == [chain[3].pk]


def test_the_command_takes_anchors_from_the_mails(chain, tmp_path, capsys):
    mails = tmp_path / "mails.jsonl"
    mails.write_text('{"day": "2026-01-01", "position": 9, "digest": "ab"}\n')
    with pytest.raises(SystemExit):
        call_command("verify_audit", anchors=mails)
    assert "TRUNCATED" in capsys.readouterr().out
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", anchors=tmp_path / "none")


def test_a_check_records_what_it_found(chain):
    sound = check.perform(AuditCheck.objects.create())
    forge("DELETE FROM gdpr_auditevent WHERE id = %s", chain[0].pk)
    broken = check.perform(AuditCheck.objects.create())
    assert sound.is_sound
    assert not broken.is_sound
    assert AuditCheck.objects.get(pk=broken.pk).findings[0]["kind"] == "removed"


def test_a_broken_file_of_anchors_is_no_silent_success(chain, anchors_file):
    anchors_file.write_text("{not json\n")
    told = check.perform(AuditCheck.objects.create())
    assert [f["kind"] for f in told.findings] == ["unreadable"]


# ---------------------------------------------------------------- by itself


def stand_alone(folder: Path, lines: list[str], anchors: list[str]) -> subprocess.CompletedProcess[str]:
    (folder / "audit.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "anchors.jsonl").write_text("\n".join(anchors), encoding="utf-8")
    program = Path(check.__file__).with_name("verifier.py")
    return subprocess.run(
        [sys.executable, "-I", str(program), "audit.jsonl", "anchors.jsonl"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_verifier_runs_by_itself_and_comes_to_the_same(chain, tmp_path, anchors_file):
    lines = [json.dumps(link._asdict()) for link in check.links()]
    anchors = anchors_file.read_text().splitlines()
    assert stand_alone(tmp_path, lines, anchors).returncode == 0
    altered = [*lines[:2], lines[2].replace("verb2", "verb7"), *lines[3:]]
    told = stand_alone(tmp_path, altered, anchors)
    assert told.returncode == 1
    assert f"ALTERED: Event {chain[2].pk} at link 3" in told.stdout
    assert "TRUNCATED" in stand_alone(tmp_path, lines[:2], anchors).stdout
    assert "line 1 of the extract" in stand_alone(tmp_path, ["{"], anchors).stdout
    assert UnsealedEvent.objects.count() == 0
