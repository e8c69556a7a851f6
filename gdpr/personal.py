"""Which fields of this package hold personal data. A test fails on an undeclared one."""

# {model name: names of the fields that hold personal data}; every other field is declared harmless by
# being listed in NOT_PERSONAL.
PERSONAL: dict[str, set[str]] = {"AuditEvent": set(), "Suppression": set()}
NOT_PERSONAL: dict[str, set[str]] = {
    "AuditEvent": {
        "id", "occurred_at", "actor_id", "verb", "object_type", "object_id", "fields", "counts", "reason",
    },
    "Suppression": {
        "id", "identifier_hash", "key_id", "reason", "created_at", "blocked_count", "released_at",
    },
}  # fmt: skip
