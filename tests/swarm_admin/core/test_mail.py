"""A mail server may hang wherever it likes: nobody waits longer than EMAIL_TIMEOUT, and what is known is told."""

import socket
import threading
import time

import pytest

from swarm_admin.core import deadlines, mail
from tests.plugins import mail_server as servers

PATIENCE = 5.0  # a machine that is busy; without the limit each of these would hang until pytest kills it


def send(**more):
    mail.send("Hello", "A line\n.\nanother\n", ["ada@x.example"], message_id="<1@x.example>", **more)


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.BANNER, servers.DRIPS])
def test_a_server_that_hangs_before_it_has_the_mail_is_left_in_time_and_nothing_was_sent(mail_server, behaviour):
    server = mail_server(behaviour)
    began = time.monotonic()
    with pytest.raises(mail.NotSent) as told:
        send()
    assert time.monotonic() - began < PATIENCE
    assert told.value.server_is_away
    assert server.mails == []


@pytest.mark.parametrize("behaviour", [servers.DATA, servers.GARBLED])
def test_a_server_that_has_the_mail_and_says_nothing_leaves_the_outcome_unknown(mail_server, behaviour):
    server = mail_server(behaviour)
    began = time.monotonic()
    with pytest.raises(mail.OutcomeUnknown):
        send()
    assert time.monotonic() - began < PATIENCE
    assert len(server.mails) == 1


def test_what_was_taken_is_sent_however_the_server_says_goodbye(mail_server):
    server = mail_server(servers.DEAF_AT_QUIT)
    send()
    assert len(server.mails) == 1


def test_a_mail_arrives_as_it_was_written_under_the_id_it_was_given(mail_server):
    server = mail_server(servers.TAKES)
    send()
    (text,) = server.mails
    assert "Message-ID: <1@x.example>" in text
    assert "\r\n..\r\n" in text  # a line that is a single dot, as the protocol carries it


def test_a_refused_mailbox_is_no_fault_of_the_server(mail_server):
    mail_server(servers.REFUSES)
    with pytest.raises(mail.NotSent) as told:
        send()
    assert not told.value.server_is_away
    assert "@" not in str(told.value)


def test_who_waits_in_the_browser_waits_shorter(mail_server, settings):
    mail_server(servers.SILENT)
    settings.EMAIL_TIMEOUT = 600.0
    with pytest.raises(mail.NotSent):
        send(seconds=0.2)


@pytest.mark.parametrize("name", ["console", "dummy", "filebased", "locmem"])
def test_in_production_what_only_looks_like_sending_is_none(settings, name):
    settings.MODE = "production"
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{name}.EmailBackend"
    assert "EMAIL_URL" in mail.why_not()
    with pytest.raises(mail.NotSent):
        send()


def test_without_a_mail_server_nothing_is_sent_in_any_mode(settings):
    settings.EMAIL_BACKEND = mail.NO_SERVER
    with pytest.raises(mail.NotSent, match="no mail server"):
        send()


def test_a_letter_has_one_id_whoever_sends_it():
    assert mail.message_id("message", 7) == mail.message_id("message", 7)
    assert len({mail.message_id(kind, pk) for kind in ("message", "notice") for pk in (7, 8)}) == 4


def test_a_deadline_cuts_the_connection_and_no_other(mail_server):
    ours, theirs = socket.socketpair()
    other, _other_end = socket.socketpair()
    with ours, theirs, other, _other_end:
        short = deadlines.Deadline(ours, time.monotonic() + 0.05)
        long = deadlines.Deadline(other, time.monotonic() + 3_600)
        assert ours.recv(1) == b""
        assert short.is_over
        assert not long.is_over
        _other_end.sendall(b"x")
        assert other.recv(1) == b"x"
        for each in (short, long, short):
            each.cancel()


def test_deadlines_of_many_threads_all_come():
    ends = []

    def one():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            deadline = deadlines.Deadline(ours, time.monotonic() + 0.02)
            ends.append(ours.recv(1))
            deadline.cancel()

    threads = [threading.Thread(target=one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert ends == [b""] * 40
