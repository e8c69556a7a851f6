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
        for sentence in result.not_erased:
            self.stderr.write(sentence)
        self.stdout.write(
            f"{result.looked_at} people checked, {result.suppressed} suppressed, {result.erased} records erased, "
            f"{result.restricted} stopped, {result.under_hold} kept under legal hold, {len(result.not_erased)} left."
        )
        if result.not_erased or (dry_run and result.suppressed):
            sys.exit(1)
