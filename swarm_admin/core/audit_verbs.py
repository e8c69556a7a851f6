"""What can be done, as the audit ledger calls it: one act has one verb, whichever screen, command or job it came from.

A verb's value is what is stored and sealed, so it never changes; `sentence` is what people read, after who did it.
To name an act anew, give it a new verb and enter the old one in `FORMER`: the events that have it stay as they are,
still verify, and are shown and found under the new name.
"""

from __future__ import annotations

from enum import StrEnum


class Verb(StrEnum):
    """An act. The value is imperative: the act, then what it is done to."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Verb:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    # -- leads
    VIEW_LEADS = "view_leads", "Viewed a list of leads"
    VIEW_LEAD = "view_lead", "Viewed a lead"
    REVEAL_LEAD = "reveal_lead", "Unmasked a lead"
    SEARCH_EMAIL = "search_email", "Searched for an e-mail address"
    EXPORT_LEADS = "export_leads", "Exported leads"
    SAVE_VIEW = "save_view", "Saved a view"
    DELETE_VIEW = "delete_view", "Deleted a view"
    API_INTAKE = "api_intake", "Created leads through the API"
    API_READ = "api_read", "Read leads through the API"
    RETRY = "retry", "Retried the enrichment of a lead"
    DELIVER_AGAIN = "deliver_again", "Delivered a lead again"
    DECIDE_CONTACT = "decide_contact", "Reviewed a contact found in GoHighLevel"
    DECIDE_PERSON = "decide_person", "Confirmed that a lead is not the suppressed person in its answer"
    DECIDE_ADDRESS = "decide_address", "Reviewed a lead's earlier address in the campaign"
    RESTRICT_LEAD = "restrict_lead", "Restricted a lead"
    RELEASE_LEAD = "release_lead", "Lifted the restriction of a lead"
    ADOPT_ROW = "adopt_row", "Linked a lead to its row in Clay"
    DELETE_DUPLICATE_ROW = "delete_duplicate_row", "Deleted a duplicate row in Clay"
    WRITE_BACK_AGAIN = "write_back_again", "Wrote leads back to Clay again"
    FIX_DRIFT = "fix_drift", "Fixed mismatches with Clay"

    # -- deliveries, webhooks, failures
    VIEW_DELIVERIES = "view_deliveries", "Viewed a list of deliveries"
    EXPORT_DELIVERIES = "export_deliveries", "Exported deliveries"
    READ_BACK_DELIVERY = "read_back_delivery", "Compared a delivery with the created record"
    EXPORT_WEBHOOKS = "export_webhooks", "Exported webhook deliveries"
    VIEW_WEBHOOK_BODY = "view_webhook_body", "Viewed the body of a webhook delivery"
    REPLAY_WEBHOOK = "replay_webhook", "Processed a webhook delivery again"
    IGNORE_FAILURES = "ignore_failures", "Ignored a group of failures"
    SHOW_FAILURES = "show_failures", "Stopped ignoring a group of failures"
    ACKNOWLEDGE_ALERT = "acknowledge_alert", "Acknowledged an alert"
    CLOSE_ALERT = "close_alert", "Closed an alert"
    PAUSE_SERVICE = "pause_service", "Paused a service"
    RESUME_SERVICE = "resume_service", "Resumed a service"

    # -- jobs
    UPLOAD_IMPORT = "upload_import", "Uploaded a file of leads"
    START_IMPORT = "start_import", "Started an import"
    CANCEL_IMPORT = "cancel_import", "Cancelled an import"
    END_IMPORT = "end_import", "Finished an import"
    REMOVE_IMPORT_FILE = "remove_import_file", "Removed the file of an import"
    ERASE_IMPORT_FILE = "erase_import_file", "Erased the file of an import that named an erased person"
    START_RETRY = "start_retry", "Started a bulk retry"
    RESUME_RETRY = "resume_retry", "Resumed a bulk retry"
    CANCEL_RETRY = "cancel_retry", "Cancelled a bulk retry"
    END_RETRY = "end_retry", "Finished a bulk retry"
    START_RESCORE = "start_rescore", "Started a rescore"
    RESUME_RESCORE = "resume_rescore", "Resumed a rescore"
    END_RESCORE = "end_rescore", "Finished a rescore"
    START_MOVED_DELIVERY = "start_moved_delivery", "Started delivering leads that a rescore moved up"
    CANCEL_MOVED_DELIVERY = "cancel_moved_delivery", "Cancelled delivering leads that a rescore moved up"
    END_MOVED_DELIVERY = "end_moved_delivery", "Finished delivering leads that a rescore moved up"
    DELIVER_MOVED = "deliver_moved", "Delivered a lead that a rescore moved up"
    DISMISS_MOVES = "dismiss_moves", "Dismissed leads that a rescore moved up"
    START_PILOT = "start_pilot", "Started a pilot"
    CANCEL_PILOT = "cancel_pilot", "Cancelled a pilot"
    END_PILOT = "end_pilot", "Finished a pilot"

    # -- waterfall, scorecard, money, set-up
    START_DRAFT = "start_draft", "Started a draft"
    SAVE_DRAFT = "save_draft", "Saved a draft"
    DISCARD_DRAFT = "discard_draft", "Discarded a draft"
    PUBLISH_VERSION = "publish_version", "Published a version"
    ROLL_BACK_VERSION = "roll_back_version", "Rolled back to a version"
    APPLY_WATERFALL = "apply_waterfall", "Marked waterfalls as set up in Clay"
    UNDO_APPLY_WATERFALL = "undo_apply_waterfall", "Took back that waterfalls are set up in Clay"
    EXPORT_MOVERS = "export_movers", "Exported the leads a version moves to another tier"
    EXPORT_SCORE_DRIFT = "export_score_drift", "Exported score mismatches"
    PASTE_CLAY_FORMULA = "paste_clay_formula", "Marked the formula as pasted into Clay"
    ADD_SERVICE = "add_service", "Added a provider to the catalogue"
    CHANGE_SERVICE = "change_service", "Changed a provider in the catalogue"
    SET_BUDGET = "set_budget", "Set a budget"
    REMOVE_BUDGET = "remove_budget", "Removed a budget"
    CREATE_CLAY_TABLE = "create_clay_table", "Created a Clay table with the scorecard's formulas"
    SET_UP_CLAY_TABLE = "set_up_clay_table", "Connected a Clay table"
    SET_UP_CLAY_WEBHOOK = "set_up_clay_webhook", "Connected Clay's webhook"
    SET_UP_CLAY_ROUTINE = "set_up_clay_routine", "Mapped a Clay routine"
    TEST_CLAY_ROUTINE = "test_clay_routine", "Ran a Clay routine on one lead to test it"
    CLOSE_CLAY_SOURCE = "close_clay_source", "Closed a Clay source"
    WAIT_FOR_RESULT = "wait_for_result", "Kept waiting for a result from Clay"
    GIVE_UP_RESULT = "give_up_result", "Gave up on a result from Clay"
    CREATE_CUSTOM_FIELDS = "create_custom_fields", "Created custom fields in GoHighLevel"
    CHOOSE_CAMPAIGN = "choose_campaign", "Chose the Instantly campaign for new leads"
    CHOOSE_CLAY_CONNECTOR = "choose_clay_connector", "Chose how Clay is connected"
    ADD_CLAY_SOURCE = "add_clay_source", "Added a Clay source"
    CHANGE_CLAY_SOURCE = "change_clay_source", "Changed a Clay source"
    REOPEN_CLAY_SOURCE = "reopen_clay_source", "Reopened a Clay source"
    SHOW_WEBHOOK_SECRET = "show_webhook_secret", "Viewed the secret of Clay's webhooks"
    SEND_TEST_ROW = "send_test_row", "Sent a test row to Clay"
    SET_CLAY_OVERDUE = "set_clay_overdue", "Changed what happens to overdue leads"

    # -- requests of data subjects
    OPEN_REQUEST = "open_request", "Opened a request"
    DUPLICATE_REQUEST = "duplicate_request", "Flagged a request as a possible duplicate"
    IMPORT_REQUESTS = "import_requests", "Imported requests"
    PREFILL_REQUEST = "prefill_request", "Filled in a request from a record"
    SEARCH_REQUESTS = "search_requests", "Searched requests for a person"
    VIEW_REQUEST = "view_request", "Viewed a request"
    EXPORT_REQUESTS = "export_requests", "Exported requests"
    ASSIGN_REQUEST = "assign_request", "Assigned a request"
    CHANGE_CONTACT = "change_contact", "Changed the contact of a request"
    EXTEND_REQUEST = "extend_request", "Extended a request"
    REFUSE_REQUEST = "refuse_request", "Refused a request"
    WITHDRAW_REQUEST = "withdraw_request", "Withdrew a request"
    ASK_PERSON = "ask_person", "Asked the person a question"
    NOTE_ANSWER = "note_answer", "Logged the person's answer"
    NOTE_EVIDENCE = "note_evidence", "Added evidence of identity"
    DECIDE_IDENTITY = "decide_identity", "Decided on the person's identity"
    DECIDE_RECORD = "decide_record", "Reviewed a record"
    LOOK_AGAIN = "look_again", "Searched for records again"
    CHANGE_PLAN = "change_plan", "Found different records than planned"
    FREEZE_PLAN = "freeze_plan", "Froze a plan"
    APPROVE_PLAN = "approve_plan", "Approved a plan"
    SEND_BACK_PLAN = "send_back_plan", "Sent a plan back"
    MOVE_REQUEST = "move_request", "Changed a request's status"
    COMPLETE_REQUEST = "complete_request", "Completed a request"
    FORGET_REQUESTER = "forget_requester", "Erased a requester's details"

    # -- their steps, records after an erasure, messages, documents
    COMPLETE_STEP = "complete_step", "Completed a step"
    CONTINUE_STEP = "continue_step", "Completed part of a step"
    POSTPONE_STEP = "postpone_step", "Postponed a step"
    HAND_OVER_STEP = "hand_over_step", "Switched a step to manual"
    FAIL_STEP = "fail_step", "Failed a step"
    FIND_NOT_ERASED = "find_not_erased", "Found a record still there after its erasure"
    COMPLETE_STEP_BY_HAND = "complete_step_by_hand", "Completed a step by hand"
    RETRY_STEP = "retry_step", "Retried a step"
    TAKE_OVER_STEP = "take_over_step", "Took over a step"
    COMPLETE_AFTER_CHECK = "complete_after_check", "Confirmed that a record stayed erased"
    POSTPONE_AFTER_CHECK = "postpone_after_check", "Postponed a final check after an erasure"
    CONTINUE_AFTER_CHECK = "continue_after_check", "Confirmed a record as erased, to be checked again"
    HAND_OVER_AFTER_CHECK = "hand_over_after_check", "Switched a final check after an erasure to manual"
    FAIL_AFTER_CHECK = "fail_after_check", "Failed a final check after an erasure"
    ERASE_REAPPEARED = "erase_reappeared", "Erased a record that had returned"
    COMPLETE_AFTER_CHECK_BY_HAND = "complete_after_check_by_hand", "Did a final check after an erasure by hand"
    RETRY_AFTER_CHECK = "retry_after_check", "Retried a final check after an erasure"
    WRITE_MESSAGE = "write_message", "Wrote a message"
    QUEUE_MESSAGE = "queue_message", "Queued a message"
    SEND_MESSAGE = "send_message", "Sent a message by e-mail"
    FAIL_MESSAGE = "fail_message", "Failed to send a message"
    COPY_MESSAGE = "copy_message", "Marked a message as sent another way"
    DROP_MESSAGE = "drop_message", "Discarded a message"
    EDIT_TEMPLATE = "edit_template", "Edited a template"
    DOWNLOAD_DOCUMENT = "download_document", "Downloaded a document"
    ERASE_DOCUMENT = "erase_document", "Erased a document"
    ISSUE_CERTIFICATE = "issue_certificate", "Issued a certificate"

    # -- standing duties
    SUPPRESS = "suppress", "Suppressed a person"
    RELEASE_SUPPRESSION = "release_suppression", "Released a suppression"
    LOOK_UP_SUPPRESSION = "look_up_suppression", "Looked up a suppression"
    PLACE_LEGAL_HOLD = "place_legal_hold", "Placed a legal hold"
    LIFT_LEGAL_HOLD = "lift_legal_hold", "Lifted a legal hold"
    PURGE = "purge", "Removed an expired record"
    COMPLETE_PURGE_BY_HAND = "complete_purge_by_hand", "Removed an expired record by hand"
    RETRY_PURGE = "retry_purge", "Retried the removal of a record"
    SEND_NOTICES = "send_notices", "Started sending notices"
    QUEUE_NOTICES = "queue_notices", "Queued notices"
    RETRY_NOTICES = "retry_notices", "Retried notices"
    RETURN_NOTICES = "return_notices", "Removed notices from the queue: no e-mail is sent"
    CONFIRM_NOTICES = "confirm_notices", "Marked notices as notified"
    EXPORT_NOTICES = "export_notices", "Exported notices"
    CHANGE_NOTICE_TEXT = "change_notice_text", "Edited the notice template"
    REPLAY_ERASURES = "replay_erasures", "Repeated the erasures after a restore"
    SCAN_LEFTOVERS = "scan_leftovers", "Searched for leftovers of an erasure"
    ERASE_LEFTOVER = "erase_leftover", "Erased a leftover value"
    VERIFY_AUDIT = "verify_audit", "Started verifying the audit log"
    EXPORT_AUDIT = "export_audit", "Exported the audit log"
    EXPORT_REGULATOR_PACK = "export_regulator_pack", "Downloaded the regulator pack"

    # -- staff and keys
    INVITE_PERSON = "invite_person", "Invited a person"
    LINK_FOR_PASSWORD = "link_for_password", "Created a password link"
    CHANGE_EMAIL = "change_email", "Changed the e-mail address of an account"
    GIVE_ROLE = "give_role", "Changed a person's role"
    SHUT_OUT = "shut_out", "Deactivated a person"
    LET_IN = "let_in", "Reactivated a person"
    END_SESSIONS = "end_sessions", "Signed a person out everywhere"
    TAKE_SECOND_FACTOR = "take_second_factor", "Removed a person's two-factor authentication"
    ISSUE_KEY = "issue_key", "Created an API key"
    REVOKE_KEY = "revoke_key", "Revoked an API key"


# What was recorded under another name: the verb that it is now, or, where it stood for more than one act, its sentence.
FORMER: dict[str, Verb | str] = {
    "retry_bulk": Verb.RETRY,
    "retry_delivery": Verb.DELIVER_AGAIN,
    "retry_delivery_bulk": Verb.DELIVER_AGAIN,
    "read_webhooks_again": Verb.REPLAY_WEBHOOK,
    **{
        f"mend_{kind}": Verb.FIX_DRIFT
        for kind in ("values", "unknown_row", "duplicate", "other_table", "row_gone", "not_kept", "no_row")
    },
    "hold_service": Verb.PAUSE_SERVICE,
    "place_hold": Verb.PLACE_LEGAL_HOLD,
    "lift_hold": "Resumed a service or lifted a legal hold",
    "import_uploaded": Verb.UPLOAD_IMPORT,
    "import_started": Verb.START_IMPORT,
    "import_cancelled": Verb.CANCEL_IMPORT,
    "import_ended": Verb.END_IMPORT,
    "import_file_removed": Verb.REMOVE_IMPORT_FILE,
    "import_file_erased": Verb.ERASE_IMPORT_FILE,
    "retry_started": Verb.START_RETRY,
    "retry_leads_started": Verb.START_RETRY,
    "retry_deliveries_started": Verb.START_RETRY,
    "retry_cancelled": "Cancelled a job",
    "retry_ended": "Finished a job",
    "rescore_started": Verb.START_RESCORE,
    "rescore_resumed": Verb.RESUME_RESCORE,
    "rescore_ended": Verb.END_RESCORE,
    "deliver_moved_started": Verb.START_MOVED_DELIVERY,
    "pilot_started": Verb.START_PILOT,
    "pilot_ended": Verb.END_PILOT,
    **{
        f"{kind}_{act}": verb
        for kind in ("waterfall", "scorecard")
        for act, verb in (
            ("draft_started", Verb.START_DRAFT),
            ("draft_saved", Verb.SAVE_DRAFT),
            ("draft_discarded", Verb.DISCARD_DRAFT),
            ("published", Verb.PUBLISH_VERSION),
            ("rolled_back", Verb.ROLL_BACK_VERSION),
        )
    },
    "clay_formula_pasted": Verb.PASTE_CLAY_FORMULA,
    "clay_table_created": Verb.CREATE_CLAY_TABLE,
    "catalogue_added": Verb.ADD_SERVICE,
    "catalogue_changed": Verb.CHANGE_SERVICE,
    "budget_set": Verb.SET_BUDGET,
    "budget_removed": Verb.REMOVE_BUDGET,
    "plan_changed": Verb.CHANGE_PLAN,
    "request_status": Verb.MOVE_REQUEST,
    "step_done": Verb.COMPLETE_STEP,
    "step_again": Verb.CONTINUE_STEP,
    "step_later": Verb.POSTPONE_STEP,
    "step_by_hand": Verb.HAND_OVER_STEP,
    "step_failed": Verb.FAIL_STEP,
    "step_still_there": Verb.FIND_NOT_ERASED,
    "step_done_by_hand": Verb.COMPLETE_STEP_BY_HAND,
    "after_check_done": Verb.COMPLETE_AFTER_CHECK,
    "after_check_later": Verb.POSTPONE_AFTER_CHECK,
    "after_check_read_back": Verb.CONTINUE_AFTER_CHECK,
    "after_check_failed": Verb.FAIL_AFTER_CHECK,
    "after_check_found_again": Verb.ERASE_REAPPEARED,
    "after_check_by_hand": "Switched a final check after an erasure to manual, or did it by hand",
    "after_check_again": Verb.RETRY_AFTER_CHECK,
    "message_sent": Verb.SEND_MESSAGE,
    "message_failed": Verb.FAIL_MESSAGE,
    "message_copied": Verb.COPY_MESSAGE,
    "purge_by_hand": Verb.COMPLETE_PURGE_BY_HAND,
    "purge_again": Verb.RETRY_PURGE,
}


def require_known(verb: str) -> str:
    """What is stored of it. Raises ValueError for what is not in the list, whatever its type."""
    if verb not in _SENTENCES:
        raise ValueError(f"{verb!r} is not a verb of the audit log: see Verb")
    return str(verb)


def current(stored: str) -> str:
    """What a stored verb is called now; itself where it stood for more than one act, or is none of ours."""
    now = FORMER.get(stored, stored)
    return now.value if isinstance(now, Verb) else stored


def stored_as(verb: str) -> list[str]:
    """Every name under which this act is in the ledger, the present one first."""
    return [verb, *(old for old, now in FORMER.items() if isinstance(now, Verb) and now == verb)]


def sentence(stored: str) -> str:
    """What people read of a stored verb; of one that was never ours, its words."""
    now = FORMER.get(stored)
    if isinstance(now, Verb):
        return now.sentence
    return now or _SENTENCES.get(stored) or stored.replace("_", " ").capitalize()


_SENTENCES = {verb.value: verb.sentence for verb in Verb}
