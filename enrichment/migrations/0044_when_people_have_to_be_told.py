"""When a lead was first delivered stands with the lead, and the queue of notices has an index by due date."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from enrichment.models.notice_due import NoticeDue
from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 10_000
STRETCH = "SELECT max(id) FROM (SELECT id FROM enrichment_lead WHERE id > %s ORDER BY id LIMIT %s) AS stretch"
FILL = """
UPDATE enrichment_lead SET first_disclosed_at = used.first FROM (
SELECT lead_id, min(occurred_at) AS first FROM enrichment_disclosure WHERE lead_id > %s AND lead_id <= %s GROUP BY lead_id
) AS used WHERE enrichment_lead.id = used.lead_id AND first_disclosed_at IS NULL
"""


def fill(cursor: Any, after: int) -> int | None:
    """A stretch of the leads; answers the last one's key, or None where there was none."""
    cursor.execute(STRETCH, [after, AT_ONCE])
    (last,) = cursor.fetchone()
    if last is not None:
        cursor.execute(FILL, [after, last])
    return last


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0043_a_token_that_is_rejected")]
    operations = [
        migrations.AddField(
            "lead",
            "first_disclosed_at",
            models.DateTimeField(blank=True, help_text="first delivered to another system", null=True),
        ),
        InBatches(fill),
        AddIndexConcurrently(
            "lead",
            models.Index(
                NoticeDue("scraped_at", "first_disclosed_at"),
                models.F("id"),
                name="lead_by_notice_due",
                condition=models.Q(notified_at__isnull=True),
            ),
        ),
        AddIndexConcurrently(
            "lead",
            models.Index(
                fields=["first_disclosed_at"],
                name="lead_used_untold",
                condition=models.Q(notified_at__isnull=True, first_disclosed_at__isnull=False),
            ),
        ),
    ]
