"""A lease that is renewed while one long call goes on, by a thread beside it.

Work that comes up for air renews its lease itself. One call does not: a search through a million bodies, an answer of
a vendor that drips. A process that is frozen or killed renews nothing, and its work lapses as it should.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from swarm_admin.core import work

log = logging.getLogger(__name__)
SHARE = 0.25  # of a lease: so often it is renewed
MOST_LEASES = 12  # so long in all: a call that hangs for ever is taken for lost


@contextlib.contextmanager
def keep_lease(row: Any) -> Iterator[None]:
    """Renew the lease of `row`, a `work.Leased` in hand, while the block runs; its `in_flight_since` moves with it.

    A lease that was lost meanwhile is not taken back: whoever records finds that it is no longer theirs. No
    connection is used before the first renewal.
    """
    over = threading.Event()
    keeper = threading.Thread(target=_renew_until, args=(row, over), name="lease keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _renew_until(row: Any, over: threading.Event) -> None:
    every = settings.LEASE_SECONDS * SHARE
    try:
        for _ in range(int(MOST_LEASES / SHARE)):
            if over.wait(every) or not _try_renew(row):
                return
    finally:
        connection.close()


def _try_renew(row: Any) -> bool:
    try:
        work.renew_lease(row)
    except work.LeaseLost:
        return False
    except DatabaseError as error:  # it is tried again, until the lease is over
        log.warning("a lease could not be renewed: %s", type(error).__name__)
        connection.close()
    return True
