import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from gdpr import audit
from gdpr.leftovers import needles, scan
from gdpr.leftovers.database import Hit


class Command(BaseCommand):
    help = (
        "Search every table, file and cache for a person whose identifiers come on standard input, one a line "
        "(e-mails, LinkedIn address, phone, or `text: Ada Lovelace`). Status 1 if anything is found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--outside", action="store_true", help="ask Clay, GoHighLevel and Instantly as well"
        )
        parser.add_argument(
            "--in", type=Path, action="append", dest="roots", help="a folder, instead of the data"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *, outside: bool, roots: list[Path] | None, json: bool, **options: object) -> None:
        if sys.stdin.isatty():
            self.stderr.write("One identifier a line; end with Ctrl-D.")
        try:
            identifiers = needles.read(sys.stdin)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if not identifiers:
            raise CommandError("No identifier came on standard input.")
        report = scan.scan(identifiers, outside=outside, roots=roots)
        found = len(report.rows) + len(report.outside)
        audit.record("scan_leftovers", counts={"places": found, "bytes": len(report.bytes or ())})
        self.stdout.write(_json(report) if json else _words(report))
        if not report.is_clean:
            sys.exit(1)


def _json(report: scan.Report) -> str:
    return json.dumps(report.document(), indent=2)


def _words(report: scan.Report) -> str:
    parts = [
        _part("Rows, files and caches", report.rows, "no row, file or cache holds any of them"),
        _part("Bytes of the database's own files", report.bytes or [], "none found"),
        _part(
            "Systems outside",
            report.outside,
            "nothing found there" if not report.not_asked else "nothing found",
        ),
        *(f"NOT ASKED: {why}" for why in report.not_asked),
        *(f"Remains: {sentence}" for sentence in report.remains),
    ]
    return "\n".join(parts)


def _part(title: str, hits: list[Hit], clean: str) -> str:
    if not hits:
        return f"{title}: {clean}."
    lines = [
        f"  {hit.place}: {hit.count} times {', '.join(hit.what)} {' '.join(hit.where)}".rstrip()
        for hit in hits
    ]
    return "\n".join([f"{title}:", *lines])
