"""Who is owed a notice, what it says, and who got it another way."""

import datetime

import pytest
from django.utils import timezone

from gdpr.data_subjects import UnnotifiedPerson
from gdpr.models import MessageTemplate
from gdpr.notices import notices, wording
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


def test_a_new_text_is_a_new_version_and_knows_its_values(officer):
    with pytest.raises(ActionNotAllowed, match=r"Unknown placeholder: \$surname"):
        wording.change_text(subject="Hello", body="Dear $surname", note="", by=officer)
    with pytest.raises(ActionNotAllowed, match="a subject and a text"):
        wording.change_text(subject=" ", body="x", note="", by=officer)
    body = wording.BODY.replace("Hello $first_name,", "Dear $first_name,")
    changed = wording.change_text(subject="Hello $first_name", body=body, note="more polite", by=officer)
    assert (changed.number, wording.template()) == (2, changed)
    assert MessageTemplate.objects.filter(slug=wording.SLUG).count() == 2


@pytest.mark.parametrize("name", sorted(wording.FLOOR))
def test_a_text_that_leaves_out_what_the_law_asks_for_is_not_published_and_not_sent(officer, name):
    body = wording.BODY.replace(f"${name}", "something")
    with pytest.raises(ActionNotAllowed, match=rf"Art. 14 requires more than this text says. Add \${name}: "):
        wording.change_text(subject="Hello", body=body, note="", by=officer)
    text = wording.template()
    MessageTemplate.objects.create(slug=wording.SLUG, number=2, subject=text.subject, body=body)
    with pytest.raises(ActionNotAllowed, match=rf"\${name}: "):
        notices.send(limit=1, by=officer)


@pytest.mark.parametrize("apart", ["Note: $objection", "$objection\n$rights", "$objection $rights"])
def test_the_objection_stands_apart_from_everything_else(officer, apart):
    body = wording.BODY.replace("$objection", apart)
    with pytest.raises(ActionNotAllowed, match="paragraph of its own"):
        wording.change_text(subject="Hello", body=body, note="", by=officer)
    windows = wording.BODY.replace("\n", "\r\n")
    assert wording.change_text(subject="Hello", body=windows, note="", by=officer).number == 2


def test_the_first_text_says_everything_and_each_value_has_words(settings):
    assert wording.below_floor(wording.BODY) == []
    settings.CONTROLLER_NAME, settings.CONTROLLER_CONTACT = "Swarm", "privacy@swarm.example"
    person = UnnotifiedPerson(
        "1",
        timezone.now(),
        None,
        "",
        {"first_name": "Ada", "source": "Fair", "fields": "name", "collected_on": "today"},
    )
    _, text = wording.render(wording.template(), person)
    assert "$" not in text
    assert all(wording.floor_values().values())
