"""Which fields of this package hold personal data. A test fails on an undeclared one.

The stores that export and erase, and the scan for what is left, read this declaration.
"""

from dataclasses import dataclass

_HELD = {"in_flight_since", "held_by", "lapses", "set_aside_at"}
_LEASE = {"not_before", "tries", "error_kind", "error_message", *_HELD}
_VERSION = {
    "id", "number", "status", "document", "note", "created_by", "created_at", "based_on", "revision", "edited_by",
    "edited_at", "published_by", "published_at",
}  # fmt: skip

PERSONAL: dict[str, set[str]] = {
    "Lead": {
        "linkedin_url", "first_name", "last_name", "company_name", "source_name", "source_url", "source_type",
        "engagement_action", "engagement_content", "scraped_at", "email_personal", "email_work", "phone", "title",
        "company_domain", "company_page", "company_industry", "company_size", "company_revenue", "company_location",
        "tech_stack",
        "funding_stage", "funding_amount", "linkedin_headline", "linkedin_summary", "linkedin_connections",
        "recent_posts", "mutual_connections", "raw", "icp_score", "icp_tier", "clay_score",
        "clay_tier", "search", "clay_row_id", "ghl_contact_id", "instantly_lead_id", "written_back",
    },
    "FieldConflict": {"value"},
    "WebhookDelivery": {"body", "row_id"},
    "Handover": {"external_id", "payload_hash"},
    "ContactMatch": {"contact_id"},
    "CampaignMove": {"old_id", "new_id", "old_email", "contacted_at", "opens", "replies", "unsubscribed"},
    "BulkJob": {"file", "file_name"},
    "Drift": {"subject", "row_id"},
    "SeenRow": {"row_id"},
    "TierMove": {"before", "after", "score"},
}  # fmt: skip

