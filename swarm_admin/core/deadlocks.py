"""What PostgreSQL broke off only because two transactions met is done once more."""

import logging
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

Result = TypeVar("Result")
log = logging.getLogger(__name__)

ATTEMPTS = 4
MET = ("40P01", "40001")  # PostgreSQL's codes: deadlock_detected, serialization_failure


def is_deadlock(error: BaseException | None) -> bool:
    """Whether PostgreSQL chose this transaction as the one to break off, so that another could go on."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", "") in MET


def retried(work: Callable[[], Result]) -> Result:
    """The result of `work`, which is one transaction of its own and is tried ATTEMPTS times at most.

    Inside another transaction it is tried once: that one is broken off with it.

    Raises:
        OperationalError: whatever `work` raises, a deadlock too where it is the last.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return work()
        except OperationalError as error:
            if connection.in_atomic_block or not is_deadlock(error):
                raise
            log.warning("a transaction was broken off for another and is tried again")
    return work()
