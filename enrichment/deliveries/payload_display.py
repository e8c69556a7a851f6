"""What came from Clay, or is stored elsewhere, as a person may see it: bodies and single values."""

import json
from typing import Any

from enrichment.leads.lead_detail import MASKS, OPEN_FIELDS
from swarm_admin.core.json_depth import is_deeper_than
from swarm_admin.core.masking import DOTS, mask

LONGEST = 20_000  # characters of a body on a page
DEEPEST = 20  # levels that are indented; Clay's events have five
ENVELOPE = {"event", "row_id", "table_id", "timestamp"}
# they find nobody, too
OPEN = OPEN_FIELDS | {
    "enrichment_status", "enriched_at", "icp_score", "icp_tier", "clay_score", "clay_tier", "code", "provider",
    "job_title", "website", "source", "tags", "linkedin_connections", "mutual_connections", "timestamp",
}  # fmt: skip


def body_text(body: bytes, *, unmasked: bool) -> str:
    """The body for reading, JSON indented; masked, nothing personal of it is left."""
    try:
        document = json.loads(body)
        shown = document if unmasked else _masked(document, ENVELOPE)
        indent = None if is_deeper_than(DEEPEST, document) else 2
        text = json.dumps(shown, indent=indent, ensure_ascii=False)
    except (ValueError, RecursionError):
        if not unmasked:
            return f"{len(body):,} bytes, not JSON. They may contain personal data and aren't shown."
        text = body.decode("utf-8", "backslashreplace")
    # JSON may spell half of a surrogate pair, which no page can be written with.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} characters more"


def _masked(value: Any, readable: set[str], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, readable | OPEN, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, readable, name) for inner in value]
    if value is None or isinstance(value, bool) or name in readable:
        return value
    return mask(value, MASKS.get(name, "text")) or DOTS


def value_text(name: str, value: Any, *, unmasked: bool) -> str:
    """One field's value in words, masked by its kind; "" where there is none."""
    text = _as_text(value)
    return text if unmasked or name in OPEN else mask(text, MASKS.get(name, "text"))


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        simple = all(not isinstance(part, dict | list) for part in value)
        return ", ".join(map(str, value)) if simple else f"{len(value)} entries"
    if isinstance(value, float):
        return f"{value:,.10g}"
    return "" if value is None else str(value)
