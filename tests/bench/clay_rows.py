"""The vendors' stand-ins in a benchmark: keys, addresses, and leads that Clay has rows of."""

from urllib.parse import urlsplit

import httpx

KEYS = {
    "clay_api_key": "bench-clay-key",
    "clay_workspace_id": "bench-workspace",
    "clay_table_id": "tbl_bench",
    "ghl_api_key": "bench-ghl-key",
    "ghl_location_id": "bench-location",
    "instantly_api_key": "bench-instantly-key",
    "instantly_campaign_id": "bench-campaign",
}
AT_ONCE = 100


def vendor_addresses(url: str) -> dict[str, str]:
    """The settings under which the product speaks to the stand-ins at `url`."""
    if urlsplit(url).hostname != "127.0.0.1":
        raise ValueError("a benchmark calls nobody but its own stand-ins")
    return {
        **{name.upper(): value for name, value in KEYS.items()},
        "CLAY_API_BASE_URL": f"{url}/clay/v1",
        "GHL_API_BASE_URL": f"{url}/ghl",
        "INSTANTLY_API_BASE_URL": f"{url}/instantly/api/v2",
        "VENDOR_TIMEOUT_SECONDS": "20",
    }


def known_rows(url: str, count: int) -> list[str]:
    """Ids of `count` rows in Clay, each with a lead in the database Django works on."""
    from django.utils import timezone

    from enrichment.models import Lead

    headers = {
        "Authorization": f"Bearer {KEYS['clay_api_key']}",
        "X-Workspace-Id": KEYS["clay_workspace_id"],
    }
    leads = [f"https://www.linkedin.com/in/known-{number}" for number in range(count)]
    ids: list[str] = []
    with httpx.Client(base_url=f"{url}/clay/v1", headers=headers, trust_env=False, timeout=30) as client:
        for start in range(0, count, AT_ONCE):
            rows = [{"linkedin_url": each, "source_type": "post_liker", "source_name": "A post",
                     "scraped_at": "2026-01-10T10:00:00Z"} for each in leads[start : start + AT_ONCE]]  # fmt: skip
            answer = client.post(f"/tables/{KEYS['clay_table_id']}/rows", json={"rows": rows}).raise_for_status()
            ids += [row["id"] for row in answer.json()["rows"]]
    now = timezone.now()
    Lead.objects.bulk_create(
        Lead(linkedin_url=each, clay_row_id=row, clay_table_id=KEYS["clay_table_id"], source_type="post_liker",
             source_name="A post", scraped_at=now, retention_until=now, enrichment_status="in_progress")
        for each, row in zip(leads, ids, strict=True)
    )  # fmt: skip
    return ids
