"""The life of a versioned document: draft, save, publish with a note, roll back, discard. Audited, keyword-only.

There is one draft of each at a time, which everybody who may edit shares; a save names the save it began with
(`revision`), and one that began with an older save is refused with the three documents a merge needs. A published
document never changes: rolling back publishes a copy of the old one as a new version.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from enrichment.models import DraftSave
from enrichment.models.version import Version, forget_active
from enrichment.states import VersionStatus
from enrichment.versions.kinds import kind_of
from enrichment.versions.reading import draft_of, published, saved_as
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance_one

V = TypeVar("V", bound=Version)
SHORTEST_NOTE = 5
LONGEST_NOTE = 500


class StaleDraft(ActionNotAllowed):
    """A save that began with an older save than the draft's last.

    `base` is the document it began with (None where nobody knows it any more), `theirs` the draft as it is
    now, `revision` the save to name when saving the merge.
    """

    sentence = "Someone else saved this draft after you opened it."

    def __init__(self, base: dict[str, Any] | None, theirs: dict[str, Any], revision: int, by: Any) -> None:
        super().__init__(self.sentence)
        self.base, self.theirs, self.revision, self.by = base, theirs, revision, by


class InvalidDocument(ActionNotAllowed):
    """A document that cannot be published; `problems` is {path: sentence}."""

    def __init__(self, problems: dict[str, str]) -> None:
        count = len(problems)
        super().__init__(
            f"The draft has {count} problem{'' if count == 1 else 's'}; fix {'it' if count == 1 else 'them'} first."
        )
        self.problems = problems


# ---------------------------------------------------------------- editing


def start_draft(model: type[V], *, by: Any, copy_of: V | None = None) -> V:
    """The draft, begun as a copy of `copy_of` (the published version unless given).

    Where there is one already it is returned as it stands, whoever began it.
    """
    if found := draft_of(model):
        return found
    source = copy_of or published(model)
    try:
        with transaction.atomic():
            draft = model._default_manager.create(
                number=_next_number(model),
                document=source.document,
                based_on=source.number,
                created_by=by,
                edited_by=by,
                edited_at=timezone.now(),
            )
            _keep_save(draft, by)
            audit.record(Verb.START_DRAFT, by=by, on=draft)
    except IntegrityError:
        if found := draft_of(model):  # somebody else began one in this moment
            return found
        raise
    return draft


def save_draft(draft: V, document: dict[str, Any], *, revision: int, by: Any) -> V:
    """Save the draft; it may be invalid, only publishing asks for more. Returns it with its new revision.

    Saving the document it has already changes nothing.

    Raises:
        StaleDraft: somebody saved since `revision`.
        ActionNotAllowed: it was published or discarded meanwhile.
    """
    with transaction.atomic():
        current = _locked(draft)
        if current.revision != revision:
            if current.document == document:
                return current
            raise StaleDraft(saved_as(current, revision), current.document, current.revision, current.edited_by)
        if current.document == document:
            return current
        now = timezone.now()
        type(draft)._default_manager.filter(pk=draft.pk).update(
            document=document, revision=F("revision") + 1, edited_by=by, edited_at=now
        )
        current.document, current.revision = document, revision + 1
        current.edited_by, current.edited_at = by, now
        _keep_save(current, by)
        audit.record(
            Verb.SAVE_DRAFT,
            by=by,
            on=current,
            counts={"revision": current.revision},
        )
    return current


def discard(draft: V, *, revision: int, by: Any) -> None:
    """Give the draft up; attempts of a pilot keep the version they ran under.

    Raises:
        StaleDraft: somebody saved since `revision`.
        ActionNotAllowed: it was published or discarded meanwhile.
    """
    with transaction.atomic():
        current = _locked(draft)
        _check_revision(current, revision)
        advance_one(current, VersionStatus.DISCARDED)
        _forget_saves(current)
        audit.record(Verb.DISCARD_DRAFT, by=by, on=current)


# ---------------------------------------------------------------- publishing


def check_can_publish(draft: Version | None) -> None:
    """Raises ActionNotAllowed with the sentence for the disabled button: invalid, or as it is published already."""
    if draft is None:
        raise ActionNotAllowed("There is no draft. Edit something and save it first.")
    kind = kind_of(draft)
    if problems := kind.problems(draft.document):
        raise InvalidDocument(problems)
    live = published(type(draft))
    if kind.same(draft.document, live.document):
        raise ActionNotAllowed(f"The draft is identical to the published version {live.number}.")
    if why := kind.why_not_publish(draft.document):
        raise ActionNotAllowed(why)


def why_not_publish(draft: Version | None) -> str:
    """That sentence; "" where the draft can be published."""
    try:
        check_can_publish(draft)
    except ActionNotAllowed as impossible:
        return str(impossible)
    return ""


def publish(draft: V, *, revision: int, over: int, note: str, by: Any) -> V:
    """Publish the draft in place of version number `over`, which is superseded.

    Raises:
        StaleDraft: somebody saved since `revision`, so what is published would not be what was looked at.
        InvalidDocument, ActionNotAllowed: a problem in the document, no note, another version was published meanwhile.
    """
    note = checked_note(note)
    with transaction.atomic():
        live = _locked_live(type(draft), over)
        current = _locked(draft)
        _check_revision(current, revision)
        check_can_publish(current)
        advance_one(live, VersionStatus.SUPERSEDED)
        newest = _next_number(type(draft)) - 1
        advance_one(
            current,
            VersionStatus.PUBLISHED,
            # Numbers follow the order of publishing: a roll-back may have passed this draft.
            number=current.number if current.number == newest else newest + 1,
            note=note,
            published_at=timezone.now(),
            published_by=by,
        )
        _forget_saves(current)
        _record_published(current, live, by=by, verb=Verb.PUBLISH_VERSION)
    return current


def roll_back(old: V, *, over: int, note: str, by: Any) -> V:
    """Publish a copy of `old` as a new version, in place of version number `over`; a draft goes on as it is.

    Raises:
        ActionNotAllowed: it is the published one, says the same, no note, or another was published meanwhile.
    """
    note = checked_note(note)
    with transaction.atomic():
        live = _locked_live(type(old), over)
        if old.status == VersionStatus.DRAFT or old.document == live.document:
            raise ActionNotAllowed(f"Version {old.number} is identical to the published version {live.number}.")
        advance_one(live, VersionStatus.SUPERSEDED)
        now = timezone.now()
        copy = type(old)._default_manager.create(
            number=_next_number(type(old)),
            status=VersionStatus.PUBLISHED,
            document=old.document,
            based_on=old.number,
            note=note,
            created_by=by,
            published_by=by,
            published_at=now,
        )
        _record_published(copy, live, by=by, verb=Verb.ROLL_BACK_VERSION)
    return copy


def keep_trial(draft: V, *, revision: int, by: Any) -> V:
    """A copy of the draft as it is, under which a pilot runs; it is never published. Inside a transaction.

    Raises:
        StaleDraft: somebody saved since `revision`, so what is tried would not be what was looked at.
        InvalidDocument, ActionNotAllowed: a problem in the document, or the draft is gone.
    """
    current = _locked(draft)
    _check_revision(current, revision)
    if problems := kind_of(draft).problems(current.document):
        raise InvalidDocument(problems)
    return type(draft)._default_manager.create(
        number=_next_number(type(draft)),
        status=VersionStatus.TRIAL,
        document=current.document,
        based_on=current.number,
        note=f"Draft {current.number}, tested in a pilot",
        created_by=by,
    )


def checked_note(note: str) -> str:
    """Raises ActionNotAllowed where the note says nothing."""
    note = " ".join(note.split())[:LONGEST_NOTE]
    if len(note) < SHORTEST_NOTE:
        raise ActionNotAllowed("Enter what changes and why. The note is saved with the version.")
    return note


# ---------------------------------------------------------------- inside


def _record_published(version: Version, live: Version, *, by: Any, verb: Verb) -> None:
    counts = {"version": version.number, "over": live.number, "based_on": version.based_on or 0}
    audit.record(verb, by=by, on=version, counts=counts, reason=version.note)
    transaction.on_commit(forget_active)


def _locked(draft: V) -> V:
    current = type(draft)._default_manager.select_for_update(of=("self",)).filter(pk=draft.pk).first()
    if current is None or current.status != VersionStatus.DRAFT:
        raise ActionNotAllowed("This draft was already published or discarded.")
    return current


def _locked_live(model: type[V], over: int) -> V:
    live = model._default_manager.select_for_update().filter(status=VersionStatus.PUBLISHED).first()
    if live is None or live.number != over:
        raise ActionNotAllowed("Another version was published. Review the changes again.")
    return live


def _check_revision(current: Version, revision: int) -> None:
    if current.revision != revision:
        raise StaleDraft(saved_as(current, revision), current.document, current.revision, current.edited_by)


def _next_number(model: type[Version]) -> int:
    return int(model._default_manager.aggregate(last=Max("number"))["last"] or 0) + 1


def _keep_save(draft: Version, by: Any) -> None:
    DraftSave.objects.create(
        kind=kind_of(draft).name,
        number=draft.number,
        revision=draft.revision,
        document=draft.document,
        saved_by=by,
    )


def _forget_saves(draft: Version) -> None:
    DraftSave.objects.filter(kind=kind_of(draft).name, number=draft.number).delete()
