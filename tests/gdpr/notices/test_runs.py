"""The run that a press on "Send" begins: it queues notices page by page."""

import pytest
from django.db import transaction

from gdpr.identity import Identity
from gdpr.models import AuditEvent, Notice, NoticeRun
from gdpr.notices import notices, wording
from gdpr.notices import runs as notice_runs
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.notices.queueing import queue

pytestmark = pytest.mark.django_db


def test_nothing_is_sent_that_names_nobody_responsible(untold, officer, settings):
    settings.CONTROLLER_CONTACT = ""
    with pytest.raises(ActionNotAllowed, match="CONTROLLER_CONTACT"):
        notices.send(limit=1, by=officer)


@pytest.mark.parametrize("count", [3, 60])
def test_the_request_writes_as_many_statements_for_sixty_people_as_for_three(
    source, officer, count, django_assert_num_queries
):
    for number in range(count):
        source.add(f"{number:03}", mail=f"p{number}@x.example")
    wording.template()
    with django_assert_num_queries(6):  # the text, is one open? begin, the run, its event, end
        notices.send(limit=100, by=officer)
    assert not Notice.objects.exists()


def test_a_run_goes_page_by_page_past_the_blocked_and_says_how_many(source, officer, monkeypatch):
    monkeypatch.setattr(notice_runs, "PAGE", 2)
    for number in range(7):
        source.add(str(number), mail=f"p{number}@x.example")
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
