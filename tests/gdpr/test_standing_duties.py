"""Retention, notices and replay, over stores and a source of the tests' own."""

import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from gdpr import compliance_alerts, data_subjects, stores
from gdpr.data_subjects import RetainedRecord, UnnotifiedPerson
from gdpr.identity import Identity
from gdpr.models import AuditEvent, LegalHold, MessageTemplate, Notice, NoticeRun, Purge, PurgeRecord
from gdpr.notices import delivery as notice_delivery
from gdpr.notices import notices
from gdpr.notices import runs as notice_runs
from gdpr.requests import legal_holds
from gdpr.retention import replay, retention
from gdpr.states import MessageStatus, PurgeStatus, RemovalStatus
from gdpr.stores import Capability, Record, RetryLater, Unsupported
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.plugins import mail_server as servers

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


class Place:
    """A store whose records are a set of keys."""

    recoverable_days = 0

    def __init__(self, name, order, keys=()):
        self.name, self.label, self.order, self.is_recipient = name, name.title(), order, order < 90
        self.keys = set(keys)
        self.fault = None
        self.deaf = False

    def capabilities(self):
        return frozenset(Capability)

    def erase(self, record):
        if self.fault:
            raise self.fault
        if not self.deaf:
            self.keys.discard(record.key)

    def verify_absent(self, record):
        return record.key not in self.keys

    def instructions(self, capability, record):
        return f"Remove {record.key} by hand."


class People:
    """A source of people with a record at home and one outside."""

    store = "home"

    def __init__(self, home):
        self.home = home
        self.until = {}
        self.told = {}
        self.mails = {}

    def add(self, key, *, until=None, collected=None, mail=""):
        self.home.keys.add(key)
        self.until[key] = until or timezone.now() + 400 * DAY
        self.mails[key] = (collected or timezone.now(), mail)

    def _kept(self, key):
        return RetainedRecord(Record("home", key), self.until[key], (Record("crm", f"c{key}"),))

    def retained_record(self, key):
        return self._kept(key) if key in self.home.keys else None

    def expiring(self, until, *, limit):
        open_keys = set(Purge.objects.exclude(status=PurgeStatus.DONE).values_list("key", flat=True))
        ended = [key for key, end in sorted(self.until.items()) if end <= until and key in self.home.keys]
        return [self._kept(key) for key in ended if key not in open_keys][:limit]

    def expiring_by_day(self, since, until):
        days = [end.date() for end in self.until.values() if since < end <= until]
        return {day: days.count(day) for day in days}

    def everyone(self, size):
        yield [(self._kept(key), Identity(emails=(self.mails[key][1],))) for key in sorted(self.home.keys)]

    def _person(self, key):
        collected, mail = self.mails[key]
        return UnnotifiedPerson(
            key, collected, None, mail, {"first_name": "Ada\nBcc: x", "source": "Fair", "fields": "name"}
        )

    def unnotified(self, *, collected_before, limit):
        found = [key for key in sorted(self.mails) if key not in self.told and key in self.home.keys]
        return [o for o in map(self._person, found) if not collected_before or o.collected_at < collected_before][
            :limit
        ]

    def count_unnotified(self, collected_before):
        return len(self.unnotified(collected_before=collected_before, limit=10**6))

    def reachable(self, *, after, limit):
        under_way = set(Notice.objects.exclude(key="").values_list("key", flat=True))
        found = [o for o in self.unnotified(collected_before=None, limit=10**6) if o.email and o.key not in under_way]
        page = [o for o in found if o.key > after][:limit]
        return page, page[-1].key if len(page) == limit else ""

    def count_reachable(self):
        return len(self.reachable(after="", limit=10**6)[0])

    def recipient(self, key):
        return None if key in self.told or key not in self.home.keys else self._person(key)

    def mark_notified(self, keys, at):
        self.told |= dict.fromkeys(keys, at)


@pytest.fixture
def crm(monkeypatch):
    monkeypatch.setattr(stores, "_stores", {})
    monkeypatch.setattr(data_subjects, "_sources", {})
    crm = Place("crm", 10)
    stores.register(crm)
    return crm


@pytest.fixture
def people(crm):
    home = Place("home", 90)
    stores.register(home)
    people = People(home)
    data_subjects.register(people)
    return people


