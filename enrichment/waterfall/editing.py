"""The draft of the waterfalls as staff edit it: orders and options read from the screen, saved, compared, merged."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import ProviderService, WaterfallKind, WaterfallVersion
from enrichment.versions import Stale
from enrichment.waterfall.option_forms import FORMS, OptionForm
from swarm_admin.core.errors import ActionNotAllowed

Document = dict[str, Any]
NOBODY = "All waterfalls are empty. Enable at least one provider."


# ---------------------------------------------------------------- what the screen sends


@dataclass
class Sent:
    """The editor as it was sent: the document it says, and the option forms with what is wrong in them."""

    document: Document
    forms: dict[str, OptionForm]

    @property
    def is_valid(self) -> bool:
        return all(form.is_valid() for form in self.forms.values())


def read(data: QueryDict) -> Sent:
    """The orders (`email-providers`, as often as there are providers), the options and the pressed button (`op`).

    A provider that the catalogue does not offer to its waterfall is left out, and so is one named twice.
    """
    offered = _offered()
    forms = {kind: form(data) for kind, form in FORMS.items()}
    document: Document = {}
    for kind, form in forms.items():
        named = dict.fromkeys(data.getlist(f"{kind}-providers"))
        options = form.options() if form.is_valid() else {}
        document[f"waterfall_{kind}"] = {
            "providers": [slug for slug in named if slug in offered[kind]],
            **options,
        }
    _press(document, data.get("op", ""), offered)
    return Sent(document, forms)


def _offered() -> dict[str, set[str]]:
    offered: dict[str, set[str]] = {kind: set() for kind in WaterfallKind.values}
    for kind, slug in ProviderService.objects.values_list("waterfall", "provider__slug"):
        offered[kind].add(slug)
    return offered


def _press(document: Document, op: str, offered: Mapping[str, set[str]]) -> None:
    """`up:email:apollo`, `down:…`, `off:…` or `on:…`; anything else does nothing."""
    verb, kind, slug = [*op.split(":"), "", "", ""][:3]
    if slug not in offered.get(kind, ()):
        return
    providers: list[str] = document[f"waterfall_{kind}"]["providers"]
    if verb == "on" and slug not in providers:
        providers.append(slug)
    if slug not in providers:
        return
    at = providers.index(slug)
    if verb == "off":
        providers.remove(slug)
    elif verb == "up" and at > 0:
        providers.insert(at - 1, providers.pop(at))
    elif verb == "down":
        providers.insert(at + 1, providers.pop(at))


def save(document: Document, *, draft_id: int | None, revision: int, by: Any) -> WaterfallVersion:
    """Save the draft, beginning one where there is none; returns it, or what is published where nothing changed.

    `draft_id` and `revision` say what the person was looking at; None is the published version.

    Raises:
        Stale: somebody saved, began, published or discarded a draft since.
    """
    whole = WaterfallDocument.model_validate(document).model_dump()
    draft = versions.draft_of(WaterfallVersion)
    if draft is None or draft.pk != draft_id:
        if draft is not None and same(whole, draft.document):
            return draft
        if draft is not None or draft_id is not None:
            raise _passed_by(draft, draft_id, by)
        live = versions.published(WaterfallVersion)
        if same(whole, live.document):
            return live
        draft = versions.start_draft(WaterfallVersion, by=by)
        if draft.created_by_id != by.pk or not same(draft.document, live.document):
            raise _passed_by(draft, None, by)
        revision = draft.revision
    return versions.save_draft(draft, whole, revision=revision, by=by)


def _passed_by(draft: WaterfallVersion | None, draft_id: int | None, by: Any) -> Stale:
    """The draft that was looked at is gone, or one has been begun meanwhile: merged over what stands now."""
    gone = WaterfallVersion.objects.filter(pk=draft_id).first() if draft_id else None
    live = versions.published(WaterfallVersion)
    began_with = WaterfallVersion.objects.filter(number=gone.based_on or 0).first() if gone else live
    now = draft or live
    return Stale(
        began_with.document if began_with else None,
        now.document,
        now.revision,
        draft.edited_by if draft else live.published_by,
    )


def same(one: Document, other: Document) -> bool:
    """Whether two documents say the same, whichever of the defaults they spell out."""
    return _whole(one) == _whole(other)


def _whole(document: Document) -> Document:
    return WaterfallDocument.model_validate(document).model_dump()


def check_can_publish(draft: WaterfallVersion) -> None:
    """Raises ActionNotAllowed with the sentence for the disabled button."""
    live = versions.published(WaterfallVersion)
    if same(draft.document, live.document):
        raise ActionNotAllowed(f"The draft is identical to the published version {live.number}.")
    if not WaterfallDocument.model_validate(draft.document).providers():
        raise ActionNotAllowed(NOBODY)


# ---------------------------------------------------------------- what is different


@dataclass(frozen=True)
class Difference:
    """One field of one waterfall that differs, in the words of the screen."""

    kind: str
    field: str
    label: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.kind}.{self.field}"

    @property
    def kind_label(self) -> str:
        return str(WaterfallKind(self.kind).label)


def differences(before: Document, after: Document, names: Mapping[str, str]) -> list[Difference]:
    """What changes from `before` to `after`; `names`: {slug: name} of the providers."""
    one, other = _whole(before), _whole(after)
    found = []
    for kind, name in _fields(one):
        was, becomes = one[f"waterfall_{kind}"][name], other[f"waterfall_{kind}"][name]
        if was == becomes:
            continue
        lists = (was, becomes) if name == "providers" else ([], [])
        found.append(
            Difference(
                kind,
                name,
                _label(kind, name),
                _words(kind, name, was, names),
                _words(kind, name, becomes, names),
                tuple(names.get(slug, slug) for slug in lists[1] if slug not in lists[0]),
                tuple(names.get(slug, slug) for slug in lists[0] if slug not in lists[1]),
            )
        )
    return found


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    for name, waterfall in document.items():
        for option in sorted(waterfall, key=lambda each: (each != "providers", each == "policy")):
            yield name.removeprefix("waterfall_"), option


def _label(kind: str, name: str) -> str:
    if name == "providers":
        return "Providers, in order"
    return str(FORMS[kind]().fields[name].label)


def _words(kind: str, name: str, value: Any, names: Mapping[str, str]) -> str:
    if name == "providers":
        return " → ".join(names.get(slug, slug) for slug in value) or "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    choices = dict(getattr(FORMS[kind]().fields[name], "choices", ()))
    return str(choices.get(value, value))


# ---------------------------------------------------------------- merging


@dataclass(frozen=True)
class Meeting:
    """One field in which mine and theirs differ. `choice`: who alone changed it; "" where both did."""

    difference: Difference
    began_with: str
    choice: str

    @property
    def path(self) -> str:
        return self.difference.path

    @property
    def theirs(self) -> str:
        return self.difference.before

    @property
    def mine(self) -> str:
        return self.difference.after


@dataclass(frozen=True)
class Merge:
    """A refused save: who was first, every field that differs, and what is needed to save the merge."""

    mine: Document
    revision: int
    by: Any
    meetings: list[Meeting] = field(default_factory=list)

    @property
    def open(self) -> int:
        return sum(not meeting.choice for meeting in self.meetings)


def merge_of(stale: Stale, mine: Document, names: Mapping[str, str]) -> Merge:
    """What a person has to decide after a save was refused."""
    whole, theirs = _whole(mine), _whole(stale.theirs)
    base = _whole(stale.base) if stale.base else None
    meetings = []
    for difference in differences(theirs, whole, names):
        place, name = f"waterfall_{difference.kind}", difference.field
        was = base[place][name] if base else None
        changed_here = base is None or whole[place][name] != was
        changed_there = base is None or theirs[place][name] != was
        choice = "" if changed_here and changed_there else "mine" if changed_here else "theirs"
        began = _words(difference.kind, name, was, names) if base else ""
        meetings.append(Meeting(difference, began, choice))
    return Merge(whole, stale.revision, stale.by, meetings)


def merged(theirs: Document, mine: Document, chosen: Mapping[str, str]) -> Document:
    """Theirs, with mine in every field for which `chosen` ({path: "mine"}) says so."""
    result, own = copy.deepcopy(_whole(theirs)), _whole(mine)
    for kind, name in _fields(own):
        if chosen.get(f"{kind}.{name}") == "mine":
            result[f"waterfall_{kind}"][name] = own[f"waterfall_{kind}"][name]
    return result
