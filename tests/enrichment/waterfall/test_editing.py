"""The draft of the waterfalls: read from the screen, saved, refused when stale, merged."""

import pytest
from django.http import QueryDict

from enrichment import versions
from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import WaterfallVersion
from enrichment.versions import DraftGone, EditStart, StaleDraft
from enrichment.versions.merging import merge
from enrichment.waterfall import editing
from enrichment.waterfall.changes import differences
from enrichment.waterfall.document_kind import WATERFALLS
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.com")


@pytest.fixture
def bob():
    return User.objects.create_user("bob@example.com")


def form(document=PUBLISHED, **changes):
    """The editor's form as a browser sends it."""
    data = QueryDict(mutable=True)
    for name, part in WaterfallDocument.model_validate(document).model_dump().items():
        kind = name.removeprefix("waterfall_")
        data.setlist(f"{kind}-providers", part.pop("providers"))
        for option, value in part.items():
            if value is not False:
                data[f"{kind}-{option}"] = "on" if value is True else str(value)
    for name, value in changes.items():
        data[name.replace("__", "-")] = value
    return data


def changed(**email):
    document = WaterfallDocument.model_validate(PUBLISHED).model_dump()
    document["waterfall_email"] |= email
    return document


def test_the_form_says_what_is_published():
    sent = editing.parse_form(form())
    assert sent.is_valid
    assert WATERFALLS.same(sent.document, PUBLISHED)


