"""What the verifier says of a chain that somebody has touched; each forgery is named for what it is."""

import datetime
import email
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from gdpr import audit, tasks
from gdpr.audit import anchor, check, seal
from gdpr.audit import verifier as alone
from gdpr.audit.verifier import GENESIS, Link, link_digest, verify
from gdpr.models import AuditAnchor, AuditCheck, AuditContext, AuditEvent, AuditSeal, UnsealedEvent
from swarm_admin.access.roles import COMPLIANCE, SALES_OPS
from tests.at_once import at_once
from tests.plugins import mail_server as servers

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anchors_file(settings, tmp_path) -> Path:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "elsewhere" / "anchors.jsonl")
    return Path(settings.AUDIT_ANCHOR_FILE)


@pytest.fixture
def chain() -> list[AuditEvent]:
    """Six sealed events, the fourth of which is anchored outside."""
    events = [audit.record(f"verb{number}", counts={"leads": number}, reason="ä 'quoted'") for number in range(4)]
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
    forge("UPDATE gdpr_auditseal SET digest = %s WHERE position = 5", f"{int(digest[0], 16) ^ 1:x}{digest[1:]}")
    assert named() == [("altered", 5)]


def test_an_event_removed_from_the_middle_is_named(chain):
    forge("DELETE FROM gdpr_auditevent WHERE id = %s", chain[1].pk)
    assert named() == [("removed", 2)]


def test_links_removed_from_the_middle_are_named(chain):
    forge("DELETE FROM gdpr_auditevent WHERE id IN (%s, %s)", chain[1].pk, chain[2].pk)
    forge("DELETE FROM gdpr_auditseal WHERE position IN (2, 3)")
    report, _ = check.run()
    assert [f.sentence for f in report.findings] == ["Link 2 to 3 is missing: removed from within the chain."]


def cut_from(position: int) -> None:
    forge(
        "DELETE FROM gdpr_auditevent WHERE id IN (SELECT event_id FROM gdpr_auditseal WHERE position >= %s)",
        position,
    )
    forge("DELETE FROM gdpr_auditseal WHERE position >= %s", position)


def rewrite_from(position: int) -> None:
    """One event is changed, and every seal from there on is made anew: a chain that is sound in itself."""
    event = AuditSeal.objects.get(position=position).event_id
    forge("UPDATE gdpr_auditevent SET verb = 'other' WHERE id = %s", event)
    digest = AuditSeal.objects.get(position=position - 1).digest if position > 1 else GENESIS
    for link in check.links():
        if link.position >= position:
            assert link.event is not None
            digest = link_digest(digest, link.event)
            forge("UPDATE gdpr_auditseal SET digest = %s WHERE position = %s", digest, link.position)


def verdict() -> str:
    return check.run()[0].verdict


def test_a_cut_tail_is_named_by_the_anchor_outside(chain):
    cut_from(3)
    forge("DELETE FROM gdpr_auditanchor")
    assert named() == [("truncated", 3)]


def test_a_chain_written_anew_is_sound_in_itself_and_named_by_the_anchor_outside(chain):
    rewrite_from(1)
    forge("DELETE FROM gdpr_auditanchor")
    assert verify(check.links(), [])
    assert named() == [("rewritten", 4)]


def test_who_rewrites_the_database_with_its_own_anchor_is_named_by_the_file(chain):
    rewrite_from(2)
    forge("UPDATE gdpr_auditanchor SET digest = %s WHERE position = 4", AuditSeal.objects.get(position=4).digest)
    assert named() == [("rewritten", 4)]


def test_many_anchors_that_do_not_hold_any_more_are_one_finding(chain, anchors_file):
    links = list(check.links())
    anchors_file.write_text("".join(json.dumps(link._asdict()) + "\n" for link in links))
    rewrite_from(2)
    forge("DELETE FROM gdpr_auditanchor")
    assert named() == [("rewritten", 2)]


