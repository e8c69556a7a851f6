"""The life of a version: one shared draft, saves that do not overwrite, publishing, rolling back."""

import copy

import pytest
from django.db import IntegrityError, transaction

from enrichment import versions
from enrichment.models import DraftSave, ScorecardVersion, WaterfallVersion
from enrichment.states import VersionStatus
from enrichment.versions import InvalidDocument, StaleDraft
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed

MODELS = (ScorecardVersion, WaterfallVersion)


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada@example.com")


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob@example.com")


def edited(version):
    """A valid document that says something else."""
    document = copy.deepcopy(version.document)
    if isinstance(version, ScorecardVersion):
        document["cap"] = 90
    else:
        document["waterfall_email"]["providers"].reverse()
    return document


def draft_with(model, document, by):
    draft = versions.start_draft(model, by=by)
    return versions.save_draft(draft, document, revision=draft.revision, by=by)


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def model(request, db):
    return request.param


def test_a_draft_begins_as_a_copy_of_the_published_version_and_there_is_one(model, ada, bob):
    draft = versions.start_draft(model, by=ada)
    live = versions.published(model)
    assert (draft.status, draft.document, draft.based_on) == ("draft", live.document, live.number)
    assert versions.start_draft(model, by=bob) == draft
    assert versions.draft_of(model).created_by == ada


