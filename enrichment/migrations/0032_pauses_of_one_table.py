"""A pause of row creation says which table is full, so that no other one is given up for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0031_rows_of_suppressed_people")]
    operations = [
        migrations.AddField(
            "servicehold",
            "table",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="the table that takes no more rows",
                max_length=100,
            ),
        ),
        migrations.AlterField(
            "servicehold",
            "system",
            models.CharField(
                help_text="clay, ghl, instantly, clay.rows for new rows alone, or one kind of call to Clay alone",
                max_length=16,
            ),
        ),
    ]
