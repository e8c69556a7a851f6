"""What a versioned document has of its own: its table, what makes it valid, and its words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from enrichment.models.version import Version
from enrichment.versions.merging import Conflict

Document = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """A conflict of a merge as a person sees it. `choice`: "theirs", "yours", or "" while it is open."""

    path: str
    where: str
    base: str
    theirs: str
    yours: str
    choice: str


class DocumentKind(ABC):
    """One kind of document. `name` stands in DraftSave; `editor` is the name of its editor's address.

    `tabs`, `changes_template`, `merge_part`: its templates of the parts of its screen, of what changes, and of the
    merge as htmx puts it in the editor's place. `stylesheet`: the static file that draws them.
    """

    name: ClassVar[str]
    model: ClassVar[type[Version]]
    editor: ClassVar[str]
    tabs: ClassVar[str]
    changes_template: ClassVar[str]
    stylesheet: ClassVar[str]
    merge_part: ClassVar[str] = "enrichment/versions/_merge.html"

    @abstractmethod
    def problems(self, document: Any) -> dict[str, str]:
        """{path of the field: sentence}; empty for a document that can be published."""

    @abstractmethod
    def changes(self, before: Document, after: Document) -> Any:
        """What changes between two valid documents, as `changes_template` draws it."""

    @abstractmethod
    def choices(self, conflicts: Sequence[Conflict], base: Document) -> list[Choice]:
        """The conflicts of a merge in words."""

    def whole(self, document: Document) -> Document:
        """A document with what it leaves out spelled out, so that equal ones look alike."""
        return document

    def why_not_publish(self, document: Document) -> str:
        """The sentence where a valid document should not be published; "" where it may be."""
        return ""

    def same(self, one: Document, other: Document) -> bool:
        return bool(self.whole(one) == self.whole(other))


_kinds: dict[type[Version], DocumentKind] = {}


def register(kind: DocumentKind) -> None:
    """Called once for each kind when the application is ready."""
    _kinds[kind.model] = kind


def kind_of(version: type[Version] | Version) -> DocumentKind:
    return _kinds[version if isinstance(version, type) else type(version)]
