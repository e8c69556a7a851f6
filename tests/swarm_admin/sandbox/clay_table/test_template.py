from typing import Any

import pytest

from swarm_admin.sandbox.clay_cells import Cell
from swarm_admin.sandbox.clay_table.template import DEFAULT, TOKENS, NotATemplate, parse, render

CELLS = {
    "size": Cell(250),
    "name": Cell('Ann "The \\ Boss"'),
    "stack": Cell(["a", "b"]),
    "nothing": Cell("", "empty"),
    "broken": Cell(None, "error", "no answer"),
    "waiting": Cell(None, "queued"),
    "flag": Cell(True),
}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"a": "{{size}}"}', {"a": "250"}),
        ('{"a": {{size}}}', {"a": 250}),
        ('{"a": {{ size }}, "b": [{{size}}, "{{size}}"]}', {"a": 250, "b": [250, "250"]}),
        ('{"a": "{{name}}"}', {"a": 'Ann "The \\ Boss"'}),
        ('{"a": {{name}}}', {"a": 'Ann "The \\ Boss"'}),
        ('{"a": "\\"{{size}}\\" of {{stack}}"}', {"a": '"250" of a, b'}),
        ('{"a": "{{stack}}", "b": {{stack}}}', {"a": "a, b", "b": "a, b"}),
        ('{"a": "{{nothing}}", "b": {{nothing}}}', {"a": "", "b": None}),
        ('{"a": "{{broken}}", "b": "{{broken.status}}: {{broken.error}}"}', {"a": "", "b": "error: no answer"}),
        ('{"a": "{{waiting}}", "b": "{{waiting.status}}"}', {"b": "queued"}),
        ('{"a": "{{unheard_of}}", "b": "x{{unheard_of}}"}', {"b": "x"}),
        ('{"a": {{flag}}, "b": "{{flag}}"}', {"a": "true", "b": "true"}),
        ('{"a": 1, "b": null, "c": {"d": "{{size}}"}}', {"a": 1, "b": None, "c": {"d": "250"}}),
    ],
)
def test_tokens_become_values(text: str, body: dict[str, Any]) -> None:
    assert render(parse(text), CELLS.get) == body


@pytest.mark.parametrize("text", ["", "[]", '{"a": {{size}', '{"a": "{{size}}}', 5, '"{{size}}"'])
def test_what_is_no_object_is_refused(text: Any) -> None:
    with pytest.raises(NotATemplate):
        parse(text)


def test_the_usual_body_has_every_column_once() -> None:
    assert set(parse(DEFAULT)) == set(TOKENS)
