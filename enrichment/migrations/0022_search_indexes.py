"""Indexes of what a lead is found by, made beside working processes; the old column's goes, the column stays."""

import django.contrib.postgres.indexes
from django.db import migrations, models
from django.db.models.functions import Reverse

from swarm_admin.core.migration_operations import BuildIndexConcurrently

INDEXES = (
    django.contrib.postgres.indexes.GinIndex(fields=["search"], name="lead_search_words"),
    models.Index(
        django.contrib.postgres.indexes.OpClass(Reverse("phone"), name="text_pattern_ops"),
        name="lead_by_phone_end",
        condition=~models.Q(phone=""),
    ),
    models.Index(fields=["ghl_contact_id"], name="lead_by_contact", condition=~models.Q(ghl_contact_id="")),
    models.Index(fields=["instantly_lead_id"], name="lead_by_campaign_lead", condition=~models.Q(instantly_lead_id="")),
)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("enrichment", "0021_search_words_of_every_lead")]
    operations = [
        *(BuildIndexConcurrently("lead", index) for index in INDEXES),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS lead_search", migrations.RunSQL.noop),
    ]
