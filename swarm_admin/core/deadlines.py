"""Ends a connection whose time is over, whatever it waits for: the limit of a whole exchange.

A socket's own time-out begins anew with each byte: a server that sends one a second holds a thread for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time

_changed = threading.Condition()
_open: set[Deadline] = set()
_wakes_at = 0.0  # monotonic seconds at which the watching thread looks next; 0: nobody watches


class Deadline:
    """Shuts the connection of `sock` down at `ends` (monotonic seconds), in whatever thread it is used.

    It holds the connection by a file descriptor of its own, so it works for TLS laid over the socket later, and
    never meets another connection that was given the same number. `cancel` has to be called at the end.
    """

    def __init__(self, sock: socket.socket, ends: float) -> None:
        self.ends = ends
        self.is_over = False
        self._own = socket.socket(fileno=os.dup(sock.fileno()))
        _add(self)

    def cancel(self) -> None:
        """The exchange is over; safe to call twice, and after the end."""
        with _changed:
            _open.discard(self)
        self._own.close()

    def end(self) -> None:
        """Whoever reads or writes finds the connection gone."""
        self.is_over = True
        with contextlib.suppress(OSError):  # it was closed meanwhile
            self._own.shutdown(socket.SHUT_RDWR)


def _add(deadline: Deadline) -> None:
    global _wakes_at
    with _changed:
        _open.add(deadline)
        if not _wakes_at:
            _wakes_at = deadline.ends
            threading.Thread(target=_watch, name="deadlines", daemon=True).start()
        elif deadline.ends < _wakes_at:
            _changed.notify()


def _watch() -> None:
    """One thread for all of a process: it sleeps until the earliest end it knows of."""
    global _wakes_at
    while True:
        with _changed:
            over = [deadline for deadline in _open if deadline.ends <= time.monotonic()]
            _open.difference_update(over)
            if not over:
                if not _open:
                    _wakes_at = 0.0
                    return
                _wakes_at = min(deadline.ends for deadline in _open)
                _changed.wait(max(0.0, _wakes_at - time.monotonic()))
        for deadline in over:
            deadline.end()


def _forget() -> None:
    """In a forked process: the thread that watches stayed behind."""
    global _changed, _wakes_at
    _changed = threading.Condition()
    _open.clear()
    _wakes_at = 0.0


os.register_at_fork(after_in_child=_forget)
