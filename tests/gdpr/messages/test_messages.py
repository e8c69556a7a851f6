"""Texts in versions, and messages that leave by e-mail or another way."""

import datetime
import email
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from gdpr import compliance_alerts
from gdpr.messages import defaults, send, templates, write
from gdpr.models import MessageTemplate, RequestMessage, SubjectRequest
from gdpr.requests import forget, message_actions, overdue
from swarm_admin.core import mail as core_mail
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk
from tests.plugins import mail_server as servers


@pytest.mark.parametrize("slug", defaults.DEFAULTS)
def test_every_text_we_begin_with_can_be_filled_in(slug: str):
    text = defaults.DEFAULTS[slug]
    templates.check(slug, text.subject, text.body)
    subject, body = templates.preview(text.subject, text.body)
    assert "$" not in subject + body
    assert "\n" not in subject


@pytest.mark.parametrize(
    ("slug", "subject", "body", "sentence"),
    [
        ("nonsense", "a", "b", "template doesn't exist"),
        ("refusal", "a", "", "subject and a body"),
        ("refusal", "a\nBcc: x@y.example", "$reasons $authority", "one line"),
        ("refusal", "a", "$reasons", r"required placeholder \$authority"),
        ("refusal", "a", "$reasons $authority $salary", r"Unknown placeholder: \$salary"),
        ("refusal", "a", "$reasons $authority 5 $", "dollar"),
        ("extension", "a", "$due", r"required placeholder \$reasons"),
    ],
)
def test_a_text_that_would_not_do_is_refused(slug: str, subject: str, body: str, sentence: str):
    with pytest.raises(ActionNotAllowed, match=sentence):
        templates.check(slug, subject, body)


def test_a_change_is_a_new_version_and_messages_keep_theirs(desk: Desk):
    request = desk.open("access")
    before = request.messages.get()
    changed = templates.new_version(
        "acknowledgement", subject="Got it", body="Hello $name", note="shorter", by=desk.officer
    )
    assert (changed.number, before.template.number) == (2, 1)
    assert desk.open("access").messages.get().body == "Hello Ada"
    assert RequestMessage.objects.get(pk=before.pk).template.number == 1
    assert MessageTemplate.objects.filter(slug="acknowledgement").count() == 2


def test_what_is_filled_in_is_never_filled_in_again(desk: Desk):
    request = desk.open("access", name="$authority ${due}\r\nBcc: x@y.example")
    message = request.messages.get()
    assert "$authority ${due}" in message.body
    assert "\n" not in message.subject


def test_a_message_leaves_once(desk: Desk):
    desk.open("access")
    assert send.run_due() == 1
    assert send.run_due() == 0
    assert [(sent.to, sent.subject) for sent in mail.outbox] == [
        (["ada@home.example"], RequestMessage.objects.get().subject)
    ]
    message = RequestMessage.objects.get()
    assert message.status == "sent"
    with pytest.raises(ActionNotAllowed, match="already e-mailed or is being e-mailed"):
        message_actions.mark_copied(message, by=desk.officer)


def test_a_mail_server_that_refuses_is_tried_again_and_then_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    desk.open("access")

    def refuse(self: Any) -> None:
        raise OSError("ada@home.example refused")

    monkeypatch.setattr(mail.EmailMessage, "send", refuse)
    for _ in range(send.TRIES):
        RequestMessage.objects.update(not_before=timezone.now())
        send.run_due()
    message = RequestMessage.objects.get()
    assert (message.status, message.tries) == ("failed", send.TRIES)
    assert "ada@" not in message.error_message + caplog.text
    monkeypatch.undo()


def lapse() -> None:
    """Whoever sends now was killed long ago, and every wait is over."""
    old = timezone.now() - datetime.timedelta(days=1)
    RequestMessage.objects.filter(status="sending").update(in_flight_since=old)
    send._requeue_lapsed()
    RequestMessage.objects.update(not_before=timezone.now())


def test_a_killed_workers_message_is_sent_once_more_under_the_same_id_and_then_a_persons(desk: Desk):
    desk.open("access")
    send._claim()
    assert send.run_due() == 0
    lapse()
    assert "once more" in RequestMessage.objects.get().error_message
    send._claim()
    lapse()
    message = RequestMessage.objects.get()
    assert (message.status, message.unknowns) == ("unknown", 2)
    assert send.run_due() == 0
    assert mail.outbox == []
    assert [alert.kind for alert in compliance_alerts.current()] == [overdue.LETTER_UNSENT]


def unknown_answer(desk: Desk, mail_server: Any) -> Any:
    """A restriction whose answer the mail server took twice without a word."""
    request, server = desk.identified("restriction"), mail_server(servers.DATA)
    for _ in range(10):
        RequestMessage.objects.update(not_before=timezone.now())
        request = desk.tell_partner(desk.work(request, rounds=1))
    return request, server


def test_a_server_that_takes_a_letter_and_hangs_gets_it_twice_and_no_more(desk: Desk, mail_server: Any):
    request, server = unknown_answer(desk, mail_server)
    answer = write.newest(request, "completion")
    assert answer is not None
    assert answer.status == "unknown"
    ids = [email.message_from_string(text)["Message-ID"] for text in server.mails]
    assert [ids.count(own) for own in set(ids)] == [2] * len(set(ids))
    assert (request.status, "Delivery is unconfirmed" in request.steps.get(action="answer").instructions) == (
        "needs_action",
        True,
    )


