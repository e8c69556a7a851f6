"""Figures as a table, as lines of JSON, and as a verdict."""

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.bench.registry import Figure


def machine() -> str:
    """What the figures hold for: processor, cores, memory, system."""
    model = platform.processor() or platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{os.cpu_count()} x {model}, {memory} GB, {platform.system()}, Python {platform.python_version()}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def line(figure: Figure) -> str:
    """One row of the table."""
    state = "" if figure.aim is None else "met" if figure.met else "MISSED"
    aim = figure.aim.text if figure.aim else ""
    cells = [
        f"{figure.name:<34}",
        f"{number(figure.value):>10} {figure.unit:<8}",
        f"{number(figure.reference):>10}",
        f"{number(figure.ratio):>8}",
        f"{aim:<14}",
        f"{state:<7}",
        figure.note,
    ]
    return " ".join(cells).rstrip()


HEADER = " ".join([f"{'benchmark':<34}", f"{'value':>10} {'':<8}", f"{'reference':>10}", f"{'ratio':>8}", "aim"])


def append(path: Path, figures: Sequence[Figure], *, size: int) -> None:
    """One line of JSON for each figure; what was measured before stays."""
    told = machine()
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with path.open("a") as file:
        for figure in figures:
            document = {
                "at": at,
                "name": figure.name,
                "value": round(figure.value, 6),
                "unit": figure.unit,
                "reference": figure.reference if figure.reference is None else round(figure.reference, 6),
                "ratio": figure.ratio if figure.ratio is None else round(figure.ratio, 6),
                "aim": figure.aim.text if figure.aim else None,
                "met": figure.met if figure.aim else None,
                "note": figure.note,
                "size": size,
                "machine": told,
            }
            file.write(json.dumps(document, ensure_ascii=False) + "\n")


def verdict(figures: Sequence[Figure], broken: Sequence[str]) -> tuple[str, int]:
    """The last line, and the exit status: 0 only where every aim is met and everything ran."""
    aimed = [figure for figure in figures if figure.aim]
    missed = [figure.name for figure in aimed if not figure.met]
    if not aimed and not broken:
        return "Nothing was measured that has an aim.", 1
    if broken or missed:
        parts = [f"{len(missed)} of {len(aimed)} aims missed: {', '.join(missed)}"] if missed else []
        parts += [f"did not run to the end: {', '.join(broken)}"] if broken else []
        return f"NOT MET: {'; '.join(parts)}.", 1
    return f"MET: all {len(aimed)} aims.", 0