@pytest.fixture
def expired(people, crm):
    people.add("7", until=timezone.now() - DAY)
    people.add("8", until=timezone.now() + 2 * DAY)
    crm.keys = {"c7", "c8"}
    return people


def purge_now():
    Purge.objects.update(not_before=timezone.now())
    retention.queue_expired()
    retention.run_due()


# ---------------------------------------------------------------- retention


def test_what_has_ended_is_removed_everywhere_and_the_neighbour_stays(expired, crm):
    purge_now()
    assert (expired.home.keys, crm.keys) == ({"8"}, {"c8"})
    purge = Purge.objects.get()
    assert (purge.status, purge.key) == (PurgeStatus.DONE, "")
    assert set(purge.records.values_list("key", flat=True)) == {""}
    event = AuditEvent.objects.get(verb="purge")
    assert (event.object_id, event.counts) == (purge.key_hash, {"records": 2})


def test_the_coming_week_is_told_day_by_day(expired):
    told = retention.expiring_by_day()
    assert len(told) == 8
    assert dict(told)[(timezone.now() + 2 * DAY).date()] == 1
    assert sum(count for _, count in told) == 1


def test_a_held_record_is_kept_until_the_hold_is_lifted(expired, crm):
    hold = LegalHold.objects.create(store="crm", key="c7", reason="a dispute", review_on=timezone.now().date() + DAY)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.HELD
    assert "7" in expired.home.keys
    legal_holds.lift(hold, reason="Settled by now", by=None)
    lifted = Purge.objects.get()
    assert (lifted.status, lifted.hold_lifted_at is not None) == (PurgeStatus.PLANNED, True)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_a_system_that_is_down_is_tried_again_and_ours_waits_for_it(expired, crm):
    crm.fault = RetryLater("It is down", timezone.now() + datetime.timedelta(hours=1))
    purge_now()
    purge = Purge.objects.get()
    assert (purge.status, purge.error_message, purge.tries) == (PurgeStatus.PLANNED, "It is down", 1)
    assert purge.not_before == crm.fault.not_before
    assert "7" in expired.home.keys
    crm.fault = None
    purge_now()
    assert "7" not in expired.home.keys


def test_what_cannot_be_deleted_by_call_is_a_persons_and_never_counts_as_done(expired, crm, django_user_model):
    crm.fault = Unsupported(Capability.ERASE)
    purge_now()
    record = PurgeRecord.objects.get(store="crm")
    assert (record.status, record.instructions) == (RemovalStatus.MANUAL, "Remove c7 by hand.")
    assert Purge.objects.get().status == PurgeStatus.MANUAL
    assert "7" in expired.home.keys
    assert [alert.kind for alert in retention.overdue_alerts()] == ["purge_by_hand"]
    officer = django_user_model.objects.create_user("o")
    with pytest.raises(ActionNotAllowed, match="Enter proof of the removal"):
        retention.complete_by_hand(record, evidence=" ", by=officer)
    retention.complete_by_hand(record, evidence="Ticket 12, screenshot kept", by=officer)
    with pytest.raises(ActionNotAllowed):
        retention.complete_by_hand(record, evidence="Ticket 12, once more", by=officer)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.DONE
    assert "7" not in expired.home.keys


def test_a_deletion_without_effect_is_read_back_tried_again_and_then_a_persons(expired, crm, django_user_model):
    crm.deaf = True
    for _ in range(3):
        assert Purge.objects.filter(status=PurgeStatus.MANUAL).count() == 0
        purge_now()
    purge = Purge.objects.get()
    assert purge.status == PurgeStatus.MANUAL
    crm.deaf = False
    retention.retry(purge, by=django_user_model.objects.create_user("o"))
    purge_now()
    assert (crm.keys, Purge.objects.get().status) == ({"c8"}, PurgeStatus.DONE)


def test_a_fault_of_ours_names_nobody_and_is_tried_again(expired, crm):
    crm.fault = ValueError("ada@x.example")
    purge_now()
    assert Purge.objects.get().error_message == "ValueError in crm"


