"""An attempt and what was taken over stay, without their lead, when it is deleted.

Columns that may be empty and a constraint that is not checked yet: nothing is rewritten, and what runs beside it
goes on. The next migration checks the rows that are there.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

A_LEADS = Q(lead__isnull=False, deleted_lead__isnull=True, tier__isnull=True)
ANONYMOUS = Q(
    lead__isnull=True,
    deleted_lead__isnull=False,
    batch__isnull=True,
    triggered_at__isnull=True,
    poll_after__isnull=True,
    finished_at__isnull=False,
    error_message="",
)


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0016_lead_views")]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="deleted_lead",
            field=models.UUIDField(
                blank=True,
                help_text="drawn at random, one for all attempts of a lead that is deleted",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="attempt",
            name="tier",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="the lead's tier when it was deleted; empty while it is not", null=True
            ),
        ),
        migrations.AlterField(
            model_name="attempt",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="attempts",
                to="enrichment.lead",
            ),
        ),
        migrations.AlterField(
            model_name="takenover",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="taken_over",
                to="enrichment.lead",
            ),
        ),
        migrations.AlterField(
            model_name="spendentry",
            name="asked",
            field=models.PositiveIntegerField(default=0, help_text="calls of the provider that were told"),
        ),
        migrations.AlterField(
            model_name="spendentry",
            name="tier",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="0; books closed earlier are split by the leads' tiers of that time",
            ),
        ),
        AddConstraintNotValid(
            model_name="attempt",
            constraint=models.CheckConstraint(condition=A_LEADS | ANONYMOUS, name="attempt_is_a_leads_or_anonymous"),
        ),
    ]