NOT_PERSONAL: dict[str, set[str]] = {
    "Lead": {
        "id", "received_at", "retention_until", "notified_at", "first_disclosed_at",
        "pinned_fields", "restriction", "scorecard", "scored_at",
        "enrichment_status",
        "in_progress_since", "enriched_at", "clay_seen_at", "enrichment_cost", "error_kind", "error_message",
        "error_provider", "error_at", "needs_person", "clay_table_id", "dispatch_after", "dispatch_priority",
        "dispatch_tries", "dispatch_by", "trial", "skip_providers", "only_providers", "found_waterfalls", "answered",
        "write_back_after", "write_back_tries", "clay_rewritten_at", "updated_at",
    },
    "FieldFact": {"id", "lead", "field", "provider", "observed_at", "cost", "attempt"},
    "FieldConflict": {"id", "lead", "field", "reason", "observed_at"},
    "Provider": {"id", "slug", "name", "hourly_limit"},
    "ProviderService": {
        "id", "provider", "waterfall", "position", "cost", "charge", "accuracy", "coverage", "fields",
    },
    "WaterfallVersion": _VERSION,
    "ScorecardVersion": _VERSION,
    "Rescore": {
        "id", "job", "version", "cursor", "began_at", "finished_at", "after", "changed", "up", "down", "lifted",
    },
    "TierMove": {"id", "rescore", "lead", "status", "decided_by", "decided_at"},
    "LeadChange": {"id", "lead_id", "at"},
    "DraftSave": {"id", "kind", "number", "revision", "document", "saved_by", "saved_at"},
    "Batch": {
        "id", "kind", "status", "priority", "table_id", "waterfall", "skip_providers", "only_providers", "without",
        "answered", "created_at", "finished_at", *_LEASE,
    },
    "BatchItem": {"id", "batch", "lead", "position", "status", "error_kind", "error_message", "in_doubt"},
    "Attempt": {
        "id", "lead", "batch", "waterfall", "skip_providers", "status", "started_at", "triggered_at", "finished_at",
        "cost", "error_kind", "error_message", "provider", "only_providers", "deferred_providers", "providers",
        "poll_after", "polls", "without", "answered", "provider_slots", "source_type", "started_by",
        "reserved", "deleted_lead", "tier", "reference", "source", "run", "overdue_at", *_HELD,
    },
    "ClaySource": {
        "id", "name", "url", "token", "position", "life", "taken", "columns", "created_at", "last_sent_at",
        "last_callback_at", "closed_at", "closed_because",
    },
    "ClayRun": {
        "id", "run_id", "batch", "routine_id", "is_file", "items", "status", "started_at", "finished_at", *_LEASE,
    },
    "TestRow": {
        "id", "reference", "source", "by", "sent_at", "answered_at", "came_back_at", "columns", "missing", "cells",
        "error",
    },
    "ForgottenReference": {"digest", "forgotten_on"},
    "WebhookDelivery": {
        "id", "channel", "received_at", "headers", "body_hash", "status", "verdict", "event", "event_at", "lead",
        "changed_fields", "processed_at", "erased_at", *_LEASE,
    },
    "SpendCap": {
        "id", "period", "source_type", "amount", "note", "updated_by", "updated_at", "reached_at",
    },
    "SpendBook": {"id", "day", "closed_at"},
    "SpendEntry": {"id", "book", "source_type", "provider", "tier", "started_by", "cost", "asked", "hits"},
    "TakenOver": {"id", "lead", "waterfall", "fields", "saved", "taken_at"},
    "Handover": {
        "id", "lead", "system", "status", "differences", "created_at", "finished_at", *_LEASE,
    },
    "ContactMatch": {
        "id", "lead", "matched_by", "whose", "action", "written", "kept", "found_at", "decided_by", "decided_at",
    },
    "CampaignMove": {"id", "lead", "status", "found_at", "decided_by", "decided_at"},
    "Disclosure": {"id", "lead", "system", "action", "fields", "occurred_at"},
    "BulkJob": {
        "id", "kind", "status", "created_by", "created_at", "started_at", "finished_at",
        "columns", "position", "total", "accepted", "known", "rejected", "suppressed", "error",
        "plan", *_HELD,
    },
    "JobMember": {"id", "job", "position", "subject", "lead", "status", "reason"},
    "LeadView": {"id", "name", "query", "owner", "is_shared", "created_at"},
    "FailureIgnore": {"id", "what", "error_kind", "provider", "shape", "reason", "ignored_by", "ignored_at"},
    "RejectedRow": {"id", "job", "index", "field", "sentence"},
    "ClayFormula": {"id", "table_id", "scorecard", "fingerprint", "how", "placed_at", "placed_by"},
    "AppliedWaterfall": {"id", "version", "applied_at", "applied_by"},
    "Connection": {
        "id", "system", "connector", "overdue_seconds", "overdue_policy", "routine_id", "routine_inputs",
        "routine_outputs", "table_id", "full_tables", "webhook_id", "webhook_url", "last_ok_at", "last_error_at",
        "last_error", "campaign_id", "campaign_name", "earlier_campaigns", "field_ids", "fields_location",
    },
    "ConnectionCheck": {"id", "system", "name", "finding", "detail", "seen", "key_hash", "checked_at"},
    "Alert": {
        "id", "kind", "system", "subject", "severity", "sentence", "opened_at", "last_at", "count", "acknowledged_at",
        "acknowledged_by", "closed_at", "closed_by", "by_itself", "told", "told_at",
    },
    "AlertNotice": {
        "id", "alert", "channel", "occasion", "status", "created_at", "finished_at", *_LEASE,
    },
    "Drift": {
        "id", "kind", "lead", "table_id", "fields", "first_seen", "last_seen", "resolved_at", "mend_after",
        "mend_tries", "mend_by", "mend_error", *_HELD,
    },
    "ReconcileRun": {
        "id", "full", "since", "tables", "at_table", "cursor", "phase", "confirmed_to", "started_at", "finished_at",
        "not_before", "tries", "exports", "rows", "ours", "is_open", "error", *_HELD,
    },
    "SeenRow": {"id", "run"},
    "ServiceHold": {
        "id", "system", "reason", "message", "table", "reads", "since", "until", "lifted_at", "lifted_by",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a person's data can be, beside the columns above.

    `kind`: json, bytes, file, cache, queue, session, log or mail. `where`: a column, a path under the data
    directory, or a pattern of keys. `holds` and `leaves` in words: what of a person, and when it is gone.
    """

    kind: str
    where: str
    holds: str
    leaves: str


_WITH_LEAD = "erased with the lead, in one transaction"
_NEVER = "nothing personal is written there: ids, counts and our own words"

# The scan for what is left looks through all of these; a test holds the columns among them against the models.
PLACES: tuple[Place, ...] = (
    Place("json", "Lead.raw", "Clay's last row, whatever columns it has", _WITH_LEAD),
    Place("json", "Lead.written_back", "what Clay took of ours last", _WITH_LEAD),
    Place("json", "Lead.recent_posts", "what the person wrote", _WITH_LEAD),
    Place(
        "json",
        "Attempt.providers",
        "names of providers and fields",
        "made anonymous with the lead: only names that we gave, and the day",
    ),
    Place("json", "Lead.answered", "our waterfalls, and providers of theirs that answered", _WITH_LEAD),
    Place("json", "Batch.answered", "the same of a batch", _NEVER),
    Place("json", "Attempt.answered", "the same of an attempt", _NEVER),
    Place("json", "Attempt.provider_slots", "providers of ours, counts and times of reservations", _NEVER),
    Place("json", "WebhookDelivery.headers", "four technical headers", "emptied with the body"),
    Place("json", "WebhookDelivery.changed_fields", "names of fields", "emptied with the body"),
    Place("json", "Handover.differences", "names of fields", _WITH_LEAD),
    Place("json", "BulkJob.columns", "names of a file's columns", _NEVER),
    Place("json", "BulkJob.plan", "what a retry is about", _NEVER),
    Place("json", "ReconcileRun.rows", "counts by table", _NEVER),
    Place("json", "ReconcileRun.ours", "counts by table", _NEVER),
    Place("json", "WaterfallVersion.document", "providers and their order", _NEVER),
    Place("json", "ScorecardVersion.document", "rules and points", _NEVER),
    Place("json", "DraftSave.document", "either of both, while it is edited", _NEVER),
    Place("json", "Connection.routine_inputs", "names of inputs and of fields", _NEVER),
    Place("json", "Connection.routine_outputs", "names of results and of columns", _NEVER),
    Place("json", "Connection.field_ids", "names of fields and their ids", _NEVER),
    Place("json", "ConnectionCheck.seen", "names and types of fields, the name of a location or campaign", _NEVER),
    Place("json", "ClaySource.columns", "names of columns and times", _NEVER),
    Place("json", "TestRow.columns", "names of columns", _NEVER),
    Place("json", "TestRow.missing", "names of columns", _NEVER),
    Place("json", "TestRow.cells", "names of columns and words of their state", _NEVER),
    Place("bytes", "ClaySource.token", "a secret of Clay's, encrypted", _NEVER),
    Place("bytes", "WebhookDelivery.body", "a message of Clay, as it came", "emptied: by lead, row and contents"),
    Place(
        "file",
        "BulkJob.file",
        "an upload, under files/imports",
        "with its import, or when a person in it is erased",
    ),
    Place(
        "file",
        "scoring/*",
        "the columns that scorecards look at",
        "removed with every erasure; rebuilt without the lead",
    ),
    Place("cache", "search:*", "words somebody searched for", "after twelve hours, or with the person"),
    Place("cache", "clay-export:*", "ids of rows found for a request", "when the look-up ends, a week at most"),
    Place("cache", "remembered:*", "counts", _NEVER),
    Place("queue", "celery", "names of tasks; one argument, a system", f"{_NEVER}; results are not kept"),
    Place("cache", "limit:*, vitals:*", "counts and times of calls", _NEVER),
    Place("session", "django_session", "ids of leads that were unmasked, and until when", "with the session"),
    Place("log", "standard error", "ids, statuses, the vendors' masked words", _NEVER),
    Place("mail", "alerts", "ids, counts and our own words", _NEVER),
)