def test_what_a_killed_worker_held_is_taken_again(expired, settings):
    retention.queue_expired()
    old = timezone.now() - datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
    Purge.objects.update(status=PurgeStatus.IN_FLIGHT, in_flight_since=old)
    retention.run_due()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_a_worker_killed_between_the_deletion_and_its_record_harms_nothing(expired, crm):
    retention.queue_expired()
    crm.keys.discard("c7")  # it was deleted; nobody wrote it down
    retention.run_due()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_what_is_late_is_told_to_the_listeners(expired, crm):
    compliance_alerts.register_check(retention.overdue_alerts)
    crm.fault = RetryLater("It is down")
    purge_now()
    Purge.objects.update(created_at=timezone.now() - 2 * DAY)
    assert "purge_late" in [alert.kind for alert in compliance_alerts.current()]


# ---------------------------------------------------------------- notices


@pytest.fixture
def officer(django_user_model):
    return django_user_model.objects.create_user("officer")


@pytest.fixture
def untold(people):
    people.add("1", collected=timezone.now() - 40 * DAY, mail="ada@x.example")
    people.add("2", collected=timezone.now() - DAY, mail="bob@x.example")
    people.add("3", collected=timezone.now() - DAY)
    return people


def test_a_notice_is_due_a_month_after_collection_or_at_first_use():
    at = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)
    used = datetime.datetime(2026, 2, 10, 12, tzinfo=datetime.UTC)
    assert notices.due_date(UnnotifiedPerson("1", at, None, "", {})) == datetime.date(2026, 2, 28)
    assert notices.due_date(UnnotifiedPerson("1", at, used, "", {})) == datetime.date(2026, 2, 10)


def test_the_queue_tells_who_is_owed_and_who_is_late(untold):
    assert [queued.person.key for queued in notices.queue()] == ["1", "2", "3"]
    assert notices.queue()[0].days < 0
    assert {k: v for k, v in notices.figures().items() if v} == {"owed": 3, "late": 1}
    assert [alert.kind for alert in notices.overdue_alerts()] == ["notices_late"]


def queue(limit, officer):
    """The run of a press on "Send", at its end."""
    run = notices.send(limit=limit, by=officer)
    notice_runs.run_due()
    run.refresh_from_db()
    assert run.finished_at
    return run


def test_sending_tells_each_person_once_and_keeps_no_address(untold, officer, mailoutbox):
    assert queue(10, officer).queued == 2
    assert queue(10, officer).queued == 0
    notice_delivery.run_due()
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ada@x.example", "bob@x.example"]
    assert "\n" not in mailoutbox[0].subject
    assert "Fair" in mailoutbox[0].body
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.SENT, "")}
    assert not any("x.example" in str(row) for row in Notice.objects.values())


def test_a_mail_server_that_is_down_is_tried_again_then_shown(untold, officer, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    queue(1, officer)
    for _ in range(settings.MAX_ATTEMPTS):
        Notice.objects.update(not_before=timezone.now())
        notice_delivery.run_due()
    failed = Notice.objects.get()
    assert (failed.status, failed.error_message) == (MessageStatus.FAILED, "ConnectionRefusedError")
    assert not untold.told
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notices.retry(MessageStatus.FAILED, by=officer) == 1
    notice_delivery.run_due()
    assert set(untold.told) == {"1"}


def test_who_is_erased_meanwhile_is_not_written_to(untold, officer, mailoutbox):
    queue(1, officer)
    untold.home.keys.discard("1")
    notice_delivery.run_due()
    assert not mailoutbox
    assert not Notice.objects.exists()


def test_another_tool_gets_the_texts_and_it_is_recorded(untold, officer):
    rows = list(notices.export_rows(limit=10, by=officer))
    assert [row[0] for row in rows] == ["ada@x.example", "bob@x.example"]
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.COPIED, "")}
    assert list(notices.export_rows(limit=10, by=officer)) == []
    assert AuditEvent.objects.filter(verb="export_notices").order_by("id")[0].counts == {"people": 2}


def test_an_export_goes_page_by_page_each_with_its_event_and_stops_at_the_limit(people, officer, monkeypatch):
    monkeypatch.setattr(notices, "EXPORTED_AT_ONCE", 2)
    for number in range(7):
        people.add(str(number), mail=f"p{number}@x.example")
    gate.suppress(Identity(emails=("p1@x.example",)), reason="objection")
    rows = list(notices.export_rows(limit=4, by=officer))
    assert [row[0] for row in rows] == [f"p{number}@x.example" for number in (0, 2, 3, 4)]
    assert sorted(people.told) == ["0", "2", "3", "4"]
    counts = [event.counts["people"] for event in AuditEvent.objects.filter(verb="export_notices")]
    assert sum(counts) == Notice.objects.count() == 4


