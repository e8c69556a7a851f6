"""Rows that no call can reach: found by our own books, and a person's to search, correct and delete."""

import pytest
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Connection, Drift, ForgottenReference, Lead
from enrichment.stores.clay import ClayStore
from enrichment.waterfall.anonymous import digest
from gdpr import stores
from gdpr.identity import Identity
from gdpr.models import Purge
from gdpr.retention import replay, retention
from gdpr.stores import Capability, Ground, Record, RetryLater, SearchIncomplete, Unsupported
from gdpr.suppression import gate
from tests.enrichment.stores.clay_tables import Person, attempt, routine_run, source, submitted
from tests.enrichment.stores.planting import IDENTITY, PHONE, TABLE, URL, in_clay, in_the_mirror
from tests.factories import EnrichedLeadFactory

store = ClayStore()
CALLS = {Capability.EXPORT, Capability.RECTIFY, Capability.ERASE, Capability.VERIFY}


@pytest.fixture
def by_table(vendors, settings):
    settings.CLAY_CONNECTOR = "table"
    settings.CLAY_TABLE_ID = ""
    return vendors


def located(identity=IDENTITY):
    """Records of a search that a person has to finish."""
    with pytest.raises(SearchIncomplete) as incomplete:
        store.locate(identity)
    return incomplete.value.records


def test_every_run_with_a_row_is_a_record_and_what_was_never_sent_is_none(by_table):
    lead = in_the_mirror()
    old, new = source(by_table, "2025", closed_at=timezone.now()), source(by_table, "2026")
    first, second = submitted(lead, old, status="failed"), submitted(lead, new, status="running", finished_at=None)
    attempt(lead, source=new, status="abandoned", triggered_at=None)
    submitted(EnrichedLeadFactory(clay_row_id=None), new)
    assert [record.key for record in located()] == [f"source:{old.pk}/{first}", f"source:{new.pk}/{second}"]
    record = located()[0]
    assert (record.sure, record.summary["linkedin_url"], record.identity.linkedin_url) == (True, URL, URL)


def test_what_is_not_sent_yet_is_no_row(by_table):
    lead = in_the_mirror()
    attempt(lead, source=source(by_table), status="intended", triggered_at=None, finished_at=None)
    assert located() == []


def test_a_lead_that_may_be_another_s_makes_a_row_an_officer_decides_about(by_table):
    into = source(by_table)
    submitted(in_the_mirror(), into)
    submitted(EnrichedLeadFactory(phone=PHONE, clay_row_id=None), into)
    assert [record.sure for record in located()] == [True, False]


def test_after_a_switch_rows_of_both_ways_are_known(by_table, settings):
    lead = in_the_mirror()
    reference = submitted(lead, source(by_table))
    settings.CLAY_CONNECTOR = "rows-api"
    row = in_clay(lead)
    api, sent = located()
    assert (api.key, sent.key.partition("/")[2]) == (f"{TABLE}/{row}", reference)
    assert store.capabilities_for(api) == set(Capability)
    assert store.capabilities_for(sent) == set(Capability) - CALLS
    settings.CLAY_CONNECTOR = "table"
    Drift.objects.create(kind="duplicate", subject="x", lead=lead, row_id="row_2", table_id=TABLE)
    assert [record.key for record in located()] == [f"{TABLE}/{row}", f"{TABLE}/row_2", sent.key]
    assert store.capabilities_for(api) == set(Capability) - CALLS
    assert row in store.instructions(Capability.ERASE, api)


def test_a_row_a_person_found_in_a_table_without_calls_is_not_asked_for_by_call(by_table, settings):
    source(by_table)
    settings.CLAY_CONNECTOR = "rows-api"
    record = Record("clay", "Leads people/abc", ("by hand",))
    with pytest.raises(Unsupported):
        store.erase(record)
    with pytest.raises(Unsupported):
        store.verify_absent(record)


@pytest.mark.parametrize("act", ["erase", "export", "verify_absent"])
def test_what_no_call_can_do_is_never_done_by_itself(by_table, act):
    submitted(in_the_mirror(), source(by_table))
    (record,) = located()
    with pytest.raises(Unsupported):
        getattr(store, act)(record)
    with pytest.raises(Unsupported):
        store.rectify(record, {"title": "CFO"})


def test_used_up_sources_leave_the_books_readable(by_table):
    reference = submitted(in_the_mirror(), source(by_table, closed_at=timezone.now()))
    assert Capability.LOCATE in store.capabilities()
    assert [record.key.partition("/")[2] for record in located()] == [reference]


