from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from swarm_admin.access.models import ApiKey, Scope


class Command(BaseCommand):
    help = "Create an API key and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the key, for people to read")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=Scope.values,
            help="scope; may be repeated",
        )

    def handle(self, *, name: str, scope: list[str], **options: object) -> None:
        _, plaintext = ApiKey.issue(name=name, scopes=scope, by=None)
        self.stdout.write(plaintext)
