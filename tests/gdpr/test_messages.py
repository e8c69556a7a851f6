"""Texts in versions, and messages that leave by e-mail or another way."""

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from gdpr.messages import defaults, send, templates, write
from gdpr.models import MessageTemplate, RequestMessage
from gdpr.possible import NotPossible
from tests.gdpr.conftest import Desk


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
        ("nonsense", "a", "b", "no such text"),
        ("refusal", "a", "", "subject and a body"),
        ("refusal", "a\nBcc: x@y.example", "$reasons $authority", "one line"),
        ("refusal", "a", "$reasons", r"contain \$authority"),
        ("refusal", "a", "$reasons $authority $salary", r"no placeholder \$salary"),
        ("refusal", "a", "$reasons $authority 5 $", "dollar"),
        ("extension", "a", "$due", r"contain \$reasons"),
    ],
)
def test_a_text_that_would_not_do_is_refused(slug: str, subject: str, body: str, sentence: str):
    with pytest.raises(NotPossible, match=sentence):
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
    with pytest.raises(NotPossible, match="has left"):
        send.mark_copied(message, by=desk.officer)


def test_a_mail_server_that_refuses_is_tried_again_and_then_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    desk.open("access")

    def refuse(self: Any) -> None:
        raise OSError("ada@home.example refused")

    monkeypatch.setattr(send.EmailMessage, "send", refuse)
    for _ in range(send.TRIES):
        RequestMessage.objects.update(not_before=timezone.now())
        send.run_due()
    message = RequestMessage.objects.get()
    assert (message.status, message.tries) == ("failed", send.TRIES)
    assert "ada@" not in message.error_message + caplog.text
    monkeypatch.undo()


def test_a_killed_worker_s_message_is_sent_again(desk: Desk, settings: Any):
    desk.open("access")
    send._claim()
    assert send.run_due() == 0
    settings.LEASE_SECONDS = -1.0
    assert send.run_due() == 1
    assert len(mail.outbox) == 1


def test_without_an_address_a_person_sends_it(desk: Desk):
    message = desk.open("access", contact_email=None).messages.get()
    with pytest.raises(NotPossible, match="No e-mail address"):
        send.send(message, by=desk.officer)
    message = send.mark_copied(message, by=desk.officer)
    assert (message.status, message.sent_by) == ("copied", desk.officer)


def test_a_request_whose_answer_fails_waits_for_a_person_and_ends_with_the_letter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(send, "TRIES", 1)
    monkeypatch.setattr(send.EmailMessage, "send", lambda self: 1 / 0)
    request = desk.work(desk.tell_partner(desk.work(desk.identified("restriction"))))
    assert request.status == "needs_action"
    step = request.steps.get(action="answer")
    assert "did not take" in step.instructions
    send.mark_copied(write.newest(request, "completion"), by=desk.officer)
    assert desk.work(request).status == "completed"


def test_what_would_only_be_printed_is_not_taken_for_sent(desk: Desk, settings: Any):
    settings.MODE, settings.EMAIL_BACKEND = "production", "django.core.mail.backends.console.EmailBackend"
    message = desk.open("access").messages.get()
    assert message.status == "draft"
    with pytest.raises(NotPossible, match="No mail server is set up"):
        send.send(message, by=desk.officer)
    send.mark_copied(message, by=desk.officer)
    message.refresh_from_db()
    assert message.status == "copied"
