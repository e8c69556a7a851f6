"""Which way to Clay a demo runs on, for its login page and its first lines."""

from django.conf import settings

from enrichment.vendors.clay import chosen

WORDS = {
    "rows-api": "the API of the integration specification (rows in, enriched and read by call)",
    "table": "a Clay table (webhook in, HTTP API column out)",
    "routine": "a routine of Clay's public API (runs in, results polled and announced by a signed webhook)",
}


def connector_sentence() -> str:
    """Empty outside the demo."""
    return f"This demo runs on {WORDS[chosen.connector_slug()]}." if settings.MODE == "demo" else ""
