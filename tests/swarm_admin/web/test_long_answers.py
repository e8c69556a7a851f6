"""Answers longer than a client reads at once: in whole, in order, and no thread waits for who does not read."""

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator

import pytest

from tests.plugins.sandbox import wait_for
from tests.swarm_admin.web import long_answers
from tests.swarm_admin.web.conftest import SECONDS

APPLICATION = "tests.swarm_admin.web.long_answers:application"
LENGTH = len(long_answers.PIECE) * long_answers.PIECES
READERS = 6  # of two threads


def get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.fixture
def idle() -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.socket()) for _ in range(READERS)]


@pytest.fixture
def web(start_web):
    return start_web(dict(os.environ), APPLICATION)


def test_a_long_answer_arrives_whole_and_its_memory_is_bounded(web):
    port, process = web
    get(port, "/made")
    before = sum(each.memory_info().rss for each in process.children())
    assert get(port, "/long") == long_answers.PIECE * long_answers.PIECES
    assert sum(each.memory_info().rss for each in process.children()) - before < LENGTH / 2


def test_an_answer_that_breaks_off_does_not_look_finished(web):
    port, _ = web
    with pytest.raises(http.client.IncompleteRead):
        get(port, "/broken")


def test_who_does_not_read_holds_no_thread_and_is_cut(web, idle):
    port, process = web
    for client in idle:
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    wait_for(lambda: get(port, "/made") == b"%d" % READERS, 20)  # all are made, none is read

    def held() -> list[object]:
        found = [c for child in process.children() for c in child.net_connections("tcp")]
        ports = {client.getsockname()[1] for client in idle}
        return [each for each in found if each.raddr and each.raddr.port in ports]

    wait_for(lambda: not held(), SECONDS + 20)
