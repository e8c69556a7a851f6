"""The leads in the standing duties: retention purges everywhere, notices come first, replay finds who came back."""

import datetime

import pytest
from django.db import connection
from django.utils import timezone

from enrichment.models import Handover, Lead
from enrichment.pipeline.deliver import planning, running
from enrichment.states import HandoverStatus
from enrichment.stores import restriction
from enrichment.stores import source as source_module
from enrichment.stores.source import LeadSource
from gdpr import stores
from gdpr.models import Notice, Purge
from gdpr.notices import delivery as notice_delivery
from gdpr.notices import notices, wording
from gdpr.retention import replay, retention
from gdpr.states import PurgeStatus
from gdpr.suppression import gate
from tests.enrichment.stores.planting import IDENTITY, everywhere
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)
DAY = datetime.timedelta(days=1)


def test_an_expired_lead_goes_everywhere_and_is_read_back(vendors):
    lead = everywhere()
    Lead.objects.filter(pk=lead.pk).update(retention_until=timezone.now() - DAY)
    neighbour = LeadFactory()
    assert retention.queue_expired() == 1
    assert retention.queue_expired() == 0
    for _ in range(4):
        Purge.objects.update(not_before=timezone.now())
        retention.run_due()
    purge = Purge.objects.get()
    assert (purge.status, purge.error_message) == (PurgeStatus.DONE, "")
    assert [list(store.locate(IDENTITY)) for store in stores.registered()] == [[], [], [], []]
    assert list(Lead.objects.all()) == [neighbour]


def test_what_ends_in_the_coming_days_is_counted_by_day(db):
    for days in (0.5, 2, 2.2, 9):
        LeadFactory(retention_until=timezone.now() + days * DAY)
    assert sum(count for _, count in retention.expiring_by_day(7)) == 3
    assert sum(count for _, count in retention.expiring_by_day(30)) == 4


def test_nobody_is_delivered_untold_where_the_policy_says_so(vendors, settings, django_user_model, mailoutbox):
    settings.NOTICE_BEFORE_DELIVERY = True
    lead = LeadFactory(email_work="ada@acme.example", icp_tier=1, enrichment_status="completed")
    planning.plan_deliveries(lead)
    running.run_due("ghl")
    waiting = Handover.objects.get(system="ghl")
    assert (waiting.status, waiting.error_kind) == (HandoverStatus.PLANNED, "notice_outstanding")
    assert waiting.not_before > timezone.now()
    notices.send(limit=10, by=django_user_model.objects.create_user("officer"))
    notice_delivery.run_due()
    assert [mail.to for mail in mailoutbox] == [["ada@acme.example"]]
    running.run_due("ghl")
    waiting.refresh_from_db()
    assert waiting.status == HandoverStatus.DONE


def test_two_with_one_e_mail_who_waited_for_their_notice_do_not_write_into_one_contact(
    vendors, settings, django_user_model
):
    settings.NOTICE_BEFORE_DELIVERY = True
    shared = {"email_work": "office@acme.example", "icp_tier": 3, "enrichment_status": "completed"}
    leads = [LeadFactory(first_name=name, **shared) for name in ("Ada", "Eve")]
    planning.plan_all(leads)
    running.run_due("ghl")
    assert set(Handover.objects.values_list("error_kind", flat=True)) == {"notice_outstanding"}
    notices.send(limit=10, by=django_user_model.objects.create_user("officer"))
    notice_delivery.run_due()
    assert set(Handover.objects.values_list("status", "error_kind")) == {("planned", "")}
    for _ in range(3):
        Handover.objects.filter(status="planned").update(not_before=timezone.now())
        running.run_due("ghl")
    (stored,) = vendors.sandbox.state("ghl")["contacts"]
    assert stored["firstName"] == "Ada"
    outcomes = Handover.objects.order_by("pk").values_list("lead__first_name", "status", "error_kind")
    assert list(outcomes) == [("Ada", "done", ""), ("Eve", "failed", "existing_contact")]


def test_a_hand_over_that_was_claimed_by_the_hour_waits_for_its_notice_no_more(vendors, settings):
    """Told meanwhile by another way than `mark_notified`: the claim clears it, and the turn counts."""
    settings.NOTICE_BEFORE_DELIVERY = True
    leads = [LeadFactory(email_work="office@acme.example", notified_at=timezone.now()) for _ in "ab"]
    Handover.objects.bulk_create(Handover(lead=lead, system="ghl", error_kind="notice_outstanding") for lead in leads)
    running.run_due("ghl")
    (stored,) = vendors.sandbox.state("ghl")["contacts"]
    assert stored["email"] == "office@acme.example"
    first, second = Handover.objects.order_by("pk")
    assert (first.status, first.error_kind) == ("done", "")
    assert (second.status, second.error_kind) != ("done", "")


