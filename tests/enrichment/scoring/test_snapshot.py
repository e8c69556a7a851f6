"""The preview's copy of the leads: exact, current, and gone when it should be."""

import datetime

import polars as pl
import pytest
from django.db import connection
from django.utils import timezone

from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from enrichment.models import Lead, LeadChange
from enrichment.scoring import loading, snapshot
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("scoring_snapshot")]
FIELDS = ("company_size", "title")


def held(fields=FIELDS):
    """{lead: (size, title)} of what a preview would evaluate."""
    found = snapshot.current(fields)
    base = found.base.filter(~pl.col("id").is_in(found.changed.implode()))
    rows = pl.concat([base, found.fresh]).select("id", *fields).iter_rows()
    return {lead: tuple(values) for lead, *values in rows}


def files(place):
    return sorted(path.name for path in place.glob("*.arrow"))


def test_every_kind_of_value_arrives_as_it_is():
    EnrichedLeadFactory(
        title='"Chief",\nall of it',
        company_size=12.5,
        tech_stack=["a,b", 'c"d', "", "e\x1ff"],
        recent_posts=["one", 2, {"three": 3}, "fo\x1fur"],
        linkedin_connections=500,
        clay_tier=" tier 2 ",
        phone="",
    )
    EnrichedLeadFactory(title="", company_size=None, tech_stack=[], recent_posts={"not": "a list"}, email_work="")
    rows = loading.load_leads([*TEXT_FIELDS, *NUMBER_FIELDS, *LIST_FIELDS], "id > %s", [0]).to_dicts()
    first, second = rows
    assert (first["title"], first["company_size"], first["linkedin_connections"]) == (
        '"Chief",\nall of it',
        12.5,
        500,
    )
    assert first["tech_stack"] == ["a,b", 'c"d', "", "e f"]
    assert first["recent_posts"] == ["one", "fo ur"]
    assert (first["clay_tier"], first["email"], first["reachable"]) == (2, True, True)
    assert (second["title"], second["company_size"], second["tech_stack"]) == ("", None, None)
    assert (second["recent_posts"], second["clay_tier"], second["email"]) == (None, None, False)


@pytest.mark.parametrize("size", [float("inf"), float("-inf"), float("nan"), 1e300, 5e-324])
def test_numbers_at_the_edge_arrive(size):
    EnrichedLeadFactory(company_size=size)
    (value,) = loading.load_leads(["company_size"], "id > %s", [0])["company_size"]
    assert value == size or (value != value and size != size)


def test_only_leads_that_are_scored_and_usable_are_in_it():
    lead = EnrichedLeadFactory()
    LeadFactory()
    EnrichedLeadFactory(restriction="objection")
    assert list(held()) == [lead.pk]


def test_a_lead_that_came_changed_or_went_is_seen_at_the_next_use():
    first, second = EnrichedLeadFactory.create_batch(2)
    assert set(held()) == {first.pk, second.pk}
    Lead.objects.filter(pk=first.pk).update(title="Intern")
    third = EnrichedLeadFactory(title="New")
    assert held() == {first.pk: (250.0, "Intern"), second.pk: (250.0, second.title), third.pk: (250.0, "New")}
    second.delete()
    assert set(held()) == {first.pk, third.pk}


def test_a_lead_that_is_scored_for_the_first_time_comes_in_and_a_restricted_one_goes():
    lead = LeadFactory(title="CEO")
    assert held() == {}
    Lead.objects.filter(pk=lead.pk).update(icp_score=10.0, icp_tier=3)
    assert held() == {lead.pk: (None, "CEO")}
    Lead.objects.filter(pk=lead.pk).update(restriction="restriction")
    assert held() == {}


def test_what_goes_is_out_of_the_file_too(scoring_snapshot):
    kept, gone = EnrichedLeadFactory(title="Stays"), EnrichedLeadFactory(title="Zebra of Nowhere")
    held()
    (before,) = files(scoring_snapshot)
    assert b"Zebra of Nowhere" in (scoring_snapshot / before).read_bytes()
    gone.delete()
    assert list(held()) == [kept.pk]
    (after,) = files(scoring_snapshot)
    assert after != before
    assert b"Zebra of Nowhere" not in (scoring_snapshot / after).read_bytes()


def test_nothing_is_read_again_where_nothing_changed(scoring_snapshot, django_assert_max_num_queries):
    EnrichedLeadFactory()
    held()
    first = snapshot.current(FIELDS)
    with django_assert_max_num_queries(2):
        assert snapshot.current(FIELDS) is first


def test_many_changes_are_written_into_the_file(scoring_snapshot, monkeypatch):
    leads = EnrichedLeadFactory.create_batch(4)
    held()
    (before,) = files(scoring_snapshot)
    monkeypatch.setattr(snapshot, "FOLD", 2)
    Lead.objects.filter(pk__in=[lead.pk for lead in leads[:3]]).update(title="Changed")
    assert sum(title == "Changed" for _, title in held().values()) == 3
    (after,) = files(scoring_snapshot)
    assert after != before
    assert b"Changed" in (scoring_snapshot / after).read_bytes()


