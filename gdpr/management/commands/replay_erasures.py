import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from gdpr.retention import replay


class Command(BaseCommand):
    help = (
        "After the database was restored from a backup: erase again everyone on the suppression list, in every "
        "system. Status 1 while something is left; run it again then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count them")

    def handle(self, *, dry_run: bool, **options: object) -> None:
        result = replay.run(for_real=not dry_run)
        for sentence in result.left:
            self.stderr.write(sentence)
        self.stdout.write(
            f"{result.looked_at} people looked at, {result.found} on the list, {result.erased} records erased, "
            f"{result.restricted} stopped, {result.held} kept under legal hold, {len(result.left)} left."
        )
        if result.left or (dry_run and result.found):
            sys.exit(1)
