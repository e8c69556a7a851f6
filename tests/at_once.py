"""Several workers at the same work at the same moment, each with a connection of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def at_once(work: Callable[[], Any], workers: int = 6) -> list[Any]:
    """What each of `workers` threads gets from `work`, begun together. Needs a test with real transactions."""
    begin = threading.Barrier(workers)
    results: list[Any] = []
    errors: list[BaseException] = []

    def one() -> None:
        try:
            connection.ensure_connection()
            begin.wait(30)
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
