import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from gdpr import audit
from gdpr.leftovers import scan, search_patterns
from gdpr.leftovers.hits import Hit
from swarm_admin.core.audit_verbs import Verb


class Command(BaseCommand):
    help = (
        "Search every table, file and cache for a person. Reads identifiers from standard input, one per line: "
        "e-mail, LinkedIn URL, phone, or `text: ` followed by anything else. Exits with 1 if any is found. "
        "`name: Ada Lovelace` is searched in tables and files and reported separately: it may belong to "
        "someone else."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--outside", action="store_true", help="also search Clay, GoHighLevel and Instantly")
        parser.add_argument(
            "--in", type=Path, action="append", dest="roots", help="search this folder instead of the data"
        )
        parser.add_argument(
            "--tidy",
            action="store_true",
            help="first refresh what may keep old values: planner statistics and Redis files",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *, outside: bool, roots: list[Path] | None, tidy: bool, json: bool, **options: object) -> None:
        if sys.stdin.isatty():
            self.stderr.write("One identifier per line. End with Ctrl-D.")
        try:
            identifiers = search_patterns.read_identifiers(sys.stdin)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if not identifiers:
            raise CommandError("No identifiers on standard input.")
        untidy = scan.tidy(identifiers) if tidy else ""
        report = scan.scan(identifiers, outside=outside, roots=roots)
        report.remains += (untidy,) if untidy else ()
        found = len(report.rows) + len(report.outside or ())
        counts = {"places": found, "bytes": len(report.bytes or ()), "names": len(report.names or ())}
        audit.record(Verb.SCAN_LEFTOVERS, counts=counts)
        self.stdout.write(_json(report) if json else _words(report))
        if not report.is_clean:
            sys.exit(1)


def _json(report: scan.Report) -> str:
    return json.dumps(report.document(), indent=2)


def _words(report: scan.Report) -> str:
    nothing_outside = "nothing found" if report.not_asked else "nothing found there"
    parts = [
        _part("Rows, files and caches", report.rows, "no identifiers found"),
        _part(
            "Names in rows and files (may belong to someone else)", report.names, "none found",
            "not searched; add a line `name: Ada Lovelace`",
        ),
        _part(
            "Raw database files", report.bytes, "none found",
            "not searched; the database files are on another machine",
        ),
        _part("External systems", report.outside, nothing_outside, "not searched; use --outside"),
        *(f"NOT SEARCHED: {why}" for why in report.not_asked),
        *(f"Remains: {sentence}" for sentence in report.remains),
    ]  # fmt: skip
    return "\n".join(parts)


def _part(title: str, hits: list[Hit] | None, clean: str, not_searched: str = "") -> str:
    if hits is None:
        return f"{title}: {not_searched}."
    if not hits:
        return f"{title}: {clean}."
    lines = [f"  {hit.place}: {hit.count} times {', '.join(hit.what)} {' '.join(hit.where)}".rstrip() for hit in hits]
    return "\n".join([f"{title}:", *lines])