def test_a_new_text_is_a_new_version_and_knows_its_values(officer):
    with pytest.raises(ActionNotAllowed, match=r"Unknown placeholder: \$surname"):
        notices.change_text(subject="Hello", body="Dear $surname", note="", by=officer)
    with pytest.raises(ActionNotAllowed, match="a subject and a text"):
        notices.change_text(subject=" ", body="x", note="", by=officer)
    changed = notices.change_text(subject="Hello $first_name", body="We hold $fields.", note="shorter", by=officer)
    assert (changed.number, notices.template()) == (2, changed)
    assert MessageTemplate.objects.filter(slug=notices.SLUG).count() == 2


def test_nothing_is_sent_that_names_nobody_responsible(untold, officer, settings):
    settings.CONTROLLER_CONTACT = ""
    with pytest.raises(ActionNotAllowed, match="CONTROLLER_CONTACT"):
        notices.send(limit=1, by=officer)


def test_by_setting_notices_go_out_by_themselves(untold, settings, mailoutbox):
    settings.NOTICE_AUTOMATIC = True
    notice_delivery.run_due()
    assert len(mailoutbox) == 2


@pytest.mark.parametrize("count", [3, 60])
def test_the_request_writes_as_many_statements_for_sixty_people_as_for_three(
    people, officer, count, django_assert_num_queries
):
    for number in range(count):
        people.add(f"{number:03}", mail=f"p{number}@x.example")
    notices.template()
    with django_assert_num_queries(5):  # is one open? begin, the run, its event, end
        notices.send(limit=100, by=officer)
    assert not Notice.objects.exists()


def test_a_run_goes_page_by_page_past_the_blocked_and_says_how_many(people, officer, monkeypatch):
    monkeypatch.setattr(notice_runs, "PAGE", 2)
    for number in range(7):
        people.add(str(number), mail=f"p{number}@x.example")
    for number in (0, 1, 2):
        gate.suppress(Identity(emails=(f"p{number}@x.example",)), reason="objection")
    run = queue(3, officer)
    assert (run.queued, run.left_out) == (3, 3)
    assert sorted(Notice.objects.values_list("key", flat=True)) == ["3", "4", "5"]
    told = AuditEvent.objects.filter(object_type="noticerun").order_by("id").values_list("verb", "counts")
    assert list(told) == [
        ("send_notices", {"at_most": 3}),
        ("queue_notices", {"people": 3, "left_out": 3}),
    ]


def test_while_notices_are_queued_nobody_begins_again(untold, officer):
    notices.send(limit=5, by=officer)
    with pytest.raises(ActionNotAllowed, match="Queuing notices: 0 of up to 5"):
        notices.send(limit=5, by=officer)


def test_where_the_event_cannot_be_written_nothing_is_sent(untold, officer, monkeypatch):
    monkeypatch.setattr(notices.audit, "record", lambda *args, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        notices.send(limit=5, by=officer)
    assert not NoticeRun.objects.exists()


def test_a_server_that_takes_a_notice_and_hangs_gets_it_once_and_staff_decide(untold, officer, mail_server):
    server = mail_server(servers.DATA)
    queue(2, officer)
    for _ in range(4):
        Notice.objects.update(not_before=timezone.now())
        notice_delivery.run_due()
    assert len(server.mails) == 2
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.UNKNOWN}
    assert not untold.told
    assert notices.figures()["unknown"] == 2
    assert notices.mark_as_sent(by=officer) == 2
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.SENT, "")}


def test_unknown_ones_are_sent_again_where_staff_say_so(untold, officer, mail_server, settings, mailoutbox):
    mail_server(servers.DATA)
    queue(1, officer)
    notice_delivery.run_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notice_delivery.run_due() == 0
    assert notices.retry(MessageStatus.UNKNOWN, by=officer) == 1
    assert notice_delivery.run_due() == 1
    assert set(untold.told) == {"1"}