@pytest.mark.parametrize(
    ("op", "order"),
    [
        ("up:email:hunter", ["hunter", "apollo", "clearbit", "pdl", "snovio"]),
        ("down:email:apollo", ["hunter", "apollo", "clearbit", "pdl", "snovio"]),
        ("up:email:apollo", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
        ("down:email:snovio", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
        ("off:email:clearbit", ["apollo", "hunter", "pdl", "snovio"]),
        ("on:email:cognism", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
        ("up:email:nobody", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
        ("nonsense", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
        (":::::", ["apollo", "hunter", "clearbit", "pdl", "snovio"]),
    ],
)
def test_the_buttons_work_without_javascript(op, order):
    assert editing.parse_form(form(op=op)).document["waterfall_email"]["providers"] == order


def test_a_provider_of_the_catalogue_is_switched_on_at_the_end():
    sent = editing.parse_form(form(op="on:company:linkedin"))
    assert sent.document["waterfall_company"]["providers"] == ["clearbit", "crunchbase", "linkedin"]


def test_what_the_catalogue_does_not_offer_there_and_doubles_are_left_out():
    data = form()
    data.setlist("phone-providers", ["lusha", "apollo", "lusha", "x'; --", "cognism"])
    assert editing.parse_form(data).document["waterfall_phone"]["providers"] == ["lusha", "cognism"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone__country_default", "usa"),
        ("phone__country_default", "us"),
        ("phone__country_default", ""),
        ("techstack__limit", "0"),
        ("techstack__limit", "201"),
        ("techstack__limit", "many"),
        ("email__policy", "perhaps"),
        ("phone__format", "roman"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(name, value):
    sent = editing.parse_form(form(**{name: value}))
    kind, _, option = name.partition("__")
    assert not sent.is_valid
    assert list(sent.forms[kind].errors) == [option]


def test_the_first_change_begins_a_draft_and_no_change_does_not(ada):
    live = WaterfallVersion.active()
    assert versions.save_edit(WaterfallVersion, dict(PUBLISHED), EditStart(), by=ada) == live
    assert versions.draft_of(WaterfallVersion) is None
    draft = versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=ada)
    assert (draft.status, draft.based_on, draft.revision) == ("draft", live.number, 1)


def test_a_save_that_began_with_an_older_one_is_refused_with_all_that_a_merge_needs(ada, bob):
    first = versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=ada)
    versions.save_edit(WaterfallVersion, changed(prefer_work_email=False), EditStart(first.pk, 1), by=ada)
    mine = changed(verify_deliverability=False, stop_on_success=False)
    with pytest.raises(StaleDraft) as refused:
        versions.save_edit(WaterfallVersion, mine, EditStart(first.pk, 1), by=bob)
    stale = refused.value
    merged = merge(stale.base, stale.theirs, mine)
    assert merged.conflicts == []
    assert merged.document == changed(prefer_work_email=False, verify_deliverability=False)
    assert stale.by == ada
    assert versions.draft_of(WaterfallVersion).document["waterfall_email"]["verify_deliverability"] is True


def test_two_who_make_the_same_change_do_not_meet(ada, bob):
    mine = changed(providers=["hunter", "apollo"])
    first = versions.save_edit(WaterfallVersion, mine, EditStart(), by=ada)
    assert versions.save_edit(WaterfallVersion, mine, EditStart(), by=bob).revision == first.revision


def conflict_of(refused, yours, chosen=None):
    """The one place that both changed, in words, and what comes of it."""
    base, theirs = refused.value.base, refused.value.theirs
    merged = merge(base, theirs, yours, chosen)
    [choice] = WATERFALLS.choices(merged.conflicts, base)
    return choice, merged


def test_what_both_changed_is_left_to_the_person(ada, bob):
    first = versions.save_edit(WaterfallVersion, changed(policy="wait"), EditStart(), by=ada)
    versions.save_edit(WaterfallVersion, changed(policy="skip"), EditStart(first.pk, 1), by=ada)
    mine = changed(policy="")
    with pytest.raises(StaleDraft) as refused:
        versions.save_edit(WaterfallVersion, mine, EditStart(first.pk, 1), by=bob)
    choice, merged = conflict_of(refused, mine)
    assert (choice.path, choice.choice) == ("waterfall_email.policy", "")
    assert choice.where == "E-mail: When a provider's hourly limit is reached"
    assert (choice.base, choice.theirs) == ("Wait", "Continue without it, fill in later")
    assert choice.yours.startswith("Default (")
    assert len(merged.open) == 1
    for side, policy in (("yours", ""), ("theirs", "skip")):
        chosen = conflict_of(refused, mine, {choice.path: side})[1]
        assert (chosen.document["waterfall_email"]["policy"], chosen.open) == (policy, [])


def test_of_two_orders_one_is_chosen_and_who_is_switched_on_or_off_is_taken_from_both(ada, bob):
    first = versions.save_edit(WaterfallVersion, changed(providers=["apollo", "hunter", "pdl"]), EditStart(), by=ada)
    theirs = changed(providers=["pdl", "apollo", "hunter", "snovio"])
    versions.save_edit(WaterfallVersion, theirs, EditStart(first.pk, 1), by=ada)
    mine = changed(providers=["hunter", "apollo", "pdl", "clearbit"])
    with pytest.raises(StaleDraft) as refused:
        versions.save_edit(WaterfallVersion, mine, EditStart(first.pk, 1), by=bob)
    choice, _ = conflict_of(refused, mine)
    assert choice.where == "E-mail: Providers, in order"
    assert (choice.base, choice.theirs, choice.yours) == (
        "Apollo → Hunter.io → PDL",
        "PDL → Apollo → Hunter.io",
        "Hunter.io → Apollo → PDL",
    )
    chosen = conflict_of(refused, mine, {choice.path: "theirs"})[1].document
    assert chosen["waterfall_email"]["providers"] == ["pdl", "clearbit", "apollo", "hunter", "snovio"]
    assert WaterfallDocument.model_validate(chosen)


def test_beginning_a_draft_where_somebody_has_begun_one_is_refused(ada, bob):
    versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=ada)
    with pytest.raises(StaleDraft):
        versions.save_edit(WaterfallVersion, changed(prefer_work_email=False), EditStart(), by=bob)


def test_after_the_draft_was_published_a_save_is_merged_over_what_is_published(ada, bob):
    first = versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=ada)
    versions.publish(first, revision=1, over=1, note="ask them all", by=ada)
    mine = changed(stop_on_success=False, prefer_work_email=False)
    with pytest.raises(StaleDraft) as refused:
        versions.save_edit(WaterfallVersion, mine, EditStart(first.pk, 1), by=bob)
    merged = merge(WATERFALLS.whole(refused.value.base), refused.value.theirs, mine)
    assert isinstance(refused.value, DraftGone)
    assert (merged.document, merged.conflicts) == (mine, [])


def test_a_draft_that_says_the_same_or_asks_nobody_is_not_published(ada):
    draft = versions.start_draft(WaterfallVersion, by=ada)
    with pytest.raises(ActionNotAllowed, match="is identical to"):
        versions.check_can_publish(draft)
    empty = {f"waterfall_{kind}": {"providers": []} for kind in ("email", "phone", "company", "techstack")}
    draft = versions.save_edit(WaterfallVersion, empty, EditStart(draft.pk, 0), by=ada)
    with pytest.raises(ActionNotAllowed, match="All waterfalls are empty"):
        versions.check_can_publish(draft)


def test_differences_are_told_in_the_words_of_the_screen():
    after = changed(providers=["hunter", "apollo", "clearbit", "pdl"], policy="wait", stop_on_success=False)
    found = {f"{each.kind}.{each.field}": each for each in differences(PUBLISHED, after)}
    assert found["email.providers"].after == "Hunter.io → Apollo → Clearbit → PDL"
    assert found["email.providers"].removed == ("Snov.io",)
    assert (found["email.stop_on_success"].before, found["email.stop_on_success"].after) == ("yes", "no")
    assert found["email.policy"].after == "Wait"
    assert differences(PUBLISHED, PUBLISHED) == []
