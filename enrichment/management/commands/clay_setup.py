from django.core.management.base import BaseCommand, CommandError

from enrichment.connections.setup import SetupError, clay_setup
from enrichment.vendors.errors import VendorError


class Command(BaseCommand):
    help = "Create the enrichment table in Clay and register our webhook. Safe to run repeatedly."

    def handle(self, **options: object) -> None:
        try:
            self.stdout.write(clay_setup(by=None).sentence)
        except SetupError as error:
            raise CommandError(str(error)) from error
        except VendorError as error:
            raise CommandError(f"{error}. {error.advice}") from error
