import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gdpr.audit import check, seal
from gdpr.audit.verifier import NOT_CHECKED, SOUND, Report, read_anchors


class Command(BaseCommand):
    help = (
        "Verify the audit ledger: its chain, its anchors, nothing written past it. Ends with 0: nothing is wrong, and "
        "it is anchored up to the event that is named; 1: something does not hold; 2: it could not be checked; "
        "3: nothing is wrong with the links, but no anchor outside the database names one of them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--anchors", type=Path, help="more anchors, one JSON line each, such as from the mails")
        parser.add_argument("--json", action="store_true", help="verdict and findings as JSON")

    def handle(self, *, anchors: Path | None, json: bool, **options: object) -> None:
        seal.run_due(wait=True)
        try:
            report, waiting = check.run(_read(anchors) if anchors else ())
        except ValueError as error:
            raise CommandError(str(error), returncode=NOT_CHECKED) from None
        if json:
            self.stdout.write(_document(report, waiting))
        else:
            self.stdout.write("\n".join(report.lines()))
            self.stdout.write(f"{waiting} events wait for their seal")
        if report.status != SOUND:
            sys.exit(report.status)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            return list(read_anchors(lines))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=NOT_CHECKED) from None


def _document(report: Report, waiting: int) -> str:
    told = {
        "sound": bool(report),
        "verdict": report.verdict,
        "status": report.status,
        "links": report.links,
        "anchors": report.anchors,
        "anchored": report.anchored,
        "anchored_on": report.anchored_on,
        "waiting": waiting,
        "head": report.head,
    }
    return json.dumps({**told, "findings": report.document()}, indent=2)
