"""Text as it may stand in JavaScript source that is copied, pasted and shown: literals, comments, numbers."""

from enrichment.documents.scorecard import plain_number

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(text: str) -> str:
    """A string literal in double quotes.

    What ends a line, cannot be seen, turns the direction of writing or could close a <script> is written as
    its code unit, so that what is read on the screen is what runs.
    """
    return f'"{"".join(_character(character) for character in text)}"'


def _character(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable() and character != "<":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def literals(texts: list[str]) -> str:
    """An array of string literals."""
    return f"[{', '.join(literal(text) for text in texts)}]"


def comment(text: str) -> str:
    """One line after `//`."""
    printable = "".join(each if each.isprintable() and each != "<" else " " for each in text)
    return f"// {' '.join(printable.split())}"


def number(value: float) -> str:
    """The shortest text that JavaScript reads as the same number."""
    return repr(plain_number(value))