def test_a_second_draft_is_refused_by_the_database(model, ada):
    draft = versions.start_draft(model, by=ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(number=99, document=draft.document)


def test_saving_counts_and_keeps_each_save(model, ada):
    draft = versions.start_draft(model, by=ada)
    before = draft.document
    saved = versions.save_draft(draft, edited(draft), revision=0, by=ada)
    assert saved.revision == 1
    assert versions.saved_as(saved, 0) == before
    assert versions.saved_as(saved, 1) == saved.document != before
    assert versions.save_draft(saved, saved.document, revision=1, by=ada).revision == 1  # nothing new


def test_a_save_that_began_with_an_older_save_is_refused_with_what_a_merge_needs(model, ada, bob):
    draft = versions.start_draft(model, by=ada)
    theirs = edited(draft)
    versions.save_draft(draft, theirs, revision=0, by=bob)
    with pytest.raises(StaleDraft) as refused:
        versions.save_draft(draft, {"mine": 1}, revision=0, by=ada)
    assert refused.value.base == draft.document
    assert (refused.value.theirs, refused.value.revision, refused.value.by) == (theirs, 1, bob)
    assert versions.draft_of(model).document == theirs


def test_the_same_save_twice_is_not_a_conflict(model, ada, bob):
    draft = versions.start_draft(model, by=ada)
    document = edited(draft)
    versions.save_draft(draft, document, revision=0, by=bob)
    assert versions.save_draft(draft, document, revision=0, by=ada).revision == 1


def test_an_invalid_draft_is_kept_and_cannot_be_published(model, ada):
    draft = draft_with(model, {"nonsense": True}, ada)
    assert versions.draft_of(model).document == {"nonsense": True}
    with pytest.raises(InvalidDocument) as refused:
        versions.publish(draft, revision=1, over=1, note="a try of it", by=ada)
    assert refused.value.problems
    assert versions.published(model).number == 1


def test_publishing_supersedes_the_version_before(model, ada):
    draft = draft_with(model, edited(versions.published(model)), ada)
    done = versions.publish(draft, revision=1, over=1, note="  Smaller   companies too ", by=ada)
    assert (done.status, done.number, done.note) == ("published", 2, "Smaller companies too")
    assert versions.published(model) == done
    assert model.objects.get(number=1).status == VersionStatus.SUPERSEDED
    assert [version.number for version in versions.history(model)] == [2, 1]
    assert not DraftSave.objects.exists()
    assert versions.draft_of(model) is None


def test_the_active_version_is_the_new_one_after_the_commit(model, ada, django_capture_on_commit_callbacks):
    assert model.active().number == 1
    draft = draft_with(model, edited(versions.published(model)), ada)
    with django_capture_on_commit_callbacks(execute=True):
        versions.publish(draft, revision=1, over=1, note="changed", by=ada)
    assert model.active().number == 2


@pytest.mark.parametrize("note", ["", "   ", "abc"])
def test_publishing_wants_a_note(model, ada, note):
    draft = draft_with(model, edited(versions.published(model)), ada)
    with pytest.raises(ActionNotAllowed, match="Enter what changes and why"):
        versions.publish(draft, revision=1, over=1, note=note, by=ada)


def test_what_says_the_same_is_not_published(model, ada):
    draft = versions.start_draft(model, by=ada)
    with pytest.raises(ActionNotAllowed, match="is identical to the published version 1"):
        versions.publish(draft, revision=0, over=1, note="nothing new", by=ada)


def test_only_the_save_that_was_looked_at_is_published(model, ada, bob):
    draft = draft_with(model, edited(versions.published(model)), ada)
    versions.save_draft(draft, {"cap": 1}, revision=1, by=bob)
    with pytest.raises(StaleDraft):
        versions.publish(draft, revision=1, over=1, note="as I saw it", by=ada)
    assert versions.published(model).number == 1


def test_rolling_back_publishes_a_copy_and_a_draft_goes_on(model, ada):
    first = versions.published(model)
    second = versions.publish(draft_with(model, edited(first), ada), revision=1, over=1, note="changed", by=ada)
    draft = versions.start_draft(model, by=ada)
    back = versions.roll_back(first, over=2, note="It was better before", by=ada)
    assert (back.number, back.document, back.based_on) == (4, first.document, 1)
    assert model.objects.get(pk=second.pk).status == VersionStatus.SUPERSEDED
    draft = versions.save_draft(draft, edited(first), revision=0, by=ada)
    done = versions.publish(draft, revision=draft.revision, over=4, note="and forth", by=ada)
    assert done.number == 5  # numbers follow the order of publishing


def test_nothing_is_published_over_a_version_nobody_looked_at(model, ada):
    first = versions.published(model)
    versions.publish(draft_with(model, edited(first), ada), revision=1, over=1, note="changed", by=ada)
    with pytest.raises(ActionNotAllowed, match="Another version was published"):
        versions.roll_back(first, over=1, note="too late now", by=ada)


def test_the_published_version_is_not_rolled_back_to(model, ada):
    with pytest.raises(ActionNotAllowed, match="is identical to"):
        versions.roll_back(versions.published(model), over=1, note="a copy of it", by=ada)


def test_a_discarded_draft_is_kept_and_another_begins_anew(model, ada):
    draft = draft_with(model, edited(versions.published(model)), ada)
    versions.discard(draft, revision=1, by=ada)
    assert model.objects.get(pk=draft.pk).status == VersionStatus.DISCARDED
    with pytest.raises(ActionNotAllowed, match="published or discarded"):
        versions.save_draft(draft, draft.document, revision=1, by=ada)
    again = versions.start_draft(model, by=ada)
    assert again.pk != draft.pk
    assert again.document == versions.published(model).document


def test_a_draft_saved_meanwhile_is_not_discarded(model, ada, bob):
    draft = versions.start_draft(model, by=ada)
    versions.save_draft(draft, edited(draft), revision=0, by=bob)
    with pytest.raises(StaleDraft):
        versions.discard(draft, revision=0, by=ada)


def test_every_act_is_audited_and_without_its_event_nothing_happens(model, ada, monkeypatch):
    draft = draft_with(model, edited(versions.published(model)), ada)

    def broken(*args, **kwargs):
        raise RuntimeError("no audit")

    with monkeypatch.context() as patched:
        patched.setattr(versions.life_cycle.audit, "record", broken)
        with pytest.raises(RuntimeError):
            versions.publish(draft, revision=1, over=1, note="unseen by audit", by=ada)
    assert versions.published(model).number == 1
    versions.publish(draft, revision=1, over=1, note="seen by audit", by=ada)
    verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["start_draft", "save_draft", "publish_version"]
    assert AuditEvent.objects.order_by("pk").last().reason == "seen by audit"
