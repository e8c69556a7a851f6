"""Expressions in Python source whose time grows faster than the text they meet.

regexploit finds runs of repeats that share a character, from three of them on: cubic time. A pattern that is searched
for begins at every place of the text, which is one repeat more; and the square of a megabyte is too much already. So
a pattern is judged with what makes each of these three: one `.*` in front, and a second where it is searched for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from regexploit.ast.repeat import InfiniteRepeat
from regexploit.ast.sequence import Sequence
from regexploit.ast.sre import SreOpParser
from regexploit.languages.python_node_visitor import RE_FUNC_TO_FLAGS_POS, RegexFlagVisitor
from regexploit.redos import expand_branches, find

ANCHORED = {"match", "fullmatch"}
SEARCHED = {"search", "findall", "finditer", "sub", "subn", "split"}
END = "\ue000"  # a letter of nobody's, which stands for the end of the text: nothing else will do there
ALLOWED = "# linear:"  # on the line of the expression, with the reason: what a person has judged


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    pattern: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}: {self.pattern}"


@dataclass(frozen=True)
class Use:
    """An expression and how it is used; `pattern` is None where the source does not say it."""

    line: int
    pattern: str | None
    flags: int
    methods: frozenset[str]


def findings(source: str, path: str = "") -> Iterator[Finding]:
    """What is wrong in a module's source."""
    lines = source.splitlines()
    tree = ast.parse(source)
    uses = _uses_of_names(tree)
    for call, assigned in _calls(tree):
        text = "\n".join(lines[call.lineno - 1 : call.end_lineno])
        if ALLOWED in text:
            continue
        use = _use(call, uses.get(assigned, frozenset()))
        if use.pattern is None:
            yield Finding(path, use.line, ast.unparse(call)[:80], "cannot be read from the source")
        elif why := wrong(use):
            yield Finding(path, use.line, use.pattern, why)


def wrong(use: Use) -> str:
    """Why it is slow; "" where it is not."""
    pattern = use.pattern or ""
    try:
        flags = re.compile(pattern, use.flags).flags
    except re.error as error:
        return f"is no expression ({error})"
    searched = not use.methods or bool(use.methods - ANCHORED)
    whole = bool(use.methods) and use.methods <= {"fullmatch"}
    # Anchored at its beginning, it begins nowhere else.
    searched = searched and (not pattern.startswith(("^", r"\A")) or bool(flags & re.MULTILINE))
    core = re.sub(r"(?<!\\)(\$|\\Z)$", "", pattern)
    ended = whole or core != pattern
    leading = r"(?:.|\n)*" * (2 if searched else 1)
    try:
        parsed = SreOpParser().parse_sre(f"{leading}(?:{core}){END if ended else ''}", use.flags)
        found = find(parsed)
    except Exception as error:
        return f"cannot be judged ({type(error).__name__})"
    # A run that every element takes fails only where an end is asked for; anywhere else it is a match.
    if any(each.killer is None or ended for each in found):
        return "slow where it is searched for" if searched else "slow"
    return "slow where its beginning comes again and again" if searched and _begins_again(pattern, use.flags) else ""


def _begins_again(pattern: str, flags: int) -> bool:
    """Whether a repeat runs over further beginnings of the pattern without its end: `begin.*end` in "beginbegin…"."""
    parsed = SreOpParser().parse_sre(pattern, flags)
    for sequence in expand_branches(parsed if isinstance(parsed, Sequence) else Sequence([parsed])):
        elements = sequence.elements
        for at, element in enumerate(elements):
            over = element.overall_character_class() if isinstance(element, InfiniteRepeat) else None
            before = [each.overall_character_class() for each in elements[:at] if each.minimum_length]
            if over is None or not before or not all(each and each & over for each in before):
                continue
            after = [each.overall_character_class() for each in elements[at + 1 :] if each.minimum_length]
            if any(all(not each or not (end & each) for each in before) for end in after if end):
                return True
    return False


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """(call of `re`, the name it is assigned to)."""
    named = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _of_re(node)) and name in RE_FUNC_TO_FLAGS_POS and node.args:
            yield node, named.get(id(node), "")


def _of_re(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re":
        return function.attr
    return ""


def _uses_of_names(tree: ast.Module) -> dict[str, frozenset[str]]:
    """{name: the methods it is used with}; what is handed on otherwise counts as searched for."""
    used: dict[str, set[str]] = {}
    with_method = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            with_method.add(id(node.value))
            if node.attr in ANCHORED | SEARCHED:
                used.setdefault(node.value.id, set()).add(node.attr)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in with_method:
            used.setdefault(node.id, set()).add("search")
    return {name: frozenset(methods) for name, methods in used.items()}


def _use(call: ast.Call, methods: frozenset[str]) -> Use:
    name = _of_re(call)
    position = RE_FUNC_TO_FLAGS_POS[name]
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"] + call.args[position : position + 1]
    flags = RegexFlagVisitor.get_flags(given[0]) if given else 0
    return Use(call.lineno, _text(call.args[0]), flags, methods if name == "compile" else frozenset({name}))


def _text(node: ast.expr) -> str | None:
    """The pattern's text; what is escaped within it is literal, and as good as any letter."""
    if isinstance(node, ast.Constant):
        return node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [_text(part) for part in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call) and _of_re(node.value) == "escape":
        return "x"
    return None
