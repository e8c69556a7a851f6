"""A slow expression fails the check, however it is used; a quick one passes."""

import pytest

from tests.patterns.__main__ import main
from tests.patterns.judge import findings

SLOW = [
    r're.compile(r"[^\s@]+@[^\s@]+")',  # from every place of a long word to its end
    r're.findall(r"[\w.]*linkedin\.com/in/", text)',
    r're.search(r"\s+$", text)',
    r're.match(r"(a+)+b", text)',
    r're.match(r"\s*\s*x", text)',
    r're.fullmatch(r"\S+@\S+", text)',
    r're.search(r"exceeded.*limit", text)',
    're.search(r"exceeded.*limit", text, re.IGNORECASE | re.DOTALL)',
    r're.sub(rb"\d+x", b"", text)',
    "re.search(words, text)",  # nobody can say
]
QUICK = [
    r're.findall(r"[^\s@]+", text)',
    r're.match(r"[^\s@]+@", text)',
    r're.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text)',
    r're.findall(r"[\w.]{1,64}@", text)',
    r"""re.sub(r'"[^"]*"', "", text)""",
    r're.search(r"^\w+:", text)',
    're.search(rf"{re.escape(name)}/in/\\w+", text)',
    "re.search(words, text)  # linear: words are literals",
]


@pytest.mark.parametrize("line", SLOW)
def test_a_slow_expression_is_found(line):
    assert list(findings(f"import re\nfound = {line}\n"))


@pytest.mark.parametrize("line", QUICK)
def test_a_quick_one_is_not(line):
    assert not list(findings(f"import re\nfound = {line}\n"))


def test_a_named_pattern_is_judged_by_how_it_is_used():
    named = 'import re\nWORD = re.compile(r"[a-z]+!")\n'
    assert not list(findings(f"{named}WORD.match(text)\n"))
    assert list(findings(f"{named}WORD.search(text)\n"))
    assert list(findings(f"{named}handed_on(WORD)\n")), "who is handed it may search"
    assert list(findings(named)), "another module may search"


def test_the_check_fails_on_one_bad_expression(tmp_path, capsys):
    good = tmp_path / "good.py"
    good.write_text('import re\nre.findall(r"[a-z]+", "")\n')
    assert main([str(tmp_path)]) == 0
    (tmp_path / "bad.py").write_text('import re\nre.findall(r"[a-z]+@", "")\n')
    assert main([str(tmp_path)]) == 1
    assert "bad.py:2" in capsys.readouterr().out


def test_a_check_of_nothing_fails(tmp_path):
    assert main([str(tmp_path / "misspelt")]) == 1


def test_the_product_has_none(capsys):
    assert main(["enrichment", "gdpr", "swarm_admin"]) == 0, capsys.readouterr().out
