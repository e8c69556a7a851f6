"""Every attempt is a lead's or anonymous: checked in a transaction of its own, under a lock that lets others write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0017_purchases_outlive_leads")]
    operations = [ValidateConstraint(model_name="attempt", name="attempt_is_a_leads_or_anonymous")]
