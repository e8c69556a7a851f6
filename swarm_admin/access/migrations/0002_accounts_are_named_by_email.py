"""An account's name is its e-mail address: in small letters, and once.

Accounts without an address get one: what they signed in with, else one under `.invalid`, which no mail reaches; nobody
signed in with them before either. Which of two people may keep an address that both have is for a person to say: the
migration refuses before it changes anything, and names the accounts by number.

The column `username` stays in the table for one release, for the processes of the release before, which still read it
while this runs. Nothing here writes it.
"""

from collections import defaultdict

import django.db.models.functions.text
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.core.validators import validate_email
from django.db import migrations, models

REFUSAL = """Nothing was changed. An e-mail address is the name of one account from now on, and these share theirs: {shared}.
Who they are: SELECT id, email, last_login, is_active FROM auth_user WHERE id IN ({ids});
Give all but one of each another address (of an account nobody uses, any address), then migrate again:
    manage.py change_email NUMBER ADDRESS"""


def name_everybody(apps, schema_editor):
    # All at once what the statements below need: nobody is invited meanwhile, and no lock is widened later.
    schema_editor.execute("LOCK TABLE auth_user IN ACCESS EXCLUSIVE MODE")
    accounts = list(apps.get_model("access", "User").objects.order_by("pk"))
    holders = defaultdict(list)
    for account in accounts:
        if account.email.strip():
            holders[account.email.strip().lower()].append(account)
    refuse_shared(holders)
    for account in accounts:
        address = account.email.strip().lower() or free_address(apps, account, holders)
        holders[address] = [account]
        if address != account.email:
            account.email = address
            account.save(update_fields=["email"])


def refuse_shared(holders):
    shared = [[str(account.pk) for account in accounts] for accounts in holders.values() if len(accounts) > 1]
    if shared:
        told = "; ".join("accounts " + " and ".join(numbers) for numbers in shared)
        raise CommandError(REFUSAL.format(shared=told, ids=", ".join(sum(shared, []))))


def free_address(apps, account, holders):
    """What they sign in with, if it is nobody else's; else one that no mail reaches (RFC 2606)."""
    known = apps.get_model("account", "EmailAddress").objects.filter(user_id=account.pk)
    for address in [*known.order_by("-primary", "pk").values_list("email", flat=True), account.username]:
        if is_address(address) and address.lower() not in holders:
            return address.lower()
    return f"account-{account.pk}@no-address.invalid"


def is_address(text):
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [
        migrations.RunPython(name_everybody, migrations.RunPython.noop),
        migrations.AlterField("User", "email", models.EmailField(max_length=254, unique=True)),
        migrations.AddConstraint(
            "User",
            models.CheckConstraint(
                condition=models.Q(email=django.db.models.functions.text.Lower("email")),
                name="email_in_small_letters",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("User", "username")],
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE auth_user ALTER COLUMN username DROP NOT NULL",
                    "UPDATE auth_user SET username = left(email, 150) WHERE username IS NULL; "
                    "ALTER TABLE auth_user ALTER COLUMN username SET NOT NULL",
                )
            ],
        ),
    ]
