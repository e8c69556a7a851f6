"""Which fields of this package hold personal data. A test fails on an undeclared one.

The stores that export and erase, and the scan for what is left, read this declaration.
"""

_LEASE = {"not_before", "in_flight_since", "tries", "error_kind", "error_message"}
_VERSION = {"id", "number", "status", "document", "note", "created_by", "created_at", "published_at"}

PERSONAL: dict[str, set[str]] = {
    "Lead": {
        "linkedin_url", "first_name", "last_name", "company_name", "source_name", "source_url", "source_type",
        "engagement_action", "engagement_content", "scraped_at", "email_personal", "email_work", "phone", "title",
        "company_domain", "company_industry", "company_size", "company_revenue", "company_location", "tech_stack",
        "funding_stage", "funding_amount", "linkedin_headline", "linkedin_summary", "linkedin_connections",
        "recent_posts", "mutual_connections", "raw", "icp_score", "icp_tier", "score_explanation", "clay_score",
        "clay_tier", "search", "clay_row_id", "ghl_contact_id", "instantly_lead_id",
    },
    "FieldConflict": {"value"},
    "WebhookDelivery": {"body", "row_id"},
    "Handover": {"external_id", "payload_hash"},
    "BulkJob": {"file", "file_name"},
    "Drift": {"subject", "row_id"},
    "SeenRow": {"row_id"},
}  # fmt: skip

NOT_PERSONAL: dict[str, set[str]] = {
    "Lead": {
        "id", "received_at", "retention_until", "pinned_fields", "scorecard", "scored_at", "enrichment_status",
        "in_progress_since", "enriched_at", "clay_seen_at", "enrichment_cost", "error_kind", "error_message",
        "error_provider", "error_at", "needs_person", "clay_table_id", "dispatch_after", "dispatch_priority",
        "dispatch_tries", "skip_providers", "only_providers", "write_back_after", "write_back_tries", "updated_at",
    },
    "FieldFact": {"id", "lead", "field", "provider", "observed_at", "cost", "attempt"},
    "FieldConflict": {"id", "lead", "field", "reason", "observed_at"},
    "Provider": {"id", "slug", "name", "hourly_limit"},
    "ProviderService": {
        "id", "provider", "waterfall", "position", "cost", "accuracy", "coverage", "fields",
    },
    "WaterfallVersion": _VERSION,
    "ScorecardVersion": _VERSION,
    "Batch": {
        "id", "kind", "status", "priority", "table_id", "waterfall", "skip_providers", "only_providers", "created_at",
        "finished_at", *_LEASE,
    },
    "BatchItem": {"id", "batch", "lead", "position", "status", "error_kind", "error_message"},
    "Attempt": {
        "id", "lead", "batch", "waterfall", "skip_providers", "status", "started_at", "triggered_at", "finished_at",
        "cost", "error_kind", "error_message", "provider", "only_providers", "deferred_providers", "providers",
        "poll_after", "polls",
    },
    "WebhookDelivery": {
        "id", "received_at", "headers", "body_hash", "status", "verdict", "event", "event_at", "lead",
        "changed_fields", "processed_at", *_LEASE,
    },
    "Handover": {
        "id", "lead", "system", "status", "differences", "created_at", "finished_at", *_LEASE,
    },
    "Disclosure": {"id", "lead", "system", "action", "fields", "occurred_at"},
    "BulkJob": {
        "id", "kind", "status", "created_by", "created_at", "started_at", "finished_at", "in_flight_since",
        "columns", "position", "total", "accepted", "known", "rejected", "suppressed", "error",
        "plan",
    },
    "JobMember": {"id", "job", "position", "subject", "lead", "status", "reason"},
    "FailureIgnore": {"id", "what", "error_kind", "provider", "shape", "reason", "ignored_by", "ignored_at"},
    "RejectedRow": {"id", "job", "index", "field", "sentence"},
    "Connection": {
        "id", "system", "table_id", "webhook_id", "webhook_url", "last_ok_at", "last_error_at", "last_error",
    },
    "Alert": {
        "id", "kind", "system", "subject", "severity", "sentence", "opened_at", "last_at", "count", "acknowledged_at",
        "acknowledged_by", "closed_at", "closed_by", "by_itself", "told", "told_at",
    },
    "AlertNotice": {
        "id", "alert", "channel", "occasion", "status", "created_at", "finished_at", *_LEASE,
    },
    "Drift": {
        "id", "kind", "lead", "table_id", "fields", "first_seen", "last_seen", "resolved_at", "mend_after",
        "mend_tries", "mend_by", "mend_error",
    },
    "ReconcileRun": {
        "id", "full", "since", "tables", "at_table", "cursor", "phase", "confirmed_to", "started_at", "finished_at",
        "not_before", "in_flight_since", "tries", "exports", "rows", "ours", "is_open", "error",
    },
    "SeenRow": {"id", "run"},
    "ServiceHold": {"id", "system", "reason", "message", "since", "until", "lifted_at", "lifted_by"},
}  # fmt: skip
