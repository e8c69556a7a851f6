"""What an editor sends is saved as the draft, or refused with what a merge needs; the same for both kinds."""

import pytest

from enrichment import versions
from enrichment.models import ScorecardVersion, WaterfallVersion
from enrichment.versions import DraftGone, EditStart, StaleDraft
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.versions.test_life_cycle import edited


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada@example.com")


@pytest.fixture
def bob(db):
    return User.objects.create_user("bob@example.com")


@pytest.fixture(params=[ScorecardVersion, WaterfallVersion], ids=lambda model: model.__name__)
def model(request, db):
    return request.param


def test_the_first_change_begins_a_draft_and_no_change_does_not(model, ada):
    live = versions.published(model)
    assert versions.save_edit(model, live.document, EditStart(over=live.number), by=ada) == live
    assert versions.draft_of(model) is None
    draft = versions.save_edit(model, edited(live), EditStart(over=live.number), by=ada)
    assert (draft.status, draft.based_on, draft.revision) == ("draft", live.number, 1)


def test_beginning_a_draft_beside_somebody_elses_is_refused_with_what_both_began_from(model, ada, bob):
    live = versions.published(model)
    theirs = versions.save_edit(model, edited(live), EditStart(over=live.number), by=ada)
    assert versions.save_edit(model, edited(live), EditStart(over=live.number), by=bob) == theirs  # the same change
    with pytest.raises(StaleDraft) as refused:
        versions.save_edit(model, live.document, EditStart(over=live.number), by=bob)
    kind = versions.kind_of(model)
    assert not isinstance(refused.value, DraftGone)
    assert (refused.value.base, refused.value.revision, refused.value.by) == (live.document, 1, ada)
    assert kind.same(refused.value.theirs, edited(live))


def test_a_draft_that_is_gone_is_refused_with_what_stands_now(model, ada, bob):
    live = versions.published(model)
    draft = versions.save_edit(model, edited(live), EditStart(), by=ada)
    versions.discard(draft, revision=draft.revision, by=bob)
    with pytest.raises(DraftGone, match="was published or discarded") as refused:
        versions.save_edit(model, edited(live), EditStart(draft.pk, draft.revision), by=ada)
    assert (refused.value.base, refused.value.theirs, refused.value.revision) == (live.document, live.document, -1)
    assert versions.draft_of(model) is None


@pytest.mark.parametrize("sent", [{}, {"draft": "", "revision": "-1", "over": "x"}, {"draft": "9" * 20}])
def test_what_was_looked_at_is_read_from_the_form_whatever_it_says(sent):
    assert EditStart.posted(sent) == EditStart()


def test_only_the_draft_that_was_looked_at_is_acted_on(model, ada):
    draft = versions.start_draft(model, by=ada)
    EditStart(draft.pk, 0).check_is(draft)
    with pytest.raises(ActionNotAllowed, match="Someone started another draft"):
        EditStart(draft.pk + 1, 0).check_is(draft)
