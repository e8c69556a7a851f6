"""Stored domains become what the company registered; a host that many share becomes the lead's page, and no key.

What such a lead had taken over from another one with the same host is another company's: it is emptied, where the lead
has not been told it by a provider of its own since, and its saving leaves the books; its score, which counted that, is
marked as due again (see `scoring.stale_scores`). Beside working processes.
"""

from typing import Any

from django.db import migrations, models

from swarm_admin.core import companies
from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 5_000
COLUMN = "ALTER TABLE enrichment_lead ADD COLUMN IF NOT EXISTS company_page varchar(2000) NOT NULL DEFAULT ''"
FIND = "SELECT id, company_domain FROM enrichment_lead WHERE id > %s AND company_domain <> '' ORDER BY id LIMIT %s"
# Only where the row still holds what was read: a worker may have written since. In the order of the keys.
CHANGE = """
WITH given AS (
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given (id, old, new, page)
), locked AS (
  SELECT lead.id FROM enrichment_lead AS lead JOIN given USING (id)
  WHERE lead.company_domain = given.old ORDER BY lead.id FOR NO KEY UPDATE OF lead
)
UPDATE enrichment_lead AS lead
SET company_domain = given.new, company_page = CASE WHEN lead.company_page = '' THEN given.page ELSE lead.company_page END
FROM given, locked WHERE lead.id = given.id AND lead.id = locked.id
"""
TAKEN = """
SELECT lead_id, field FROM (
  SELECT taken.lead_id, unnest(taken.fields) AS field, max(taken.taken_at) AS at
  FROM enrichment_takenover AS taken WHERE taken.lead_id = ANY(%s) GROUP BY 1, 2
) AS theirs
WHERE NOT EXISTS (
  SELECT 1 FROM enrichment_fieldfact AS fact WHERE fact.lead_id = theirs.lead_id AND fact.field = theirs.field
  AND fact.attempt_id IS NOT NULL AND fact.observed_at > theirs.at
)
"""
FORGET_FACTS = """
DELETE FROM enrichment_fieldfact WHERE lead_id = %s AND field = %s AND attempt_id IS NULL AND cost = 0
"""
UNBOOK = "DELETE FROM enrichment_takenover WHERE lead_id = ANY(%s) AND fields <> '{}'"
# A score without the time it was given: it is given again by the running product, which tells Clay and the CRM.
SCORE_AGAIN = """
UPDATE enrichment_lead SET scored_at = NULL, scorecard_id = NULL WHERE id = ANY(%s) AND icp_score IS NOT NULL
"""
EMPTY = {
    "company_industry": "''",
    "company_size": "NULL",
    "company_revenue": "''",
    "company_location": "''",
    "funding_stage": "''",
    "funding_amount": "''",
    "tech_stack": "'{}'",
}


def bring_over(cursor: Any, after: int) -> int | None:
    """A stretch of the leads; answers the last one's key, or None where there was none."""
    cursor.execute(FIND, [after, AT_ONCE])
    rows = cursor.fetchall()
    read = [(pk, old, *_read(old)) for pk, old in rows]
    changed = [row for row in read if row[1] != row[2]]
    if changed:
        cursor.execute(CHANGE, [list(column) for column in zip(*changed, strict=True)])
        _give_back(cursor, [pk for pk, _, new, _ in changed if not new])
    return rows[-1][0] if rows else None


def _read(old: str) -> tuple[str, str]:
    """(domain, page) of what was stored as a domain; what nobody can have registered is kept as a page too."""
    try:
        return companies.registrable(old), ""
    except ValueError:
        return "", old


def _give_back(cursor: Any, leads: list[int]) -> None:
    cursor.execute(TAKEN, [leads])
    emptied: set[int] = set()
    for lead, field in cursor.fetchall():
        if field in EMPTY:
            # The column is one of those named above, and no text from outside.
            empty = f"UPDATE enrichment_lead SET {field} = {EMPTY[field]} WHERE id = %s AND NOT %s = ANY(pinned_fields)"  # noqa: S608
            cursor.execute(empty, [lead, field])
            if cursor.rowcount:
                emptied.add(lead)
            cursor.execute(FORGET_FACTS, [lead, field])
    cursor.execute(SCORE_AGAIN, [sorted(emptied)])
    cursor.execute(UNBOOK, [leads])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0025_campaign_moves")]
    operations = [
        # Begun again after it was broken off, it finds the column there.
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(COLUMN, "ALTER TABLE enrichment_lead DROP COLUMN company_page")],
            [
                migrations.AddField(
                    "lead",
                    "company_page",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        max_length=2000,
                    ),
                ),
            ],
        ),
        InBatches(bring_over),
    ]