def test_what_was_rewritten_behind_the_last_anchor_is_not_called_sound(chain):
    rewrite_from(5)
    report, _ = check.run()
    assert (report.findings, report.anchored, report.status) == ([], 4, 0)
    assert report.verdict == (
        f"Verified up to event {chain[3].pk:,} (link 4 of 6), anchored on "
        f"{AuditAnchor.objects.get().day}. The next 2 events are "
        "chained but not yet anchored, so changes to them would not be detected."
    )


def test_what_was_cut_behind_the_last_anchor_is_said_not_to_show(chain):
    cut_from(5)
    assert verdict().startswith(f"Verified up to event {chain[3].pk:,} (link 4 of 4), anchored on ")
    assert verdict().endswith("Events added after that anchor and then removed would not be detected.")


@pytest.mark.parametrize("inside", [True, False])
def test_without_an_anchor_outside_nothing_is_called_sound(chain, anchors_file, inside, capsys):
    anchors_file.unlink()
    if not inside:
        forge("DELETE FROM gdpr_auditanchor")
    rewrite_from(5)
    assert verdict().startswith("Not anchored: the chain of 6 events is consistent, but no external anchor")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 3
    told = check.perform(AuditCheck.objects.create())
    assert (told.anchored, told.findings) == (0, [])
    assert "audit_unanchored" in [alert.kind for alert in check.audit_alerts()]


def test_an_anchor_that_lies_in_file_and_database_is_one(chain):
    report, _ = check.run(check.anchors())
    assert report.anchors == 1


@pytest.mark.parametrize(("first", "second"), [(2, 5), (2, 3), (1, 6), (5, 6)])
@pytest.mark.parametrize("how", ["positions", "events"])
def test_a_swapped_pair_is_two_findings(chain, first, second, how):
    for position, other in ((first, -1), (second, first), (-1, second)):
        if how == "positions":
            forge("UPDATE gdpr_auditseal SET position = %s WHERE position = %s", other, position)
        else:
            event = chain[(second if position == first else first) - 1].pk
            forge("UPDATE gdpr_auditseal SET event_id = %s WHERE position = %s", -event, position)
    forge("UPDATE gdpr_auditseal SET event_id = -event_id WHERE event_id < 0")
    assert [position for _, position in named()] == [first, second]


@pytest.mark.parametrize(("first", "second"), [(3, 40), (3, 4), (1, 200), (199, 200)])
def test_two_lines_of_an_extract_that_were_exchanged_are_two_findings(first, second):
    links, digest = [], GENESIS
    for number in range(1, 201):
        digest = link_digest(digest, {"id": number})
        links.append(Link(number, digest, {"id": number}))
    links[first - 1], links[second - 1] = links[second - 1], links[first - 1]
    found = verify(links, [{"position": 200, "digest": digest}]).findings
    assert [(finding.kind, finding.position) for finding in found] == [("moved", first), ("moved", second)]


def test_an_event_written_past_the_queue_is_named(chain):
    forge("INSERT INTO gdpr_auditevent (occurred_at, verb, object_type, object_id, fields, counts, reason, commitment)"
          " VALUES (now(), 'planted', '', '', '{}', '{}', '', '')")  # fmt: skip
    assert named() == [("unchained", 0)]


def test_a_place_told_twice_is_named():
    event = {"id": 1}
    digest = link_digest(GENESIS, event)
    report = verify([Link(1, digest, event), Link(1, digest, event)], [])
    assert [f.sentence for f in report.findings] == ["Found link 1 where link 2 is expected."]


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
    assert "Ada" not in json.dumps(seal.document(dict(AuditEvent.objects.values(*seal.EVENT_FIELDS)[0])), default=str)
    kept.delete()
    assert check.run()[0]


# ---------------------------------------------------------------- anchors


def test_an_anchor_a_day_goes_to_the_file_and_to_the_officers(chain, anchors_file, make_client, mailoutbox):
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


def officers_mail(make_client, mail_server, behaviour):
    make_client(COMPLIANCE, name="officer")
    AuditAnchor.objects.update(mailed_at=None, unknowns=0)
    return mail_server(behaviour)


def again() -> AuditAnchor:
    AuditAnchor.objects.update(not_before=timezone.now())
    anchor.run_due()
    return AuditAnchor.objects.get()


