"""The measures of the house: small functions and modules, few loose ones, arrows one way."""

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("enrichment", "gdpr", "swarm_admin")
APPS = ("enrichment", "gdpr")
LINES_OF_A_FUNCTION = 60
MEDIAN_OF_A_FUNCTION = 9
LINES_OF_A_MODULE = 330
LOOSE_MODULES = 12
LONGEST_CHAIN = 16  # of imports
ALONE = {"gdpr/audit/verifier.py"}  # one file by intent: it is handed out, and runs without us
# Django calls these when its models are ready, and no earlier may they be imported.
WHEN_READY = {"enrichment/apps.py", "enrichment/seeds.py", "enrichment/stores/__init__.py", "gdpr/apps.py"}
WHEN_READY |= {"swarm_admin/access/apps.py"}


@cache
def sources() -> dict[str, ast.Module]:
    """{path from the root: its tree}, migrations aside."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths if "migrations" not in path.parts
    }


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path}:{node.name}", node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def imports() -> dict[str, list[str]]:
    """{module: the modules of ours that it imports}."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    ours = {module for module in graph.modules if ".migrations" not in module}
    return {module: sorted(graph.find_modules_directly_imported_by(module) & ours) for module in ours}


def test_functions_are_short():
    assert not [name for name, node in functions() if lines(node) > LINES_OF_A_FUNCTION]
    assert statistics.median(lines(node) for _, node in functions()) <= MEDIAN_OF_A_FUNCTION


def test_modules_are_short():
    long = {path: len((ROOT / path).read_text().splitlines()) for path in sources() if path not in ALONE}
    assert not {path: count for path, count in long.items() if count > LINES_OF_A_MODULE}


@pytest.mark.parametrize("app", APPS)
def test_few_modules_stand_outside_a_room(app: str):
    loose = [path.name for path in (ROOT / app).glob("*.py") if path.name != "__init__.py"]
    assert len(loose) <= LOOSE_MODULES, sorted(loose)


def test_nothing_of_ours_is_imported_inside_a_function():
    hidden = [
        f"{name}: {node.module}"
        for name, function in functions()
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in PACKAGES)
    ]
    assert not [each for each in hidden if each.split(":")[0] not in WHEN_READY]


def test_no_module_imports_itself_by_a_detour_and_chains_are_short():
    depth: dict[str, int] = {}
    path: list[str] = []

    def deep(module: str) -> int:
        assert module not in path, " > ".join([*path[path.index(module) :], module])
        if module not in depth:
            path.append(module)
            depth[module] = 1 + max(map(deep, imports()[module]), default=0)
            path.pop()
        return depth[module]

    deepest = max(imports(), key=deep)
    assert depth[deepest] <= LONGEST_CHAIN, deepest


@pytest.mark.parametrize(
    ("written", "only_in"),
    [
        ("csv.writer(", {"swarm_admin/core/csv_export.py"}),
        # Whoever inserts leads tells an id by the name of a shared lock; nobody waits for it.
        ("pg_advisory", {"swarm_admin/core/locks.py", "enrichment/pipeline/intake.py"}),
        ("pg_try_advisory", {"swarm_admin/core/locks.py"}),
    ],
)
def test_what_the_floor_does_nobody_does_beside_it(written: str, only_in: set[str]):
    assert {path for path in sources() if written in (ROOT / path).read_text()} == only_in


def test_every_module_that_the_documents_name_is_there():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {
        path
        for document in documents
        if document.name != "CHANGELOG.md"
        for path in re.findall(r"`([\w./]+/[\w.]+\.py)`", document.read_text())
    }
    assert named
    assert not [path for path in named if not any((ROOT / at / path).exists() for at in ("", *PACKAGES))]
