"""Stored texts without what nobody sees, as texts from outside are taken in; a score that read them is due again."""

from typing import Any

from django.db import migrations

from swarm_admin.core.clean_text import cleaned, is_damaged
from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 5_000
COLUMNS = (
    "first_name", "last_name", "company_name", "source_name", "engagement_action", "title", "company_industry",
    "company_revenue", "company_location", "funding_stage", "funding_amount", "linkedin_headline",
)  # fmt: skip
# What `clean_text` takes out or folds, as PostgreSQL writes it; that it may be needed is for `cleaned` to say.
ODD = (
    "[\\x01-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f"
    "\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\uffff\\U000e0000-\\U000e0fff]"
)
FIND = f"""
SELECT id, {", ".join(COLUMNS)}, concat_ws(' ', {", ".join(COLUMNS)}, array_to_string(tech_stack, ' ')) ~ %s,
tech_stack FROM enrichment_lead WHERE id > %s AND restriction = '' ORDER BY id LIMIT %s
"""  # noqa: S608 - names of our own columns
CHANGE = f"""
UPDATE enrichment_lead SET {", ".join(f"{name} = %s" for name in COLUMNS)}, tech_stack = %s,
scored_at = CASE WHEN icp_score IS NULL THEN scored_at END, updated_at = now() WHERE id = %s
"""  # noqa: S608 - names of our own columns


def clean(cursor: Any, after: int) -> int | None:
    """A stretch of the leads; answers the last one's key, or None where there was none.

    A word that has lost a letter stays as it is: what it was is not known, and the next row of Clay's may tell.
    """
    cursor.execute(FIND, [ODD, after, AT_ONCE])
    last = None
    for last, *texts, is_odd, tech_stack in cursor.fetchall():
        if not is_odd:
            continue
        new = [text if is_damaged(text) else cleaned(text) for text in texts]
        stack = [entry for entry in map(cleaned, tech_stack) if entry]
        if (new, stack) != (texts, tech_stack):
            cursor.execute(CHANGE, [*new, stack, last])
    return last


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0034_scores_older_than_what_we_wrote")]
    operations = [InBatches(clean)]
