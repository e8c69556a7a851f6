"""A port is one test's alone, and its server may come and go on it."""

import socket

import pytest

from tests.ports import free_port


def test_nobody_else_is_given_a_port_that_is_held() -> None:
    port = free_port()
    others = [socket.create_server(("127.0.0.1", 0)) for _ in range(200)]
    assert port not in {other.getsockname()[1] for other in others}
    for other in others:
        other.close()
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", port))


def test_a_server_listens_on_it_again_and_again() -> None:
    port = free_port()
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass
