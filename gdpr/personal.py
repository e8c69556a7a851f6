"""Which fields of this package hold personal data. A test fails on an undeclared one."""

_HELD = {"in_flight_since", "held_by", "lapses", "set_aside_at"}

# {model name: names of the fields that hold personal data}; every other field is declared harmless by
# being listed in NOT_PERSONAL.
PERSONAL: dict[str, set[str]] = {
    "AuditContext": {"document"},
    "Purge": {"key"},
    "PurgeRecord": {"key"},
    "Notice": {"key"},
    "Suppression": set(),
    "SubjectRequest": {
        "name", "contact_email", "text", "linkedin_url", "emails", "phone", "values", "refusal_reason",
        "withdrawal_reason", "extension_reason",
    },
    "FoundRecord": {"key", "summary", "identifiers", "decision_reason"},
    "RequestStep": {"instructions", "evidence", "result"},
    "IdentityCheck": {"evidence"},
    "RequestMessage": {"to", "subject", "body"},
    "RequestDocument": {"file"},
    "AfterCheck": {"key", "instructions", "evidence"},
    "LegalHold": {"key"},
}  # fmt: skip
NOT_PERSONAL: dict[str, set[str]] = {
    "AuditEvent": {
        "id", "occurred_at", "actor_id", "verb", "object_type", "object_id", "fields", "counts", "reason",
        "commitment",
    },
    "AuditContext": {"id", "event_id", "salt"},
    "UnsealedEvent": {"event_id"},
    "AuditSeal": {"position", "event_id", "digest", "sealed_at"},
    "AuditAnchor": {
        "id", "occasion", "day", "position", "digest", "created_at", "filed_at", "mailed_at", "unknowns",
        "not_before", "error",
    },
    "AuditCheck": {
        "id", "requested_by", "requested_at", "started_at", "finished_at", "links", "unsealed", "anchored", "verdict",
        "findings", *_HELD,
    },
    "Purge": {
        "id", "store", "key_hash", "kept_until", "status", "created_at", "not_before", *_HELD, "tries",
        "error_message", "hold_lifted_at", "done_at", "reason",
    },
    "PurgeRecord": {
        "id", "purge", "position", "store", "status", "erased_at", "faults", "stays", "instructions", "evidence",
        "done_at",
    },
    "Notice": {
        "id", "store", "key_hash", "template", "channel", "status", "due_on", "address_hash", "created_at",
        "created_by", "not_before", *_HELD, "tries", "error_message", "sent_at", "run",
    },
    "NoticeRun": {
        "id", "channel", "confirmed_at", "returned_at", "decided_by", "wanted",
        "queued", "left_out", "store", "after", "created_at", "created_by", "finished_at", "note",
    },
    "Suppression": {
        "id", "identifier_hash", "key_id", "reason", "created_at", "blocked_count", "released_at",
    },
    "SubjectRequest": {
        "id", "kind", "status", "channel", "regime", "calendar", "received_at", "opened_at", "opened_by", "handler",
        "identity_hashes", "duplicate_of", "concerns", "due_on", "clock_waits", "extended_at", "plan_hash",
        "planned_at", "plan_changed", "approved_hash", "approved_at", "approved_by", "prepared_by", "refusal_ground",
        "stopped_at", "closed_at", "forget_after", "forgotten_at",
    },
    "FoundRecord": {
        "id", "request", "store", "key_hash", "matched", "sure", "fingerprint", "found_at", "by_hand", "gone",
        "decision", "decided_by", "decided_at",
    },
    "RequestStep": {
        "id", "request", "action", "store", "record", "stage", "waits_for_stage", "after", "status", "created_at",
        "not_before", *_HELD, "tries", "faults", "error_kind", "error_message", "done_at", "done_by",
        "due_on", "proof",
    },
    "StepAttempt": {"id", "step", "number", "started_at", "ended_at", "outcome", "message"},
    "RequestPause": {"id", "request", "reason", "justification", "asked_at", "asked_by", "answered_at"},
    "IdentityCheck": {
        "id", "request", "level", "method", "result", "evidence_deleted_at", "created_at", "decided_at", "decided_by",
    },
    "MessageTemplate": {"id", "slug", "number", "subject", "body", "note", "created_at", "created_by"},
    "RequestMessage": {
        "id", "request", "template", "status", "created_at", "created_by", *_HELD, "not_before", "tries",
        "unknowns", "sent_at", "sent_by", "error_message",
    },
    "RequestDocument": {
        "id", "request", "kind", "size", "sha256", "created_at", "expires_at", "erased_at", "downloads",
        "last_download_at", "last_download_by", "number", "superseded_at", "superseded_because",
    },
    "AfterCheck": {
        "id", "request", "store", "key_hash", "status", "created_at", "due_at", "not_before", *_HELD,
        "tries", "error_message", "hold_lifted_at", "erased_at", "done_at",
    },
    "LegalHold": {"id", "store", "reason", "placed_at", "placed_by", "review_on", "lifted_at", "lifted_by"},
}  # fmt: skip
