"""Ports for the servers of tests: given to one process only, however many ask at once."""

import atexit
import socket

_held: list[socket.socket] = []


def free_port() -> int:
    """A loopback port that nobody else is given until this process ends.

    It is bound here and not listened on: the kernel hands it to no other socket, neither to one that asks for any
    port nor to an outgoing connection, while a server that is told the number may listen on it again and again.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server sets it
    holder.bind(("127.0.0.1", 0))
    _held.append(holder)
    return int(holder.getsockname()[1])


@atexit.register
def _let_go() -> None:
    while _held:
        _held.pop().close()
