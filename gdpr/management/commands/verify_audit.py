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
        "Verify the audit log: its chain, its anchors, and that nothing was written outside it. Exit codes: 0, "
        "verified and anchored up to the event named; 1, verification failed; 2, it could not be verified; "
        "3, the chain is consistent but no anchor outside the database covers it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchors",
            type=Path,
            help="file of additional anchors, one JSON object per line, for example from the e-mails",
        )
        parser.add_argument("--json", action="store_true", help="print the result and findings as JSON")

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
            self.stdout.write(f"{waiting} events waiting to be sealed")
        if report.status != SOUND:
            sys.exit(report.status)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            return list(read_anchors(lines))
    except OSError as error:
        raise CommandError(f"Can't read {path}: {error.strerror}.", returncode=NOT_CHECKED) from None


def _document(report: Report, waiting: int) -> str:
    fields = {
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
    return json.dumps({**fields, "findings": report.document()}, indent=2)
