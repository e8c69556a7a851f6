"""What may be done to accounts is said of `access.User`, where it was said of `auth.User`.

The content type keeps its row, and so do its permissions: who has them, by group or in person, has them still.
"""

from django.contrib.contenttypes.models import ContentType as Cached
from django.db import migrations


def rename(apps, schema_editor):
    types = apps.get_model("contenttypes", "ContentType").objects
    old = types.filter(app_label="auth", model="user").first()
    if old is None:
        return
    new = types.filter(app_label="access", model="user").first()
    if new is not None:  # made by a `migrate` of single apps before this one ran
        merge(apps, new, old)
    old.app_label = "access"
    old.save(update_fields=["app_label"])
    Cached.objects.clear_cache()


def merge(apps, new, old):
    """Whoever has a permission of the new type has it of the old one, and the new one is gone."""
    permissions = apps.get_model("auth", "Permission").objects
    twins = {each.codename: each for each in permissions.filter(content_type=old)}
    for permission in permissions.filter(content_type=new):
        twin = twins.get(permission.codename)
        if twin is None:
            permission.content_type = old
            permission.save(update_fields=["content_type"])
            continue
        for group in permission.group_set.all():
            group.permissions.add(twin)
        for user in permission.user_set.all():
            user.user_permissions.add(twin)
        permission.delete()
    new.delete()


def rename_back(apps, schema_editor):
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label="access", model="user").update(
        app_label="auth"
    )
    Cached.objects.clear_cache()


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_accounts_are_named_by_email"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(rename, rename_back)]
