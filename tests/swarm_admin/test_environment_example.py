"""`.env.example` names every variable that is read, and none that is not."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"""(?:env(?:\.\w+)?|secret|port|one_of|public_url|vendor_url|os\.environ\.get)\(\s*["']([A-Z][A-Z0-9_]+)["']"""
)
INTERNAL = {"COLLECT_HASHED"}  # set by the Makefile for one command


def test_example_lists_what_is_read() -> None:
    sources = [
        *ROOT.glob("swarm_admin/**/*.py"),
        *ROOT.glob("enrichment/**/*.py"),
        *ROOT.glob("gdpr/**/*.py"),
    ]
    read = {name for path in sources for name in READ.findall(path.read_text())} - INTERNAL
    listed = set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == read


def test_example_holds_no_value() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    # django-environ takes what follows the sign as the value, a comment included.
    assert [line for line in lines if line and not line.startswith("#") and not line.endswith("=")] == []
