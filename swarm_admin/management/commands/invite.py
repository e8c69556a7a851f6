from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from swarm_admin.access import staff
from swarm_admin.access.roles import ADMIN
from swarm_admin.core.errors import ActionNotAllowed


class Command(BaseCommand):
    help = "Create an account and print the link to set its password. Use it for the first admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", choices=staff.ROLES, default=ADMIN)
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")

    def handle(self, *, email: str, role: str, first_name: str, last_name: str, **options: object) -> None:
        try:
            invitation = staff.invite(email=email, first_name=first_name, last_name=last_name, role=role, by=None)
        except ActionNotAllowed as impossible:
            raise CommandError(str(impossible)) from None
        self.stdout.write(invitation.link)
