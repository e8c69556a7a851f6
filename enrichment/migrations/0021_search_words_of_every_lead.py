"""The words of the leads that were there before their trigger, a few thousand at a time, beside working processes."""

from typing import Any

from django.db import migrations

from swarm_admin.core.migration_operations import InBatches

AT_ONCE = 2_000
# In the order of their keys, as everybody locks leads; the trigger computes the words.
STATEMENT = """
WITH batch AS (
  SELECT id FROM enrichment_lead WHERE id > %s ORDER BY id LIMIT %s FOR NO KEY UPDATE
), done AS (
  UPDATE enrichment_lead SET search_words = NULL FROM batch
  WHERE enrichment_lead.id = batch.id AND search_words IS NULL
)
SELECT max(id) FROM batch
"""


def fill(cursor: Any, after: int) -> int | None:
    cursor.execute(STATEMENT, [after, AT_ONCE])
    return cursor.fetchone()[0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0020_search_in_any_spelling")]
    operations = [InBatches(fill)]
