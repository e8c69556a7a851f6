"""The permission's label says "audit log", as the screens do; `migrate` makes permissions and never renames them."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

OLD = "Can verify the audit ledger and receives its anchors"
NEW = "Can verify the audit log and receives its anchors"


def _rename(apps: StateApps, old: str, new: str) -> None:
    permissions = apps.get_model("auth", "Permission").objects
    permissions.filter(content_type__app_label="gdpr", codename="verify_audit", name=old).update(name=new)


def rename(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rename(apps, OLD, NEW)


def rename_back(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rename(apps, NEW, OLD)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("gdpr", "0014_labels_in_plain_english"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="auditevent",
            options={"ordering": ["-id"], "permissions": [("verify_audit", NEW)]},
        ),
        migrations.RunPython(rename, rename_back),
    ]