def test_too_many_changes_read_everything_anew(monkeypatch):
    leads = EnrichedLeadFactory.create_batch(3)
    held()
    monkeypatch.setattr(snapshot, "MOST_CHANGES", 1)
    Lead.objects.update(title="All new")
    assert {title for _, title in held().values()} == {"All new"}
    assert len(held()) == len(leads)


def test_another_field_is_read_when_a_card_first_looks_at_it():
    lead = EnrichedLeadFactory(company_location="Berlin")
    assert set(snapshot.current(FIELDS).fields) == set(FIELDS)
    found = snapshot.current(["company_location"])
    assert set(found.fields) == {*FIELDS, "company_location"}
    assert held(("company_location",)) == {lead.pk: ("Berlin",)}


def test_another_process_uses_the_same_file(scoring_snapshot):
    EnrichedLeadFactory()
    held()
    before = files(scoring_snapshot)
    snapshot.close_files()
    assert len(held()) == 1
    assert files(scoring_snapshot) == before


def test_a_damaged_or_foreign_directory_is_read_anew(scoring_snapshot):
    EnrichedLeadFactory()
    held()
    snapshot.close_files()
    (scoring_snapshot / "manifest.json").write_text("{")
    assert len(held()) == 1
    snapshot.close_files()
    manifest = scoring_snapshot / "manifest.json"
    name = connection.settings_dict["NAME"]
    manifest.write_text(manifest.read_text().replace(name, "another"))
    before = files(scoring_snapshot)
    assert len(held()) == 1
    assert files(scoring_snapshot) != before


def test_the_files_are_for_this_account_only(scoring_snapshot):
    EnrichedLeadFactory()
    held()
    assert scoring_snapshot.stat().st_mode & 0o077 == 0
    assert all((scoring_snapshot / name).stat().st_mode & 0o077 == 0 for name in files(scoring_snapshot))


def test_dropping_leaves_nothing_and_the_next_use_begins_anew(scoring_snapshot):
    EnrichedLeadFactory()
    held()
    assert snapshot.describe()["bytes"] > 0
    snapshot.remove_files()
    assert files(scoring_snapshot) == []
    assert snapshot.describe()["bytes"] == 0
    assert len(held()) == 1


def test_what_nobody_uses_is_removed(scoring_snapshot, monkeypatch):
    EnrichedLeadFactory()
    held()
    snapshot.remove_unused()
    assert files(scoring_snapshot)
    monkeypatch.setattr(snapshot, "KEEP_SECONDS", -1)
    snapshot.remove_unused()
    assert files(scoring_snapshot) == []


@pytest.mark.parametrize("how", ["erased", "restricted"])
def test_a_lead_that_is_gone_is_out_of_the_file_though_nobody_looks(scoring_snapshot, how):
    lead, _ = EnrichedLeadFactory.create_batch(2)
    held()
    Lead.objects.filter(pk=lead.pk).update(title="Changed only")
    snapshot.remove_unused()
    assert files(scoring_snapshot)
    if how == "erased":
        lead.delete()
    else:
        Lead.objects.filter(pk=lead.pk).update(restriction="objection")
    snapshot.remove_unused()
    assert files(scoring_snapshot) == []


def test_the_log_is_pruned():
    EnrichedLeadFactory.create_batch(2)
    assert LeadChange.objects.count() == 2
    old = LeadChange.objects.order_by("pk").first()
    LeadChange.objects.filter(pk=old.pk).update(at=timezone.now() - datetime.timedelta(days=3))
    snapshot.remove_unused()
    assert LeadChange.objects.count() == 1


@pytest.mark.parametrize("field", [*TEXT_FIELDS, *NUMBER_FIELDS, *LIST_FIELDS, "clay_tier", "instantly_lead_id"])
def test_every_value_a_card_may_look_at_is_logged(field):
    lead = EnrichedLeadFactory()
    LeadChange.objects.all().delete()
    value = 7 if field in NUMBER_FIELDS else ["x"] if field in LIST_FIELDS else "post_liker"
    Lead.objects.filter(pk=lead.pk).update(**{field: value})
    assert list(LeadChange.objects.values_list("lead_id", flat=True)) == [lead.pk]


def test_what_no_card_looks_at_is_not_logged():
    lead, pending = EnrichedLeadFactory(), LeadFactory()
    LeadChange.objects.all().delete()
    Lead.objects.filter(pk=lead.pk).update(icp_score=3.0, icp_tier=3, needs_person=True, updated_at=timezone.now())
    Lead.objects.filter(pk=pending.pk).update(title="Not scored yet")
    pending.delete()
    assert not LeadChange.objects.exists()
