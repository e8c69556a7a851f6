"""Copy the front-end files the pages use from node_modules to var/vendor.

Only what a page loads is copied, without source maps (whose absence the hashed file names would not
forgive) and with one font format: every browser that runs the rest reads WOFF2.
"""

import re
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
    "tabler-icons.min.css": "@tabler/icons-webfont/dist/tabler-icons.min.css",
    "fonts/tabler-icons.woff2": "@tabler/icons-webfont/dist/fonts/tabler-icons.woff2",
    "idiomorph.min.js": "idiomorph/dist/idiomorph.min.js",
    "chart.umd.js": "chart.js/dist/chart.umd.min.js",
    "Sortable.min.js": "sortablejs/Sortable.min.js",
}
SOURCE_MAP = re.compile(rb"(//[#@]\s*sourceMappingURL=\S+|/\*[#@]\s*sourceMappingURL=[^*]+\*/)")
FONT_SOURCES = re.compile(rb'src:(url\("[^"]+\.woff2[^"]*"\) format\("woff2"\))[^;}]*')


class Command(BaseCommand):
    help = __doc__

    # Run before anything else exists, so that a half-made installation can be completed.
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        modules = settings.BASE_DIR / "node_modules"
        target: Path = settings.VAR_DIR / "vendor"
        for name, source in FILES.items():
            try:
                content = (modules / source).read_bytes()
            except FileNotFoundError as error:
                raise CommandError(f"{source} is missing; run npm ci first.") from error
            if not name.endswith(".woff2"):
                content = FONT_SOURCES.sub(rb"src:\1", SOURCE_MAP.sub(b"", content))
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)
