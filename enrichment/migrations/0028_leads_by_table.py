"""The rows of a Clay table are counted as they are made; the index for it is built beside working processes."""

from django.db import migrations, models

from swarm_admin.core.migration_operations import BuildIndexConcurrently

INDEX = models.Index(fields=["clay_table_id"], name="lead_by_table", condition=models.Q(clay_row_id__isnull=False))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0027_pauses_that_name_their_cause")]
    operations = [BuildIndexConcurrently("lead", INDEX)]
