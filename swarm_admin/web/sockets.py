"""What the web server leaves to the kernel's defaults, and many slow clients would run into."""

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

OPEN_FILES = Path("/proc/self/fd")


def allow_many_connections() -> None:
    """As many open files as this process may have: the usual default of 1,024 is a connection for each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def drop_unread_answers(seconds: float) -> int:
    """Let the kernel end every connection whose client takes nothing of its answer for so long.

    The server keeps one open for as long as bytes wait to be read. Set on the listening sockets of this process,
    whose connections inherit it, and on those they have already; returns how many connections and sockets.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None or not OPEN_FILES.exists():
        return 0  # this is Linux's way
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(each) for each in _tcp_sockets()]
        ports = {_port(each) for each in found if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)}
        served = [each for each in found if _port(each) in ports]
        for each in served:
            each.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
    return len(served)


def _tcp_sockets() -> Iterator[socket.socket]:
    """This process's, under descriptors of our own."""
    for entry in list(OPEN_FILES.iterdir()):
        with contextlib.suppress(OSError):
            each = socket.socket(fileno=os.dup(int(entry.name)))
            if each.family in (socket.AF_INET, socket.AF_INET6) and each.type == socket.SOCK_STREAM:
                yield each
            else:
                each.close()


def _port(each: socket.socket) -> int:
    return int(each.getsockname()[1])
