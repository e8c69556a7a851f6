"""Who is owed a notice, what it says, and who got it another way."""

import datetime

import pytest
from django.utils import timezone

from gdpr.data_subjects import UnnotifiedPerson
from gdpr.identity import Identity
from gdpr.models import AuditEvent, MessageTemplate, Notice
from gdpr.notices import notices, wording
from gdpr.states import MessageStatus
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed

DAY = datetime.timedelta(days=1)
pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_the_figure_counts_by_the_very_rule_of_the_due_date(settings, monkeypatch, zone):
    """Every day of three years against every collection in the ten weeks before it, months' ends and leap day too."""
    settings.COMPLIANCE_TIME_ZONE = zone
    day = datetime.timedelta(days=1)
    for n in range(3 * 366):
        on = datetime.date(2023, 12, 20) + n * day
        collected_before, used_before = notices.late_before(on)
        for age in (*range(26, 36), 60, 70):
            for hour in (0, 8, 16, 23):
                at = datetime.datetime.combine(on - age * day, datetime.time(hour, 30), datetime.UTC)
                due = notices.due_date(UnnotifiedPerson("1", at, None, "", {}))
                assert (at < collected_before) is (due < on), (on, at)
                due = notices.due_date(UnnotifiedPerson("1", at, at + 20 * day, "", {}))
                assert (at < collected_before or at + 20 * day < used_before) is (due < on), (on, at)


def test_who_was_delivered_untold_is_late_the_day_after(source):
    now = timezone.now()
    source.add("1", collected=now - 3 * DAY, used=now - 2 * DAY)
    source.add("2", collected=now - 3 * DAY, used=now)
    source.add("3", collected=now - 3 * DAY)
    assert notices.figures()["late"] == 1
    assert [queued.person.key for queued in notices.queue()] == ["1", "2", "3"]
    assert [queued.days < 0 for queued in notices.queue()] == [True, False, False]
    [alert] = notices.overdue_alerts()
    assert alert.sentence.startswith("1 person has not been notified in time (Art. 14)")


def test_another_tool_gets_the_texts_and_it_is_recorded(untold, officer):
    rows = list(notices.export_rows(limit=10, by=officer))
    assert [row[0] for row in rows] == ["ada@x.example", "bob@x.example"]
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.COPIED, "")}
    assert list(notices.export_rows(limit=10, by=officer)) == []
    assert AuditEvent.objects.filter(verb="export_notices").order_by("id")[0].counts == {"people": 2}


def test_an_export_goes_page_by_page_each_with_its_event_and_stops_at_the_limit(source, officer, monkeypatch):
    monkeypatch.setattr(notices, "EXPORTED_AT_ONCE", 2)
    for number in range(7):
        source.add(str(number), mail=f"p{number}@x.example")
    gate.suppress(Identity(emails=("p1@x.example",)), reason="objection")
    rows = list(notices.export_rows(limit=4, by=officer))
    assert [row[0] for row in rows] == [f"p{number}@x.example" for number in (0, 2, 3, 4)]
    assert sorted(source.told) == ["0", "2", "3", "4"]
    counts = [event.counts["people"] for event in AuditEvent.objects.filter(verb="export_notices")]
    assert sum(counts) == Notice.objects.count() == 4


def test_a_new_text_is_a_new_version_and_knows_its_values(officer):
    with pytest.raises(ActionNotAllowed, match=r"Unknown placeholder: \$surname"):
        wording.change_text(subject="Hello", body="Dear $surname", note="", by=officer)
    with pytest.raises(ActionNotAllowed, match="a subject and a text"):
        wording.change_text(subject=" ", body="x", note="", by=officer)
    changed = wording.change_text(subject="Hello $first_name", body="We hold $fields.", note="shorter", by=officer)
    assert (changed.number, wording.template()) == (2, changed)
    assert MessageTemplate.objects.filter(slug=wording.SLUG).count() == 2
