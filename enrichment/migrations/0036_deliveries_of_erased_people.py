"""A delivery keeps what became of it when its person is erased later; one erased unread says so."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrichment", "0035_stored_texts_as_people_see_them")]
    operations = [
        migrations.AddField(
            model_name="webhookdelivery",
            name="erased_at",
            field=models.DateTimeField(
                blank=True,
                help_text="what it said of its person was erased then; its verdict is from before",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="body",
            field=models.BinaryField(help_text="raw, as received; emptied for a suppressed or erased person"),
        ),
        migrations.AlterField(
            model_name="webhookdelivery",
            name="verdict",
            field=models.CharField(
                blank=True,
                choices=[
                    ("accepted", "Accepted"),
                    ("unchanged", "Changed nothing"),
                    ("duplicate", "Duplicate"),
                    ("stale", "Stale"),
                    ("unknown_row", "Unknown row"),
                    ("unknown_event", "Unknown event"),
                    ("malformed", "Malformed"),
                    ("suppressed", "Suppressed"),
                    ("restricted", "Kept, not applied"),
                    ("erased", "Erased unread"),
                ],
                default="",
                max_length=16,
            ),
        ),
    ]
