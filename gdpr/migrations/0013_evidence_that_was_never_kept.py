"""A check for which nobody noted evidence does not say that evidence was deleted.

The ledger tells for which requests any was noted; of two checks of one request it does not tell for which.
"""

from django.db import migrations

NEVER_KEPT = """
    UPDATE gdpr_identitycheck AS seen SET evidence_deleted_at = NULL
    WHERE evidence_deleted_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM gdpr_auditevent
        WHERE verb = 'note_evidence' AND object_type = 'subjectrequest' AND object_id = seen.request_id::text
    )
"""


class Migration(migrations.Migration):
    dependencies = [("gdpr", "0012_what_stays_when_a_record_ends")]
    operations = [migrations.RunSQL(NEVER_KEPT, migrations.RunSQL.noop)]