@pytest.mark.parametrize("status", ["in_flight", "unknown"])
def test_a_submission_on_its_way_is_waited_for(by_table, status):
    lead = in_the_mirror()
    reference = submitted(lead, into := source(by_table))
    batch = Batch.objects.create(kind="submit", table_id="", status=status, in_flight_since=timezone.now())
    BatchItem.objects.create(batch=batch, lead=lead, position=0)
    record = Record("clay", f"source:{into.pk}/{reference}")
    for act in (lambda: store.locate(IDENTITY), lambda: store.erase(record)):
        with pytest.raises(RetryLater):
            act()


def test_restricting_a_row_stops_our_own_runs(by_table):
    lead = in_the_mirror(dispatch_after=timezone.now())
    submitted(lead, source(by_table))
    (record,) = located()
    store.restrict(record, Ground.RESTRICTION)
    assert Lead.objects.get().restriction == "restriction"


def test_the_words_name_table_row_and_what_to_press(by_table):
    reference = submitted(in_the_mirror(), source(by_table, "2026"))
    (record,) = located()
    for act, words in (
        (Capability.ERASE, "press Delete row"),
        (Capability.RECTIFY, "enter the new value"),
        (Capability.VERIFY, "nothing was found"),
        (Capability.EXPORT, "a line for each column"),
    ):
        told = store.instructions(act, record)
        assert "the table “Leads 2026”" in told
        assert reference in told
        assert words in told
        assert URL not in told


def test_a_search_by_hand_names_every_table_and_every_value(by_table):
    lead = in_the_mirror()
    reference = submitted(lead, source(by_table, "2026"))
    source(by_table, "2025", closed_at=timezone.now(), position=1)
    told = store.instructions(Capability.LOCATE, Record("clay", "", identity=Identity(URL))).splitlines()
    assert "the table “Leads 2026”, the table “Leads 2025” and every other table" in told[0]
    assert {line.removeprefix("• ") for line in told if line.startswith("• ")} == {
        URL, lead.email_work.lower(), lead.email_personal, PHONE, reference,
    }  # fmt: skip


def test_a_routine_alone_leaves_nothing_to_search(vendors, settings):
    settings.CLAY_CONNECTOR = "routine"
    settings.CLAY_TABLE_ID = ""
    lead = in_the_mirror()
    routine_run(lead)
    assert store.locate(IDENTITY) == []
    routine_run(EnrichedLeadFactory(clay_row_id=None, clay_table_id=""), "workflow:wf_1")
    assert located() == []


def test_a_workflow_that_is_set_up_may_write_rows(vendors, settings):
    settings.CLAY_CONNECTOR = "routine"
    settings.CLAY_TABLE_ID = ""
    assert store.locate(IDENTITY) == []
    Connection.objects.create(system="clay", routine_id="workflow:wf_1")
    assert located() == []


def test_an_expired_lead_s_rows_are_an_officer_s_and_ours_goes_after_them(by_table, django_user_model):
    lead = in_the_mirror()
    reference = submitted(lead, source(by_table))
    Lead.objects.filter(pk=lead.pk).update(retention_until=timezone.now())
    retention.queue_expired()
    retention.run_due()
    purge = Purge.objects.get()
    waiting = purge.records.get(status="manual")
    assert reference in waiting.instructions
    assert Lead.objects.exists()
    Person(by_table).deletes(reference)
    officer = django_user_model.objects.create_user("officer")
    retention.complete_by_hand(waiting, evidence="Deleted and searched: nothing.", by=officer)
    retention.run_due()
    assert not Lead.objects.exists()
    assert Person(by_table).sees(reference) == []


def test_after_a_restore_what_a_person_has_to_erase_is_queued(by_table):
    lead = in_the_mirror()
    reference = submitted(lead, source(by_table))
    gate.suppress(lead.identity, reason="erasure")
    result = replay.run(for_real=True)
    assert [line.partition(": ")[2] for line in result.not_erased] == ["has to be done by hand: see Retention"]
    retention.run_due()
    assert reference in Purge.objects.get().records.get(status="manual").instructions


def test_of_a_deleted_lead_only_the_hashes_of_its_references_stay(by_table):
    lead = in_the_mirror()
    into = source(by_table)
    references = {submitted(lead, into, status="running", finished_at=None), submitted(lead, into)}
    attempt(lead, reference="")
    stores.get_store("mirror").erase(Record("mirror", f"lead:{lead.pk}"))
    assert set(ForgottenReference.objects.values_list("digest", flat=True)) == {digest(each) for each in references}
    assert ForgottenReference.objects.first().forgotten_on == timezone.now().date()
    assert not any(each in str(list(ForgottenReference.objects.values())) for each in references)
