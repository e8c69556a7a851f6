import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gdpr.ledger import check, seal


class Command(BaseCommand):
    help = "Verify the audit ledger: its chain, its anchors, nothing written past it. Status 1 if not sound."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchors", type=Path, help="more anchors, one JSON line each, such as from the mails"
        )
        parser.add_argument("--json", action="store_true", help="the findings as JSON")

    def handle(self, *, anchors: Path | None, json: bool, **options: object) -> None:
        seal.run_due()
        try:
            report, waiting = check.run(_read(anchors) if anchors else ())
        except ValueError as error:
            raise CommandError(str(error)) from None
        if json:
            self.stdout.write(_document(report, waiting))
        else:
            for finding in report.findings:
                self.stdout.write(f"{finding.kind.upper()}: {finding.sentence}")
            verdict = "SOUND" if report else "NOT SOUND"
            self.stdout.write(f"{verdict}: {report.links} links, {waiting} waiting, head {report.head}.")
        if not report:
            sys.exit(1)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    return [check.read_anchor(line, number) for number, line in enumerate(lines, start=1) if line.strip()]


def _document(report: Any, waiting: int) -> str:
    told = {"sound": bool(report), "links": report.links, "waiting": waiting, "head": report.head}
    return json.dumps({**told, "findings": report.document()}, indent=2)
