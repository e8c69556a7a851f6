"""One act has one verb: each in the sources is in the list, each of the list is used, and old ones are read."""

import ast
import re
from pathlib import Path

import pytest

from gdpr import audit
from gdpr.audit.seal import run_due as seal
from gdpr.models import AuditEvent
from swarm_admin.core import audit_verbs
from swarm_admin.core.audit_verbs import FORMER, Verb, current, sentence, stored_as

ROOT = Path(audit_verbs.__file__).parents[2]
SOURCES = [
    path
    for package in ("enrichment", "gdpr", "swarm_admin")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts and path.name != "audit_verbs.py"
]


SENTENCE = r"[A-Z][^_.]*"
PARTICIPLES = {
    "started",
    "ended",
    "done",
    "sent",
    "failed",
    "cancelled",
    "saved",
    "set",
    "changed",
    "added",
    "removed",
}


def calls_of_record(tree):
    """Every `audit.record(…)`, and `record(…)` where it was imported by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "audit.record" or called.endswith(".audit.record"):
                yield node


def verbs_named(tree):
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Verb"
    }


def faults_of(path):
    """(line, what is wrong there) of every event that is recorded with a verb of its own."""
    text = path.read_text(encoding="utf-8")
    if re.search(r"from gdpr\.audit import .*\brecord\b", text):
        yield 0, "call it as audit.record, to be found here"
    tree = ast.parse(text)
    for call in calls_of_record(tree):
        if isinstance(call.args[0], (ast.Constant, ast.JoinedStr, ast.BinOp)):
            yield call.lineno, "a verb is one of Verb"
    for name in verbs_named(tree) - set(Verb.__members__):
        yield 0, f"there is no Verb.{name}"


def test_no_event_is_recorded_with_a_verb_of_its_own():
    faults = [f"{path.relative_to(ROOT)}:{line}: {fault}" for path in SOURCES for line, fault in faults_of(path)]
    assert faults == []


@pytest.mark.parametrize(
    "line",
    [
        'audit.record("retry", by=by)',
        'audit.record(f"retry_{kind}", by=by)',
        'audit.record("retry_" + kind)',
        "audit.record(Verb.MADE_UP)",
        "from gdpr.audit import record",
    ],
)
def test_such_a_verb_would_be_found(line, tmp_path):
    source = tmp_path / "module.py"
    source.write_text(line)
    assert list(faults_of(source))


def test_every_verb_is_used_and_events_are_written_through_the_door():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert set().union(*map(verbs_named, trees.values())) == set(Verb.__members__)
    assert len([call for tree in trees.values() for call in calls_of_record(tree)]) > 100
    writing = re.compile(r"AuditEvent\.objects\.(bulk_)?create")
    writers = {
        path.relative_to(ROOT).as_posix() for path in SOURCES if writing.search(path.read_text(encoding="utf-8"))
    }
    assert writers == {"gdpr/audit/__init__.py"}


def test_a_verb_that_is_not_in_the_list_is_refused(db):
    with pytest.raises(ValueError, match="'made_up' is not a verb of the audit log"):
        audit.record("made_up")  # type: ignore[arg-type]
    assert not AuditEvent.objects.exists()


def test_a_verb_is_an_act_on_something_with_a_sentence_of_its_own():
    longest = AuditEvent._meta.get_field("verb").max_length
    for verb in Verb:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", verb.value)
        assert len(verb.value) <= longest
        assert verb.value.rpartition("_")[2] not in PARTICIPLES
        assert verb.value.upper() == verb.name
        assert re.fullmatch(SENTENCE, verb.sentence), verb
        assert verb.value not in FORMER, "a name that was given up is not given to another act"


def test_no_two_verbs_say_the_same():
    assert len({verb.sentence for verb in Verb}) == len(Verb)


# What events of earlier releases hold; none of it may become unreadable.
RECORDED = """
acknowledge_alert adopt_row after_check_again after_check_by_hand after_check_done after_check_failed
after_check_found_again after_check_later after_check_read_back api_intake api_read approve_plan ask_person
assign_request budget_removed budget_set catalogue_added catalogue_changed change_contact change_notice_text
clay_formula_pasted clay_table_created close_alert complete_request decide_identity decide_record
delete_duplicate_row delete_view deliver_again deliver_moved deliver_moved_started dismiss_moves download_document
drop_message duplicate_request edit_template end_sessions erase_document export_audit export_deliveries export_leads
export_movers export_notices export_regulator_pack export_requests export_score_drift export_webhooks extend_request
forget_requester freeze_plan give_role hold_service ignore_failures import_cancelled import_ended import_file_erased
import_file_removed import_requests import_started import_uploaded invite_person issue_certificate issue_key let_in
lift_hold link_for_password look_again look_up_suppression mend_duplicate mend_no_row mend_not_kept mend_other_table
mend_row_gone mend_unknown_row mend_values message_copied message_failed message_sent note_answer note_evidence
open_request pilot_ended pilot_started place_hold plan_changed prefill_request purge purge_again purge_by_hand
queue_message read_back_delivery read_webhooks_again refuse_request release_lead release_suppression replay_erasures
replay_webhook request_status rescore_ended rescore_resumed rescore_started restrict_lead retry retry_bulk
retry_cancelled retry_deliveries_started retry_delivery retry_delivery_bulk retry_ended retry_leads_started
retry_notices retry_started retry_step reveal_lead revoke_key save_view scan_leftovers scorecard_draft_discarded
scorecard_draft_saved scorecard_draft_started scorecard_published scorecard_rolled_back search_email search_requests
send_back_plan send_notices set_up_clay_table set_up_clay_webhook show_failures shut_out step_again step_by_hand
step_done step_done_by_hand step_failed step_later step_still_there suppress take_over_step take_second_factor
verify_audit view_deliveries view_lead view_leads view_request view_webhook_body waterfall_draft_discarded
waterfall_draft_saved waterfall_draft_started waterfall_published waterfall_rolled_back withdraw_request
write_back_again write_message
""".split()


def test_what_was_recorded_earlier_has_a_sentence_and_is_found():
    for stored in RECORDED:
        assert stored in set(Verb) or stored in FORMER
        assert re.fullmatch(SENTENCE, sentence(stored)), stored
        assert stored in stored_as(current(stored))


def test_former_verbs_are_those_that_were_recorded():
    assert set(FORMER) | {verb.value for verb in Verb} >= set(RECORDED)
    assert set(FORMER) <= set(RECORDED)


def test_an_old_event_stays_as_it_was_sealed_and_is_shown_under_the_new_name(compliance_client, client, db):
    old = AuditEvent.objects.create(verb="retry_delivery", object_type="lead", object_id="7")
    new = audit.record(Verb.DELIVER_AGAIN, object_type="lead", object_id="7")
    unsure = AuditEvent.objects.create(verb="retry_cancelled", object_type="bulkjob", object_id="1")
    seal()
    old.refresh_from_db()
    assert (old.verb, new.verb) == ("retry_delivery", "deliver_again")
    page = compliance_client.get("/audit/?verb=retry_delivery").content.decode()
    assert page.count("<strong>Delivered a lead again</strong>") == 2
    assert '<option value="deliver_again" selected>Delivered a lead again</option>' in page
    assert page.count("Delivered a lead again</option>") == 1
    assert "<strong>Cancelled a job</strong>" in compliance_client.get(f"/audit/?verb={unsure.verb}").content.decode()
    rows = b"".join(compliance_client.get("/audit/export/?verb=deliver_again").streaming_content).decode()
    assert rows.count("Delivered a lead again") == 2
