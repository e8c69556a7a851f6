from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from gdpr.leftovers.memory import IN_CACHE
from gdpr.requests import leftover_erasure
from swarm_admin.core.errors import ActionNotAllowed


class Command(BaseCommand):
    help = (
        "Erase one value found by `leftovers`: one column of one row, or the whole body of a message from Clay. "
        "The audit log records the row and the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", help=f'as `leftovers` prints it: TABLE.COLUMN, or "{IN_CACHE}"')
        parser.add_argument("row", help="row ID, or cache key")
        parser.add_argument("--reason", required=True, help="reason, without personal data")

    def handle(self, *, place: str, row: str, reason: str, **options: object) -> None:
        table, _, column = place.rpartition(".") if place != IN_CACHE else (place, "", "")
        try:
            leftover_erasure.erase_value(table, column, row, by=None, reason=reason)
        except ActionNotAllowed as why:
            raise CommandError(str(why)) from None
        self.stdout.write(f"Erased: {place} of {'row' if column else 'key'} {row}.")
