from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enrichment", "0041_what_a_person_gave_up"),
    ]

    operations = [
        migrations.AddField(
            model_name="testrow",
            name="cells",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="column → Clay's word, where it failed or did not run",
            ),
        ),
    ]
