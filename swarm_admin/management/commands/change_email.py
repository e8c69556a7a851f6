from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from swarm_admin.access import staff
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed


class Command(BaseCommand):
    help = "Give an account another e-mail address to sign in with; works before `migrate` too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, help="of the account, as `migrate` names it")
        parser.add_argument("email")

    def handle(self, *, number: int, email: str, **options: object) -> None:
        try:
            validate_email(email)
            staff.change_email(User.objects.get(pk=number), email, by=None)
        except User.DoesNotExist:
            raise CommandError(f"There is no account {number}.") from None
        except ValidationError as error:
            raise CommandError(error.messages[0]) from None
        except ActionNotAllowed as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Account {number} signs in with its new address.")
