"""Scores that are due again are found without reading every lead; the index is built beside working processes."""

from django.db import migrations, models

from swarm_admin.core.migration_operations import BuildIndexConcurrently

INDEX = models.Index(
    fields=["id"],
    name="lead_to_score_again",
    condition=models.Q(icp_score__isnull=False, scored_at__isnull=True),
)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0032_pauses_of_one_table")]
    operations = [BuildIndexConcurrently("lead", INDEX)]
