"""The plan of record: its checklist, who says it is set up in Clay, and what the results say of it."""

import datetime

import pytest
from django.utils import timezone

from enrichment import versions
from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import AppliedWaterfall, ClaySource, WaterfallVersion
from enrichment.versions import EditStart
from enrichment.waterfall import plan_of_record
from enrichment.waterfall.checklist import checklist, checklist_text
from enrichment.waterfall.plan_results import read_plan_results
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.waterfall.runs import attempt, attempts
from tests.enrichment.waterfall.test_editing import changed

pytestmark = pytest.mark.django_db
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.com")


def published():
    return versions.published(WaterfallVersion)


def publish(by, **changes):
    draft = versions.save_edit(WaterfallVersion, changed(**changes), EditStart(), by=by)
    over = published().number
    return versions.publish(draft, revision=draft.revision, over=over, note="Cheaper first", by=by)


def mark(by, at=None):
    return plan_of_record.mark_applied(published(), at=at or timezone.now(), by=by)


# ---------------------------------------------------------------- the checklist


def test_the_checklist_says_order_and_settings_of_each_waterfall():
    email, phone, company, techstack = checklist(WaterfallDocument.model_validate(PUBLISHED))
    assert email.lines[:2] == [
        "E-mail waterfall: Apollo, then Hunter.io, then Clearbit, then PDL, then Snov.io.",
        "Stop at the first match.",
    ]
    assert "Look for a work address; a personal one alone is no match." in email.lines
    assert phone.settings == [
        "Stop at the first match.",
        "Phone format: E.164, such as +14155551234. A number without a country code is from US.",
    ]
    assert company.settings == ["Run all providers and merge their results."]
    assert techstack.settings[-1] == "Keep at most 20 technologies."


def test_a_waterfall_without_providers_is_turned_off_and_what_is_off_is_not_asked_for():
    document = changed(providers=[], verify_deliverability=False)
    assert checklist(WaterfallDocument.model_validate(document))[0].lines == [
        "E-mail waterfall: no providers. Turn it off."
    ]
    document = changed(verify_deliverability=False, prefer_work_email=False, stop_on_success=False)
    assert checklist(WaterfallDocument.model_validate(document))[0].settings == [
        "Run all providers and merge their results."
    ]


def test_the_text_names_every_table_and_has_a_box_for_each_line():
    text = checklist_text(published(), ["Leads A", "Leads B"])
    assert text.startswith("Waterfalls version 1: set up in Clay\n\nIn each of these tables: Leads A, Leads B\n")
    assert "[ ] Phone waterfall: Cognism, then Lusha.\n[ ] Stop at the first match.\n" in text
    assert "In table: Leads A" in checklist_text(published(), ["Leads A"])


# ---------------------------------------------------------------- who says so


def test_it_is_by_hand_only_where_nothing_can_be_triggered(settings):
    by_hand = {}
    for name in ("rows-api", "table", "routine"):
        settings.CLAY_CONNECTOR = name
        by_hand[name] = plan_of_record.is_set_up_by_hand()
    assert by_hand == {"rows-api": False, "table": True, "routine": True}


def test_a_version_is_applied_once_somebody_says_so_and_the_next_one_is_not(ada):
    assert not plan_of_record.plan_status().is_applied
    applied = mark(ada)
    status = plan_of_record.plan_status()
    assert (status.is_complete, status.applied, status.applied.applied_by) == (True, applied, ada)
    event = AuditEvent.objects.get(verb="apply_waterfall")
    assert (event.counts, event.actor_id) == ({"version": 1}, ada.pk)
    publish(ada, providers=["hunter", "apollo"])
    status = plan_of_record.plan_status()
    assert not status.is_applied
    assert [(each.kind, each.field) for each in status.changes] == [("email", "providers")]
    assert status.compared == (applied.version, applied.applied_at)


def test_a_version_that_says_the_same_to_clay_needs_no_new_set_up(ada):
    mark(ada)
    publish(ada, policy="wait")
    status = plan_of_record.plan_status()
    assert (status.published.number, status.is_complete, status.changes) == (2, True, [])


def test_a_table_connected_later_has_to_be_set_up_as_well(ada):
    ClaySource.objects.create(name="Leads A", url="https://a.example/1", life=10)
    mark(ada)
    assert plan_of_record.plan_status().is_complete
    source = ClaySource.objects.create(name="Leads B", url="https://a.example/2", life=10)
    status = plan_of_record.plan_status()
    assert (status.is_applied, status.is_complete, status.later_tables) == (True, False, ["Leads B"])
    source.closed_at = timezone.now()
    source.save()
    assert plan_of_record.plan_status().is_complete


def test_a_time_before_it_was_published_or_in_the_future_is_refused(ada):
    publish(ada, providers=["hunter", "apollo"])
    for at in (timezone.now() - DAY, timezone.now() + DAY):
        with pytest.raises(ActionNotAllowed, match="after this version was published"):
            mark(ada, at)
    assert not AppliedWaterfall.objects.exists()