def test_a_server_that_takes_an_anchor_and_hangs_gets_it_twice_and_no_more(chain, make_client, mail_server):
    server = officers_mail(make_client, mail_server, servers.DATA)
    kept = [again() for _ in range(4)][-1]
    assert (len(server.mails), kept.unknowns, kept.mailed_at) == (2, 2, None)
    assert len({email.message_from_string(text)["Message-ID"] for text in server.mails}) == 1


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.DRIPS])
def test_a_server_that_hangs_is_left_and_asked_again(chain, make_client, mail_server, behaviour):
    server = officers_mail(make_client, mail_server, behaviour)
    kept = again()
    assert (kept.mailed_at, server.connections) == (None, 1)
    assert "mailed" in kept.error


def test_without_a_mail_server_the_file_is_enough_and_nothing_counts_as_mailed(chain, settings):
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    old = timezone.now() - datetime.timedelta(days=2)
    AuditAnchor.objects.update(mailed_at=None, created_at=old, error="")
    kept = again()
    assert (kept.mailed_at, kept.error) == (None, "")
    assert check.audit_alerts() == []


@pytest.mark.django_db(transaction=True)
def test_workers_that_race_file_one_anchor_and_do_one_check(anchors_file):
    audit.record("something")
    seal.run_due()
    performed = []
    real = check.perform

    def perform(asked):
        performed.append(asked.pk)
        return real(asked)

    def work():
        tasks.anchor_audit()
        tasks.check_audit()

    with mock.patch.object(check, "perform", perform):
        at_once(work)
    assert len(anchors_file.read_text().splitlines()) == 1
    assert AuditCheck.objects.count() == 1
    assert len(performed) == 1


@pytest.mark.django_db(transaction=True)
def test_officers_who_ask_at_once_ask_for_one_check():
    asked = at_once(lambda: check.request_check()[1])
    assert sorted(asked) == [False] * 5 + [True]
    assert AuditCheck.objects.count() == 1


# ---------------------------------------------------------------- the command and the recorded check


def test_the_command_tells_a_sound_ledger(chain, capsys):
    call_command("verify_audit")
    told = capsys.readouterr().out
    assert "Verified up to event" in told
    assert "6 links, 1 anchors" in told
    assert "0 events waiting to be sealed" in told


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
    with pytest.raises(CommandError, match=r"Can't read .*: No such file or directory") as ended:
        call_command("verify_audit", anchors=tmp_path / "none")
    assert ended.value.returncode == 2


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
    program = Path(alone.__file__)
    return subprocess.run(
        [sys.executable, "-I", str(program), "audit.jsonl", "anchors.jsonl"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_verifier_runs_by_itself_and_comes_to_the_same(chain, tmp_path, anchors_file):
    lines = [json.dumps(link._asdict()) for link in check.links()]
    anchors = anchors_file.read_text().splitlines()
    sound = stand_alone(tmp_path, lines, anchors + anchors)
    assert (sound.returncode, sound.stdout.splitlines()) == (0, check.run()[0].lines())
    none = stand_alone(tmp_path, lines, [])
    assert (none.returncode, none.stdout.startswith("Not anchored")) == (3, True)
    altered = [*lines[:2], lines[2].replace("verb2", "verb7"), *lines[3:]]
    told = stand_alone(tmp_path, altered, anchors)
    assert told.returncode == 1
    assert f"ALTERED: Event {chain[2].pk} at link 3" in told.stdout
    assert "TRUNCATED" in stand_alone(tmp_path, lines[:2], anchors).stdout
    broken = stand_alone(tmp_path, ["{"], anchors)
    assert (broken.returncode, "line 1 of the export can't be read" in broken.stdout) == (2, True)
    broken = stand_alone(tmp_path, lines, ["[]"])
    assert (broken.returncode, "line 1 of the anchors can't be read" in broken.stdout) == (2, True)
    assert all(f"    {status}   " in str(alone.__doc__) for status in range(4))
    assert UnsealedEvent.objects.count() == 0
