import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from gdpr.retention import replay


class Command(BaseCommand):
    help = (
        "After restoring the database from a backup, erase everyone on the suppression list again, in every "
        "system. Exits with 1 while records are left; run it again until it exits with 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count only, erase nothing")

    def handle(self, *, dry_run: bool, **options: object) -> None:
        result = replay.run(for_real=not dry_run)
        for sentence in result.left:
            self.stderr.write(sentence)
        self.stdout.write(
            f"{result.looked_at} people checked, {result.found} suppressed, {result.erased} records erased, "
            f"{result.restricted} stopped, {result.held} kept under legal hold, {len(result.left)} left."
        )
        if result.left or (dry_run and result.found):
            sys.exit(1)
