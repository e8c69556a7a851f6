"""A lead says when Clay's row took values of ours; of stored leads it is told by what Clay is known to have taken."""

from typing import Any

from django.db import migrations, models

from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 2_000
# Every lead whose scores differ, through the partial index of those.
FIND = """
SELECT id FROM enrichment_lead WHERE id > %s AND (clay_score < icp_score OR clay_score > icp_score)
ORDER BY id LIMIT %s
"""
# `written_back`: column → value that Clay took of ours since its last run. No formula looks at these three.
MARK = """
UPDATE enrichment_lead SET clay_rewritten_at = updated_at
WHERE id = ANY(%s) AND clay_rewritten_at IS NULL AND restriction = ''
AND written_back - ARRAY['ghl_contact_id', 'instantly_lead_id', 'enrichment_status'] <> '{}'::jsonb
"""


def mark(cursor: Any, after: int) -> int | None:
    """A stretch of the leads; answers the last one's key, or None where there was none."""
    cursor.execute(FIND, [after, AT_ONCE])
    ids = [pk for (pk,) in cursor.fetchall()]
    cursor.execute(MARK, [ids])
    return ids[-1] if ids else None


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0033_leads_to_score_again")]
    operations = [
        migrations.AddField(
            model_name="lead",
            name="clay_rewritten_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Clay's row took values of ours then, and its score was not read since; NULL: it was",
                null=True,
            ),
        ),
        InBatches(mark),
    ]