def test_a_lost_hand_over_whose_notice_went_out_holds_an_erasure_up_until_it_is_looked_for(vendors):
    lead = LeadFactory(email_work="ada@acme.example")
    later = timezone.now() + DAY
    Handover.objects.create(
        lead=lead, system="ghl", status="unknown", error_kind="notice_outstanding", not_before=later
    )
    assert not restriction.being_delivered([lead.pk], "ghl")
    LeadSource().mark_notified([f"lead:{lead.pk}"], timezone.now())
    assert restriction.being_delivered([lead.pk], "ghl")
    assert Handover.objects.get().not_before <= timezone.now()


def test_a_notice_names_where_the_data_are_from_and_what_they_are(db):
    lead = LeadFactory(first_name="Ada", email_work="ada@acme.example", source_name="Gong.io")
    person = LeadSource().recipient(f"lead:{lead.pk}")
    assert person is not None
    _, text = wording.render(wording.template(), person)
    assert "Ada" in text
    assert "Gong.io" in text
    LeadSource().mark_notified([f"lead:{lead.pk}"], timezone.now())
    assert LeadSource().recipient(f"lead:{lead.pk}") is None
    assert LeadSource().count_unnotified() == 0


def test_who_can_be_written_to_comes_page_by_page_the_oldest_first_and_each_once(db):
    at = timezone.now() - 3 * DAY
    same = [LeadFactory(email_work=f"p{n}@acme.example", email_personal="", scraped_at=at) for n in range(3)]
    older = LeadFactory(email_work="", email_personal="own@home.example", scraped_at=at - DAY)
    LeadFactory(email_work="", email_personal="")
    LeadFactory(email_work="told@acme.example", notified_at=timezone.now())
    waiting = LeadFactory(email_work="waits@acme.example")
    Notice.objects.create(
        store="mirror", key=f"lead:{waiting.pk}", key_hash="h", template=wording.template(), channel="email",
        due_on=timezone.localdate(),
    )  # fmt: skip
    source, keys, after = LeadSource(), [], ""
    for _ in range(9):
        people, after = source.reachable(after=after, limit=2)
        keys += [person.key for person in people]
        if not after:
            break
    assert keys == [f"lead:{lead.pk}" for lead in (older, *same)]
    assert source.count_reachable() == 4


def test_a_restored_database_forgets_again(vendors):
    everywhere()
    neighbour = LeadFactory()
    gate.suppress(IDENTITY, reason="erasure")
    first = replay.run(for_real=True)
    assert first.suppressed == 1
    assert first.not_erased == []
    assert list(Lead.objects.all()) == [neighbour]
    assert replay.run(for_real=True).suppressed == 0


def test_the_queue_goes_by_due_date_along_its_index_and_its_figure_counts_the_same(db, django_assert_max_num_queries):
    now = timezone.now()
    fresh = LeadFactory(scraped_at=now - DAY)
    used = LeadFactory(scraped_at=now - 2 * DAY, first_disclosed_at=now - DAY)
    old = LeadFactory(scraped_at=now - 40 * DAY)
    LeadFactory(scraped_at=now - 50 * DAY, notified_at=now)
    LeadFactory(scraped_at=now - 50 * DAY, restriction="restricted")
    source = LeadSource()
    assert [person.key for person in source.unnotified(limit=9)] == [f"lead:{each.pk}" for each in (old, used, fresh)]
    assert source.count_late(collected_before=now - 31 * DAY, used_before=now) == 2
    assert source.count_late(collected_before=now - 31 * DAY, used_before=now - 2 * DAY) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
        plan = source_module._by_due(source_module._untold())[:100].explain()
        cursor.execute("RESET enable_seqscan; RESET enable_sort")
    assert "lead_by_notice_due" in plan


def test_the_first_delivery_of_all_is_remembered_with_the_lead(vendors):
    lead = LeadFactory(
        email_work="ada@acme.example",
        email_personal="",
        phone="",
        enrichment_status="completed",
        icp_tier=3,
    )
    planning.plan_deliveries(lead)
    running.run_due("ghl")
    lead.refresh_from_db()
    first = lead.first_disclosed_at
    assert abs(first - lead.disclosures.get().occurred_at) < datetime.timedelta(seconds=5)
    [person] = LeadSource().unnotified(limit=9)
    assert person.first_use_at == first
    lead.title = "Somebody else"
    lead.save()
    planning.plan_deliveries(lead)
    running.run_due("ghl")
    lead.refresh_from_db()
    assert (lead.disclosures.count(), lead.first_disclosed_at) == (2, first)