@pytest.mark.parametrize(
    ("decide", "status"),
    [(message_actions.mark_arrived, "sent"), (message_actions.mark_copied, "copied"), (message_actions.send, "sent")],
)
def test_of_an_unknown_letter_a_person_decides(desk: Desk, mail_server: Any, settings: Any, decide: Any, status: str):
    request, _ = unknown_answer(desk, mail_server)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    answer = write.newest(request, "completion")
    assert answer is not None
    decide(answer, by=desk.officer)
    request = desk.work(request)
    answer.refresh_from_db()
    assert (answer.status, request.status) == (status, "completed")
    with pytest.raises(ActionNotAllowed, match="already confirmed"):
        message_actions.mark_arrived(answer, by=desk.officer)


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.BANNER, servers.DRIPS])
def test_a_server_that_hangs_is_asked_once_a_turn_and_the_letters_wait(desk: Desk, mail_server: Any, behaviour: str):
    for _ in range(3):
        desk.open("access")
    server = mail_server(behaviour)
    assert send.run_due() == 1
    assert server.connections == 1
    assert set(RequestMessage.objects.values_list("status", flat=True)) == {"queued"}


def test_a_refused_mailbox_keeps_no_other_letter_waiting(desk: Desk, mail_server: Any):
    for _ in range(2):
        desk.open("access")
    server = mail_server(servers.REFUSES)
    assert send.run_due() == 2
    assert server.connections == 2


def test_letters_that_wait_when_the_mail_server_is_taken_away_are_a_persons(desk: Desk, settings: Any):
    message = desk.open("access").messages.get()
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    assert send.run_due() == 0
    message.refresh_from_db()
    assert (message.status, "EMAIL_URL" in message.error_message) == ("draft", True)
    message_actions.mark_copied(message, by=desk.officer)


def test_a_letter_that_has_not_reached_the_person_is_not_blanked(desk: Desk):
    request = desk.finished("restriction")
    SubjectRequest.objects.update(forget_after=timezone.now())
    for status in ("failed", "unknown"):
        RequestMessage.objects.filter(template__slug="acknowledgement").update(status=status)
        assert forget.run_due() == 0
    RequestMessage.objects.update(status="sent")
    assert forget.run_due() == 1
    assert request.messages.filter(body="").count() == 2


def test_without_an_address_a_person_sends_it(desk: Desk):
    message = desk.open("access", contact_email=None).messages.get()
    with pytest.raises(ActionNotAllowed, match="No e-mail address"):
        message_actions.send(message, by=desk.officer)
    message = message_actions.mark_copied(message, by=desk.officer)
    assert (message.status, message.sent_by) == ("copied", desk.officer)


def test_a_request_whose_answer_fails_waits_for_a_person_and_ends_with_the_letter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(send, "TRIES", 1)
    monkeypatch.setattr(mail.EmailMessage, "send", lambda self: 1 / 0)
    request = desk.work(desk.tell_partner(desk.work(desk.identified("restriction"))))
    assert request.status == "needs_action"
    step = request.steps.get(action="answer")
    assert "rejected the message" in step.instructions
    message_actions.mark_copied(write.newest(request, "completion"), by=desk.officer)
    assert desk.work(request).status == "completed"


@pytest.mark.parametrize("name", ["console", "dummy", "filebased"])
def test_what_would_only_be_printed_filed_or_dropped_is_not_taken_for_sent(desk: Desk, settings: Any, name: str):
    settings.MODE, settings.EMAIL_BACKEND = "production", f"django.core.mail.backends.{name}.EmailBackend"
    message = desk.open("access").messages.get()
    assert (message.status, message.error_message) == ("draft", core_mail.why_not())
    with pytest.raises(ActionNotAllowed, match="E-mail isn't set up"):
        message_actions.send(message, by=desk.officer)
    message_actions.mark_copied(message, by=desk.officer)
    message.refresh_from_db()
    assert message.status == "copied"


NO_ADDRESS, NO_SERVER = "No e-mail address on file for this person", "o mail server is set up"


@pytest.mark.parametrize(
    ("address", "server", "said", "unsaid"),
    [
        (None, True, NO_ADDRESS, NO_SERVER),
        ("ada@home.example", False, NO_SERVER, NO_ADDRESS),
        (None, False, f"{NO_ADDRESS} and n{NO_SERVER}.", "or no"),
    ],
)
def test_why_a_letter_is_a_persons_is_said_as_it_is(
    desk: Desk, settings: Any, address: str | None, server: bool, said: str, unsaid: str
):
    request = desk.identified("restriction", contact_email=address)
    if not server:
        settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    request = desk.work(desk.tell_partner(desk.work(request)))
    step = request.steps.get(action="answer")
    assert step.status == "manual"
    assert said in step.instructions
    assert unsaid not in step.instructions


def test_a_letter_is_not_said_to_be_unsent_where_nobody_knows(desk: Desk):
    message = desk.open("access").messages.get()
    told = {}
    for status in ("failed", "unknown"):
        RequestMessage.objects.filter(pk=message.pk).update(status=status)
        told[status] = [alert.sentence for alert in compliance_alerts.current() if alert.kind == overdue.LETTER_UNSENT]
    reference = message.request.reference
    assert told == {
        "failed": [f"A message for {reference} hasn't been sent."],
        "unknown": [f"Delivery of a message for {reference} is unconfirmed."],
    }
