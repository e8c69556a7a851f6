from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0002_explanations_are_computed")]

    operations = [
        migrations.AlterField(
            model_name="bulkjob",
            name="kind",
            field=models.CharField(
                choices=[
                    ("import", "Import"),
                    ("retry", "Bulk retry"),
                    ("retry_leads", "Retry of leads"),
                    ("retry_deliveries", "Retry of deliveries"),
                ],
                max_length=16,
            ),
        ),
    ]
