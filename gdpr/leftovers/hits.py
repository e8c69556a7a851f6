"""What a search tells of one place."""

from dataclasses import dataclass

from gdpr.leftovers.search_patterns import SearchPattern


def no_heartbeat() -> None:
    """For who need not be told that the search goes on."""


@dataclass(frozen=True)
class Hit:
    """One place where something was found: which one, how often, and in which kinds and encodings. Nothing personal.

    `where` names rows by their keys, some of them. Of a column in a table, `table` and `column` name it by itself.
    """

    place: str
    count: int
    what: tuple[str, ...]
    where: tuple[str, ...] = ()
    table: str = ""
    column: str = ""


def describe(pattern: SearchPattern) -> str:
    return pattern.kind if pattern.encoding == "plain" else f"{pattern.kind} ({pattern.encoding})"