def test_a_killed_workers_notice_is_not_sent_again_by_itself(untold, officer, mailoutbox):
    queue(1, officer)
    notice_delivery._claim()
    Notice.objects.update(in_flight_since=timezone.now() - DAY)
    assert notice_delivery.run_due() == 0
    assert Notice.objects.get().status == MessageStatus.UNKNOWN
    assert mailoutbox == []


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.BANNER, servers.DRIPS])
def test_a_server_that_hangs_is_asked_once_a_turn(untold, officer, mail_server, behaviour):
    server = mail_server(behaviour)
    queue(2, officer)
    assert notice_delivery.run_due() == 0
    assert server.connections == 1
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.QUEUED}


def test_without_a_mail_server_nobody_counts_as_told_and_whoever_waits_can_be_exported(untold, officer, settings):
    queue(1, officer)
    notices.send(limit=5, by=officer)
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    assert notice_delivery.run_due() == 0
    assert not untold.told
    assert "EMAIL_URL" in NoticeRun.objects.order_by("-id")[0].note
    with pytest.raises(ActionNotAllowed, match="EMAIL_URL"):
        notices.send(limit=5, by=officer)
    assert len(list(notices.export_rows(limit=10, by=officer))) == 2
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.COPIED}


# ---------------------------------------------------------------- replay


def test_after_a_restore_everyone_on_the_list_is_erased_again(people, crm):
    people.add("1", mail="ada@x.example")
    people.add("2", mail="bob@x.example")
    crm.keys = {"c1", "c2"}
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    assert replay.run(for_real=False).found == 1
    assert people.home.keys == {"1", "2"}
    first = replay.run(for_real=True)
    assert (first.looked_at, first.found, first.erased, first.left) == (2, 1, 2, [])
    assert (people.home.keys, crm.keys) == ({"2"}, {"c2"})
    assert replay.run(for_real=True).found == 0


@pytest.mark.parametrize("fault", [RetryLater("It is down"), Unsupported(Capability.ERASE)])
def test_what_cannot_be_erased_now_is_told_and_ours_still_leads_there(people, crm, fault):
    people.add("1", mail="ada@x.example")
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    crm.fault = fault
    result = replay.run(for_real=True)
    assert len(result.left) == 1
    assert result.left[0].startswith("crm c1: ")
    assert people.home.keys == {"1"}


def test_a_held_record_survives_a_replay_and_an_objector_is_stopped_not_erased(people, crm):
    people.add("1", mail="ada@x.example")
    people.add("2", mail="bob@x.example")
    crm.keys = {"c1", "c2"}
    stopped = []
    crm.restrict = people.home.restrict = lambda record, ground: stopped.append((record.key, str(ground)))
    LegalHold.objects.create(store="crm", key="c1", reason="a dispute", review_on=timezone.now().date() + DAY)
    gate.suppress(Identity(emails=("ada@x.example",)), reason="erasure")
    gate.suppress(Identity(emails=("bob@x.example",)), reason="objection")
    result = replay.run(for_real=True)
    assert (result.held, result.erased, result.restricted, result.left) == (1, 0, 2, [])
    assert crm.keys == {"c1", "c2"}
    assert stopped == [("c2", "objection"), ("2", "objection")]


def test_one_record_that_cannot_be_erased_keeps_nobody_else_from_it(people, crm):
    for key in ("1", "2"):
        people.add(key, mail=f"{key}@x.example")
        gate.suppress(Identity(emails=(f"{key}@x.example",)), reason="erasure")
    crm.keys = {"c1", "c2"}
    erase = crm.erase

    def faulty(record):
        if record.key == "c1":
            raise ValueError("1@x.example")
        erase(record)

    crm.erase = faulty
    result = replay.run(for_real=True)
    assert result.left == ["crm c1: failed (ValueError)"]
    assert people.home.keys == {"1"}


def test_who_is_blocked_gets_no_notice(untold, officer, mailoutbox):
    gate.suppress(Identity(emails=("bob@x.example",)), reason="objection")
    run = queue(10, officer)
    assert (run.queued, run.left_out) == (1, 1)
    gate.suppress(Identity(emails=("ada@x.example",)), reason="objection")
    notice_delivery.run_due()
    assert not mailoutbox
