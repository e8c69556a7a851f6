"""Whom another tool writes to: exported is not told until staff say that it was sent."""

import datetime

import pytest
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.models import AuditEvent, Notice, NoticeRun
from gdpr.notices import delivery, exports, notices
from gdpr.states import MessageStatus
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed

pytestmark = pytest.mark.django_db
MINUTE = datetime.timedelta(minutes=1)


def export(officer) -> NoticeRun:
    assert len(list(exports.rows(limit=10, by=officer))) == 2
    return NoticeRun.objects.get(channel="export")


def test_another_tool_gets_the_texts_and_nobody_is_told_by_that(untold, officer):
    rows = list(exports.rows(limit=10, by=officer))
    assert [row[0] for row in rows] == ["ada@x.example", "bob@x.example"]
    assert untold.told == {}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.GIVEN, "1"), (MessageStatus.GIVEN, "2")}
    assert list(exports.rows(limit=10, by=officer)) == []  # they are under way
    assert AuditEvent.objects.filter(verb="export_notices").order_by("id")[0].counts == {"people": 2}
    assert notices.figures()["owed"] == 3
    assert delivery.run_due() == 0
    assert untold.told == {}


def test_confirmed_they_count_as_told_when_it_was_sent(untold, officer, client):
    run = export(officer)
    NoticeRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - 9 * MINUTE)
    run.refresh_from_db()
    [waiting] = exports.waiting()
    assert (waiting, waiting.people) == (run, 2)
    for wrong in (timezone.now() + MINUTE, run.created_at - MINUTE):
        with pytest.raises(ActionNotAllowed, match="can't be"):
            exports.confirm(run, sent_at=wrong, by=officer)
    sent = timezone.now() - 5 * MINUTE
    exports.confirm(run, sent_at=sent, by=officer)
    with pytest.raises(ActionNotAllowed, match="already"):
        exports.give_back(run, by=officer)
    delivery.run_due()
    assert untold.told == {"1": sent, "2": sent}
    assert set(Notice.objects.values_list("status", "key", "sent_at")) == {(MessageStatus.COPIED, "", sent)}
    assert not exports.waiting()
    [event] = AuditEvent.objects.filter(verb="confirm_notices")
    assert (event.counts, event.reason) == ({"people": 2}, "export")


def test_what_was_not_sent_goes_back_into_the_queue(untold, officer):
    exports.give_back(export(officer), by=officer)
    delivery.run_due()
    assert untold.told == {}
    assert not Notice.objects.exists()
    assert len(list(exports.rows(limit=10, by=officer))) == 2


def test_a_decision_is_carried_out_a_page_at_a_time(source, officer, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    for number in range(5):
        source.add(str(number), mail=f"p{number}@x.example")
    assert len(list(exports.rows(limit=9, by=officer))) == 5
    exports.confirm(NoticeRun.objects.get(), sent_at=timezone.now(), by=officer)
    assert exports.run_due() == 5
    assert len(source.told) == 5


def test_an_export_goes_page_by_page_each_with_its_event_and_stops_at_the_limit(source, officer, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    for number in range(7):
        source.add(str(number), mail=f"p{number}@x.example")
    gate.suppress(Identity(emails=("p1@x.example",)), reason="objection")
    rows = list(exports.rows(limit=4, by=officer))
    assert [row[0] for row in rows] == [f"p{number}@x.example" for number in (0, 2, 3, 4)]
    counts = [event.counts["people"] for event in AuditEvent.objects.filter(verb="export_notices")]
    assert sum(counts) == Notice.objects.count() == NoticeRun.objects.get().queued == 4


def test_an_export_does_not_stand_in_the_way_of_sending(untold, officer):
    export(officer)
    notices.send(limit=10, by=officer)
    assert notices.open_run() is not None