def test_a_version_that_was_overtaken_is_not_marked(ada):
    old = published()
    publish(ada, providers=["hunter", "apollo"])
    with pytest.raises(ActionNotAllowed, match="Another version was published"):
        plan_of_record.mark_applied(old, at=timezone.now(), by=ada)


def test_a_mark_taken_back_leaves_the_one_before(ada):
    first = mark(ada)
    WaterfallVersion.objects.update(published_at=timezone.now() - DAY)
    second = publish(ada, providers=["hunter", "apollo"])
    plan_of_record.undo_applied(mark(ada), by=ada)
    status = plan_of_record.plan_status()
    assert (status.applied, status.published) == (first, second)
    assert AuditEvent.objects.filter(verb="undo_apply_waterfall", counts={"version": 2}).exists()


# ---------------------------------------------------------------- what the results say


def results(since=None):
    return read_plan_results(published(), since or timezone.now() - 7 * DAY)


def said(deviations):
    return {each.sentence: each.many for each in deviations}


def test_results_that_keep_to_the_plan_contradict_nothing():
    attempts(3, "-apollo", "hunter", "cognism", "-clearbit", "crunchbase")
    attempts(2, "apollo", ("clearbit", ["company_size"], 0))
    found = results()
    assert (found.counted, found.against) == (5, [])


def test_a_provider_that_is_not_in_the_plan_is_named_with_its_runs():
    attempts(14, ("zoominfo", ["email_work"], "0.10"))
    attempts(2, ("cognism", ["email_work"], 0))
    attempts(1, "-datagma")
    found = results()
    assert said(found.against) == {
        "Clay called ZoomInfo for e-mail, which is not in the published order.": 14,
        "Clay called Cognism for e-mail, which is not in the published order.": 2,
        "Clay called datagma, which is not in the published order.": 1,
    }
    assert found.against[0].first < found.against[0].last


def test_what_is_looked_up_beside_the_waterfalls_is_nobodys_call():
    attempts(3, "linkedin", "apollo")
    attempts(2, "-linkedin", "apollo")
    assert results().against == []
    attempts(1, ("linkedin", ["company_size"], 0))
    assert said(results().against) == {"Clay called LinkedIn for company data, which is not in the published order.": 1}


def test_the_next_is_called_after_a_miss_of_whatever_waterfall():
    attempts(4, "-apollo", "-hunter", ("clearbit", ["email_work"], 0), "-cognism", "lusha")
    assert results().against == []
    attempts(3, "cognism", "lusha")
    assert said(results().against) == {"Phone: Clay called Lusha after Cognism had a match.": 3}


def test_a_provider_is_known_by_its_name_as_well():
    attempts(2, ("hunter.io", ["email_work"], 0), ("Snov.io", [], 0))
    assert said(results().against) == {"E-mail: Clay called Snov.io after Hunter.io had a match.": 2}


def test_an_order_that_is_not_kept_shows_as_far_as_results_tell():
    attempts(4, "-hunter", "apollo")
    attempts(3, "apollo", "hunter")
    attempts(2, ("apollo", ["email_personal"], 0), "hunter")  # a personal address ends nothing
    attempts(5, "wappalyzer", "builtwith")  # all of these are asked, in whatever order
    assert said(results().against) == {
        "E-mail: Clay called Hunter.io before Apollo.": 4,
        "E-mail: Clay called Hunter.io after Apollo had a match.": 3,
    }


def test_the_later_of_two_may_alone_have_brought_what_ends_a_waterfall():
    """A row that names both tells both of all that was filled."""
    both = ["email_personal", "email_work"]
    attempts(3, ("apollo", both, 0), ("hunter", ["email_work"], 0))
    assert results().against == []
    attempts(2, ("apollo", both, 0), "-hunter")  # here it was the earlier one's
    assert said(results().against) == {"E-mail: Clay called Hunter.io after Apollo had a match.": 2}


def test_who_never_has_a_match_is_said_once_it_was_their_turn_often_enough():
    attempts(25, "hunter")
    attempts(10, "apollo")
    found = said(results().unseen)
    assert "E-mail: Snov.io never had a match when it was its turn." not in found  # ten times only
    attempts(20)
    found = said(results().unseen)
    assert found["E-mail: Snov.io never had a match when it was its turn."] == 20
    assert found["No result names a provider for phone numbers. Check that Clay sends phone_provider."] == 55
    assert "E-mail: Apollo never had a match when it was its turn." not in found


def test_too_few_results_say_nothing_of_anybody():
    attempts(19, "hunter")
    assert results().unseen == []


def test_only_leads_submitted_since_are_compared():
    since = timezone.now() - DAY / 2
    late = since + MINUTE
    attempt(("zoominfo", ["email_work"], 0), started_at=since - MINUTE, finished_at=late)
    attempt("apollo", started_at=since + MINUTE, finished_at=since + 2 * MINUTE)
    found = results(since)
    assert (found.counted, found.against) == (1, [])
